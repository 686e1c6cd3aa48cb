//! The lease protocol: states and transitions of items, kept in Redis.
//!
//! `docs/leases.md` tells the keys, the records and the limits; the scripts in `lua/` are the logic.

mod address;
mod batch;
mod choose_shard;
mod claim;
mod config;
mod connection;
mod control;
mod counts;
mod error;
#[cfg(test)]
mod fuzz;
mod item;
mod items;
mod keys;
mod latency;
mod limits;
mod link;
mod payload;
mod presence;
mod queue;
mod reply;
mod request;
mod runs;
mod scripts;
mod server_info;
mod settle;
mod users;

pub use address::check_redis_url;
pub use batch::{Created, Enqueued, NewItem};
pub use choose_shard::shard_order;
pub use claim::{BatchState, Claim, ClaimRequest, Lease, Renewal, RequestId};
pub use config::{
    CA_VARIABLE, CLIENT_CERTIFICATE_VARIABLES, PASSWORD_VARIABLE, RedisConfig, RedisTls,
    SENTINEL_PASSWORD_VARIABLE,
};
pub use counts::ShardCounts;
pub use error::LeaseError;
pub use item::{Current, ItemRow, ItemState};
pub use items::{Cursor, ItemsPage};
pub use latency::{Latencies, Latency, Operation};
pub use limits::LeaseLimits;
pub use presence::{IdleAdvice, IdleDecision, Phase, Together, WorkerReport};
pub use queue::{Leases, RETRY_BUDGET};
pub use scripts::SCHEMA_VERSION;
pub use server_info::ServerLoad;
pub use settle::{Completed, FailClass, Failed, Released};
pub use users::{worker_rules, worker_user};
