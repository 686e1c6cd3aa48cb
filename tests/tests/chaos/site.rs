//! All that stands around a run: Redis and the S3 server, and what stands before them and spoils things.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use steno_tests::clock::Clock;
use steno_tests::disk::Disk;
use steno_tests::http_faults::HttpFaults;
use steno_tests::redis_server::{RedisOptions, RedisServer};
use steno_tests::s3_server::{S3Server, free_port};
use steno_tests::steno::Steno;
use steno_tests::toxiproxy::Toxiproxy;
use steno_tests::transcripts;
use steno_tests::world::World;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::backlog::Recording;
use crate::plan::WORKERS;

/// Names of the proxies.
pub(crate) const REDIS_LINK: &str = "redis";
pub(crate) const STORE_LINK: &str = "store";
/// Seconds of audio that a worker gets through in a second.
const SPEED: &str = "200";
/// Sizes in MiB of the disks for recordings that are worked on and for Redis's data, where there can be any.
const SPOOL_MIB: u32 = 2;
const REDIS_MIB: u32 = 256;
/// Seconds after which an engine that finishes nothing is given up.
const STALL_LIMIT: &str = "4";
const BUCKET: &str = "calls";
/// As usual, and what the workers' engines work on.
const LOG: &str = "error,steno_worker=info,steno_worker::simulated_work=debug";

/// The servers and proxies.
pub(crate) struct Site {
    pub(crate) runtime: Runtime,
    pub(crate) redis: RedisServer,
    pub(crate) store: S3Server,
    pub(crate) toxiproxy: Toxiproxy,
    pub(crate) http: HttpFaults,
    /// Where Redis keeps its data.
    pub(crate) redis_disk: Option<Disk>,
    /// The clocks of steno and its workers, and of Redis.
    pub(crate) clock: Option<Clock>,
    pub(crate) redis_clock: Option<Clock>,
    redis_url: String,
    endpoint: String,
    // Unmounted before it is removed: the last of all.
    _redis_data: TempDir,
}

/// Where a round takes place.
pub(crate) struct Place {
    // Unmounted before its folder is removed.
    spool: std::cell::RefCell<Option<Disk>>,
    pub(crate) world: World,
    round: u32,
}

impl Site {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let port = free_port()?;
        let args = [
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
        ];
        let redis_data = tempfile::Builder::new().prefix("steno-redis-data-").tempdir()?;
        let redis_disk = Disk::mount(redis_data.path(), REDIS_MIB);
        let (clock, redis_clock) = (Clock::right()?, Clock::right()?);
        let options = RedisOptions {
            env: redis_clock.iter().flat_map(Clock::environment).collect(),
            data: Some(redis_data.path().to_owned()),
            args: args.map(str::to_owned).to_vec(),
            ..RedisOptions::default()
        };
        let redis = RedisServer::start(options)?;
        let (store, toxiproxy, http, redis_port, store_port) = runtime.block_on(async {
            let store = S3Server::start().await?;
            store.bucket(BUCKET).await?;
            let http = HttpFaults::start(store.endpoint.trim_start_matches("http://")).await?;
            let toxiproxy = Toxiproxy::start().await?;
            let redis_port = toxiproxy.stand_before(REDIS_LINK, &format!("127.0.0.1:{port}")).await?;
            let store_port = toxiproxy.stand_before(STORE_LINK, &http.address).await?;
            anyhow::Ok((store, toxiproxy, http, redis_port, store_port))
        })?;
        let (redis_url, endpoint) =
            (format!("redis://127.0.0.1:{redis_port}"), format!("http://127.0.0.1:{store_port}"));
        Ok(Self {
            runtime,
            redis,
            store,
            toxiproxy,
            http,
            redis_disk,
            clock,
            redis_clock,
            redis_url,
            endpoint,
            _redis_data: redis_data,
        })
    }

    /// Puts the recordings of a round into the bucket, and makes a place for it.
    pub(crate) fn place(&self, round: u32, recordings: &[Recording]) -> anyhow::Result<Place> {
        let world = World::new()?;
        let spool = world.state().join("spool");
        std::fs::create_dir_all(&spool)?;
        let spool = Disk::mount(&spool, SPOOL_MIB);
        self.runtime.block_on(async {
            let client = self.store.client().await;
            let put = |recording: &Recording| {
                let key = format!("in-{round}/{}", recording.name);
                let body = Bytes::from(recording.bytes.clone()).into();
                client.put_object().bucket(BUCKET).key(key).body(body).send()
            };
            stream::iter(recordings).map(put).buffer_unordered(16).try_collect::<Vec<_>>().await
        })?;
        Ok(Place { spool: spool.into(), world, round })
    }

    /// `steno run` for a round.
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<Steno> {
        let (input, output) =
            (format!("s3://{BUCKET}/in-{}", place.round), format!("s3://{BUCKET}/out-{}", place.round));
        let steno =
            place.world.steno()?.args(["run", &input, "--out", &output, "--json", "--engine", "simulated"]);
        let steno =
            steno.args(["--simulated-speed", SPEED, "--workers", &WORKERS.to_string(), "--split", "2m"]);
        let steno = steno.args(["--stall-limit", STALL_LIMIT]).envs([("STENO_LOG", LOG)]);
        let clock: Vec<(&str, String)> = self.clock.iter().flat_map(Clock::environment).collect();
        let steno = steno.envs(clock.iter().map(|(name, value)| (*name, value.as_str())));
        let steno = steno.args(["--redis", &self.redis_url, "--s3-endpoint", &self.endpoint]);
        Ok(steno.args(["--state"]).arg(place.world.state()).envs(self.store.env()))
    }

    /// Makes the temporary objects in a round's output two hours old. Tells how many there are.
    pub(crate) fn age_temporaries(&self, place: &Place) -> anyhow::Result<usize> {
        let folder = self.output(place);
        let then = SystemTime::now() - Duration::from_secs(2 * 3600);
        let mut aged = 0;
        for name in transcripts::files(&folder)?.into_keys().filter(|name| name.contains("steno-tmp")) {
            std::fs::File::options().write(true).open(folder.join(name))?.set_modified(then)?;
            aged += 1;
        }
        Ok(aged)
    }

    /// Where the objects of a round's output are, as files of the server.
    pub(crate) fn output(&self, place: &Place) -> PathBuf {
        self.store.bucket_folder(BUCKET).join(place.output_prefix())
    }
}

impl Place {
    fn output_prefix(&self) -> String {
        format!("out-{}/", self.round)
    }

    /// Where the objects of the output are, in the paths of requests.
    pub(crate) fn output_path(&self) -> String {
        format!("/{BUCKET}/{}", self.output_prefix())
    }

    /// Fills the disk on which recordings are worked on. False where there is no disk that may be filled.
    pub(crate) fn fill_spool(&self) -> anyhow::Result<bool> {
        let spool = self.spool.borrow();
        let Some(disk) = spool.as_ref() else { return Ok(false) };
        disk.fill()?;
        Ok(true)
    }

    /// Makes room again.
    pub(crate) fn empty_spool(&self) {
        if let Some(disk) = self.spool.borrow().as_ref() {
            disk.empty();
        }
    }

    /// Takes the small disk away: what a disk is mounted on cannot be removed.
    pub(crate) fn unmount(&self) {
        self.spool.replace(None);
    }
}
