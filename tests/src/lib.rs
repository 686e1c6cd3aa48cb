//! One world of real parts for the scenarios in `tests/`.

pub mod s3_server;
