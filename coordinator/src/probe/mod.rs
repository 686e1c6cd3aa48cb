//! How long a recording is, from its headers, without reading the recording.
//!
//! Each container has a small parser of its own that looks at the few fields that tell the length and steps over
//! everything else by offset. The general demultiplexers were not used on purpose: they prepare for decoding, so
//! they read sample tables (megabytes for an hour of m4a), cues, attachments and cover art, and refuse codecs
//! that they cannot decode.

mod adts;
mod aiff;
mod amr;
mod asf;
mod au;
mod avi;
mod caf;
mod container;
mod duration;
mod fields;
mod flac;
mod length;
mod matroska;
mod mp4;
mod mp4_fragments;
mod mpeg_audio;
mod mpeg_ts;
mod ogg;
mod ranged_reader;
mod sampled_rate;
mod size_estimate;
mod wav;

pub use container::{Container, SNIFF_BYTES};
pub use duration::{Probe, probe};
pub use ranged_reader::{FetchError, RangedReader, ReadBudget};
pub use size_estimate::seconds_from_size;

#[cfg(test)]
mod tests;
