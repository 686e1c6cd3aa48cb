//! The leases under load, without recordings: how many a second, how long a claim takes, what an item costs in Redis.

mod figures;
mod peer;
mod redis_server;
mod steno;

pub use figures::Figures;
pub use peer::Peer;
pub use redis_server::RedisServer;
pub use steno::{Load, measure_steno};
