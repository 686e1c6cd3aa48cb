//! The state folder of a local batch: its lock, its settings, its Redis.

mod folder;
mod redis_server;

pub use folder::{Lock, StateFolder};
pub use redis_server::{RedisServer, exec_redis_server};
