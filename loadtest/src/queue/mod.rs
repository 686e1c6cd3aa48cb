//! The leases under load, without recordings: how many a second, how long a claim takes, what an item costs in Redis.

mod figures;
mod hold;
mod peer;
mod recovery;
mod redis_server;
mod steno;

pub use figures::Figures;
pub use hold::hold;
pub use peer::Peer;
pub use recovery::{Contender, Recovery, Settings, recover};
pub use redis_server::RedisServer;
pub use steno::{Load, measure_steno};
