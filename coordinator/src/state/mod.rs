//! The state folder of a local batch: its lock, its settings, its Redis.

mod batch_redis;
mod folder;
mod redis_server;

pub use batch_redis::{BatchRedis, check_public_redis_url};
pub use folder::{Lock, StateFolder};
pub use redis_server::{RedisServer, exec_redis_server};
