//! Voice activity detection against the reference's: `tools/reference/vad.py` made the numbers. Real recordings are
//! decoded by the ffmpeg that `make setup` fetches.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod properties;
mod reference;
#[path = "../support/mod.rs"]
mod support;
