//! Files of known length, and a reader over bytes that checks what it is asked for.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;

use crate::probe::duration::probe_uncaught;
use crate::probe::{Probe, RangedReader, ReadBudget};

/// A probe and what it cost.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) probe: Probe,
    pub(super) bytes_read: u64,
    pub(super) requests: u32,
}

pub(super) fn probe_bytes(data: &[u8], name: &str) -> Probed {
    let size = data.len() as u64;
    let budget = ReadBudget::default();
    let mut reader = RangedReader::new(size, budget, |range: Range<u64>| {
        assert!(range.start < range.end && range.end <= size, "{range:?} of {size} bytes");
        Ok(Bytes::copy_from_slice(&data[range.start as usize..range.end as usize]))
    });
    let probe = probe_uncaught(&mut reader, name);
    assert!(probe.seconds.is_finite() && (0.0..=1e9).contains(&probe.seconds), "{name}: {probe:?}");
    assert!(
        reader.bytes_read() <= budget.bytes && reader.requests() <= budget.requests,
        "{name}: {reader:?}"
    );
    Probed { probe, bytes_read: reader.bytes_read(), requests: reader.requests() }
}

/// Runs ffmpeg with `args`, separated by spaces, and gives the bytes of the file `name` that it writes.
pub(super) fn ffmpeg(folder: &Path, args: &str, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    let program = program();
    let status = Command::new(&program)
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(&path)
        .status();
    let status =
        status.unwrap_or_else(|error| panic!("cannot run {}: {error}; run make setup", program.display()));
    assert!(status.success(), "ffmpeg {args} {name}: {status}");
    std::fs::read(&path).unwrap()
}

fn program() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/bin/ffmpeg"))
}
