//! The lease protocol: states and transitions of items, kept in Redis.

mod config;

pub use config::RedisConfig;
