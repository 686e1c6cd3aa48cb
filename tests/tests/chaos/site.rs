//! All that stands around a run: Redis and the S3 server, and what stands before them and spoils things.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use steno_tests::http_faults::HttpFaults;
use steno_tests::redis_server::{RedisOptions, RedisServer};
use steno_tests::s3_server::{S3Server, free_port};
use steno_tests::steno::Steno;
use steno_tests::toxiproxy::Toxiproxy;
use steno_tests::transcripts;
use steno_tests::world::World;
use tokio::runtime::Runtime;

use crate::backlog::Recording;
use crate::plan::WORKERS;

/// Names of the proxies.
pub(crate) const REDIS_LINK: &str = "redis";
pub(crate) const STORE_LINK: &str = "store";
/// Seconds of audio that a worker gets through in a second.
const SPEED: &str = "200";
/// Size of the disk for recordings that are worked on, where there can be one.
const SPOOL: &str = "size=2m";
const BUCKET: &str = "calls";

/// The servers and proxies.
pub(crate) struct Site {
    pub(crate) runtime: Runtime,
    pub(crate) redis: RedisServer,
    pub(crate) store: S3Server,
    pub(crate) toxiproxy: Toxiproxy,
    pub(crate) http: HttpFaults,
    redis_url: String,
    endpoint: String,
}

/// Where a round takes place.
pub(crate) struct Place {
    // Unmounted before its folder is removed.
    spool: std::cell::RefCell<Option<Disk>>,
    pub(crate) world: World,
    round: u32,
}

/// A small disk.
#[derive(Debug)]
struct Disk(PathBuf);

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
        let options = RedisOptions { args: args.map(str::to_owned).to_vec(), ..RedisOptions::default() };
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
        Ok(Self { runtime, redis, store, toxiproxy, http, redis_url, endpoint })
    }

    /// Puts the recordings of a round into the bucket, and makes a place for it.
    pub(crate) fn place(&self, round: u32, recordings: &[Recording]) -> anyhow::Result<Place> {
        let world = World::new()?;
        let spool = world.state().join("spool");
        std::fs::create_dir_all(&spool)?;
        let spool = Disk::mount(spool);
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
        let steno = steno.args(["--simulated-speed", SPEED, "--workers", &WORKERS.to_string()]);
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
        let filled = std::fs::write(disk.ballast(), vec![0; 4 << 20]);
        ensure!(filled.is_err(), "4 MiB went onto a disk with {SPOOL}");
        Ok(true)
    }

    /// Makes room again.
    pub(crate) fn empty_spool(&self) {
        if let Some(disk) = self.spool.borrow().as_ref() {
            // A run that was started meanwhile has removed it.
            let _ = std::fs::remove_file(disk.ballast());
        }
    }

    /// Takes the small disk away: what a disk is mounted on cannot be removed.
    pub(crate) fn unmount(&self) {
        self.spool.replace(None);
    }
}

impl Disk {
    /// Only root may; in a container perhaps not even root.
    fn mount(path: PathBuf) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SPOOL, "steno-chaos"]).arg(&path);
        let mounted = mount.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self(path))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        let _ = Command::new("umount").arg("--lazy").arg(path).status();
    }
}
