//! A batch on a Redis of its own, for scenarios of the lease protocol.

use anyhow::{Context as _, Result};
use redis::{Connection, cmd};
use steno_shared::batch::{BatchMeta, ModelIdentity, Splitting};
use steno_shared::ids::{BatchId, Epoch, ItemId, ShardId, WorkerId};
use steno_shared::leases::{
    Claim, ClaimRequest, Created, Cursor, ItemRow, ItemState, Lease, LeaseLimits, Leases, NewItem,
    RedisConfig, RequestId,
};
use steno_shared::options::TranscribeOptions;
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::storage::S3Config;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;
use steno_shared::worker_config::{Device, EngineKind, WorkLimits, WorkerConfig};

use crate::lease_invariants::{RawShard, check_invariants, key, read_raw};
use crate::redis_cluster::RedisCluster;
use crate::redis_server::{RedisOptions, RedisServer};

/// The shard that scenarios with one shard use.
pub const SHARD: ShardId = ShardId(0);
/// A lease that does not end during a test.
pub const LONG_MS: u64 = 600_000;

/// A batch with a server of its own.
pub struct LeaseWorld {
    /// The server; of a cluster, the one that had the first shard at the start.
    pub server: RedisServer,
    /// The other servers of a cluster.
    pub beside: Vec<RedisServer>,
    /// The handle under test.
    pub leases: Leases,
    /// The batch.
    pub batch: BatchId,
    /// Its number of shards.
    pub shards: u32,
}

/// Settings of a batch for tests.
///
/// # Errors
/// Never in practice.
pub fn batch_meta(batch: &BatchId, shards: u32) -> BatchMeta {
    BatchMeta {
        batch: batch.clone(),
        input: "/in".into(),
        output: "/out".into(),
        model: ModelIdentity { name: "tiny.en".into(), hash: "0".repeat(64) },
        options: TranscribeOptions::default(),
        formats: vec![Format::Json],
        subtitles: SubtitleLayout::default(),
        shards,
        splitting: Splitting::Never,
    }
}

/// An item of a length in seconds.
#[must_use]
pub fn item(name: &str, seconds: f64) -> NewItem {
    let recording = Recording {
        name: name.into(),
        etag: "d41d8cd98f00b204e9800998ecf8427e".into(),
        size_bytes: 1_234_567,
        seconds,
        seconds_from: DurationSource::Header,
        part: None,
    };
    NewItem { id: recording.id(), recording }
}

/// Items of different lengths, the shortest first.
#[must_use]
pub fn items(count: u32) -> Vec<NewItem> {
    (1..=count).map(|n| item(&format!("calls/2026-11/{n:07}-recording.mp3"), f64::from(n))).collect()
}

/// A new request of a worker that holds nothing, for so many items of any length.
#[must_use]
pub fn claim_request(worker: &WorkerId, count: u32) -> ClaimRequest {
    ClaimRequest {
        request_id: RequestId::random(),
        worker: worker.clone(),
        count,
        lease_ms: LONG_MS,
        alone: true,
        longest_ms: None,
    }
}

impl LeaseWorld {
    /// A batch of one shard with the default limits.
    ///
    /// # Errors
    /// When Redis cannot be started or refuses.
    pub async fn new() -> Result<Self> {
        Self::with(RedisOptions::default(), 1, &LeaseLimits::default()).await
    }

    /// A batch of a choice.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn with(options: RedisOptions, shards: u32, limits: &LeaseLimits) -> Result<Self> {
        let server = RedisServer::start(options)?;
        let batch: BatchId = "night-2026".parse()?;
        let leases = Leases::connect(&server.config(), &batch).await?;
        let created = leases.create_batch(&batch_meta(&batch, shards), limits).await?;
        anyhow::ensure!(created == Created::New, "a fresh Redis knows the batch");
        Ok(Self { server, beside: Vec::new(), leases, batch, shards })
    }

    /// A batch of one shard on a Redis Cluster.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn on_cluster(limits: &LeaseLimits) -> Result<Self> {
        let cluster = RedisCluster::start()?;
        let batch: BatchId = "night-2026".parse()?;
        let leases = Leases::connect(&RedisConfig::new(cluster.url()), &batch).await?;
        leases.create_batch(&batch_meta(&batch, 1), limits).await?;
        let mut beside = cluster.nodes;
        let meta = key(&batch, SHARD, "meta");
        let place = beside.iter().position(|node| holds(node, &meta).is_some());
        let place = place.context("no node of the cluster has the batch")?;
        let server = beside.swap_remove(place);
        Ok(Self { server, beside, leases, batch, shards: 1 })
    }

    /// A worker's configuration for the batch, with places that are not there.
    #[must_use]
    pub fn worker_config(&self) -> WorkerConfig {
        WorkerConfig {
            meta: batch_meta(&self.batch, self.shards),
            workers: self.shards,
            redis: self.server.config(),
            s3: S3Config::default(),
            engine: EngineKind::default(),
            model: "/model".into(),
            device: Device::Cpu,
            threads: 1,
            batch_size: None,
            spool: "/spool".into(),
            ffmpeg: "/ffmpeg".into(),
            lease_ms: 5000,
            report_ms: 100,
            replace_existing: false,
            limits: WorkLimits::default(),
        }
    }

    /// A connection to look at raw keys; of a cluster, to the server that has the first shard now.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn raw(&self) -> Result<Connection> {
        if self.beside.is_empty() {
            return self.server.connection();
        }
        let meta = self.key("meta");
        let servers = std::iter::once(&self.server).chain(&self.beside);
        servers
            .filter_map(|server| holds(server, &meta))
            .next()
            .context("no node of the cluster has the batch")
    }

    /// A raw key of the first shard.
    #[must_use]
    pub fn key(&self, part: &str) -> String {
        key(&self.batch, SHARD, part)
    }

    /// The first shard's raw keys.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn raw_shard(&self) -> Result<RawShard> {
        read_raw(&mut self.raw()?, &self.batch, SHARD)
    }

    /// Checks the invariants of every shard.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<()> {
        let mut connection = self.raw()?;
        for shard in 0..self.shards {
            check_invariants(&mut connection, &self.batch, ShardId(shard))?;
        }
        Ok(())
    }

    /// Claims from the first shard.
    ///
    /// # Errors
    /// As the call.
    pub async fn claim(&self, worker: &WorkerId, count: u32) -> Result<Claim> {
        Ok(self.leases.claim(SHARD, &claim_request(worker, count)).await?)
    }

    /// Claims one item from the first shard.
    ///
    /// # Errors
    /// As the call, and when there is none.
    pub async fn claim_one(&self, worker: &WorkerId) -> Result<Lease> {
        self.claim(worker, 1).await?.leases.pop().context("nothing to claim")
    }

    /// Makes what is leased or delayed due now, as time would.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn let_time_pass(&self, part: &str, id: &ItemId) -> Result<()> {
        cmd("ZADD").arg(self.key(part)).arg("XX").arg(1).arg(id.as_str()).exec(&mut self.raw()?)?;
        Ok(())
    }

    /// The server's clock in milliseconds.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn server_ms(&self) -> Result<u64> {
        let (seconds, micros): (u64, u64) = cmd("TIME").query(&mut self.raw()?)?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// All items of the first shard in a state.
    ///
    /// # Errors
    /// As the call.
    pub async fn rows(&self, state: Option<ItemState>) -> Result<Vec<ItemRow>> {
        let (mut rows, mut cursor): (Vec<ItemRow>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let page = self.leases.items(SHARD, state, cursor.as_ref()).await?;
            rows.extend(page.rows);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(rows),
            }
        }
    }

    /// One item of the first shard.
    ///
    /// # Errors
    /// As the call, and when there is no such item.
    pub async fn row(&self, id: &ItemId) -> Result<ItemRow> {
        self.rows(None).await?.into_iter().find(|row| row.id == *id).context("no such item")
    }

    /// What the next epoch of a lease would be if its own were forged.
    #[must_use]
    pub fn older(epoch: Epoch) -> Epoch {
        Epoch(epoch.0 - 1)
    }
}

/// A connection to a node of a cluster, if it has this key: the others answer that it is elsewhere.
fn holds(node: &RedisServer, key: &str) -> Option<Connection> {
    let mut connection = node.connection().ok()?;
    cmd("EXISTS").arg(key).query::<bool>(&mut connection).is_ok_and(|there| there).then_some(connection)
}
