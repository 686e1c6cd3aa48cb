//! One world of real parts for the scenarios in `tests/`.

pub mod lease_invariants;
pub mod lease_world;
pub mod redis_server;
pub mod s3_server;
pub mod wait;
