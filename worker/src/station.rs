//! What every stage of one worker works with: its configuration, stores and leases.

use steno_shared::ids::{ShardId, WorkerId};
use steno_shared::leases::Leases;
use steno_shared::storage::Store;
use steno_shared::worker_config::WorkerConfig;

/// One worker's connections and settings, opened once at its start.
#[derive(Debug, Clone)]
pub struct Station {
    /// As the coordinator wrote it.
    pub config: WorkerConfig,
    /// This start's identity.
    pub worker: WorkerId,
    /// The shard that this worker takes from first.
    pub home: ShardId,
    /// The leases of the batch.
    pub leases: Leases,
    /// Where recordings are.
    pub input: Store,
    /// Where transcripts go.
    pub output: Store,
}
