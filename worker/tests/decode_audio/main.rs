//! Bad, odd and hostile recordings, decoded by the real worker's child process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

mod bench;
mod damaged;
mod hostile;
mod odd;
