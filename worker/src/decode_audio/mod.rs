//! Decoding untrusted recordings: ffmpeg as a child process with limits.
//!
//! The worker starts itself with the hidden subcommand `decode-audio`; that process limits itself and becomes ffmpeg
//! ([`child`]). The recording comes as its standard input, opened here: ffmpeg is allowed no protocol but its own
//! descriptors, so neither a hostile name nor a playlist within the file makes it open anything, and where the kernel can
//! hold it to that ([`Confine`]), a flaw in it neither. No environment reaches it, and it dies with the worker.

pub mod child;
mod confine;
mod diagnose;
mod error;
mod ffmpeg;
mod process;
mod request;

pub use confine::{Confine, Confinement, confinement};
pub use error::DecodeError;
pub use process::decode_audio;
pub use request::{DecodeLimits, DecodeProgress, DecodeRequest, DecodedAudio, Ffmpeg, Wanted};
