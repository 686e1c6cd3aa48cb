//! Talking to a cluster: requests with time-outs and errors that say what to do, and a way to its Redis.

mod client;
mod installation;
pub mod job_events;
mod leader;
mod model_cache;
mod port_forward;
mod records;
mod redis_access;

pub use client::{Cluster, Where, create_new, delete, within};
pub use installation::{Installation, read_settings};
pub use leader::Leader;
pub use model_cache::check_model_cache;
pub use port_forward::PortForward;
pub use records::Records;
pub use redis_access::RedisAccess;
