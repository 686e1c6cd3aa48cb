//! One world of real parts for the scenarios in `tests/`.

pub mod audio;
pub mod clock;
pub mod condition;
pub mod disk;
pub mod http_faults;
pub mod invariants;
pub mod lease_invariants;
pub mod lease_world;
pub mod processes;
pub mod redis_cluster;
pub mod redis_server;
pub mod s3_server;
pub mod steno;
pub mod tls_proxy;
pub mod toxiproxy;
pub mod transcripts;
pub mod wait;
pub mod world;
