//! A recording's decoded samples: in memory while they are few, in an unnamed file of the spool when they are many.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::features::SAMPLE_RATE;

/// Samples that are kept in memory before the rest goes to a file: a quarter of an hour, 28.8 MB.
pub const IN_MEMORY_SAMPLES: usize = 15 * 60 * SAMPLE_RATE;

/// 16 kHz mono samples, full scale ±32768. Whatever reads them reads a range at a time, so that a recording of ten
/// hours takes no more memory than one of a quarter of an hour.
#[derive(Debug, Clone)]
pub struct Pcm {
    kept: Arc<Kept>,
    /// What of the kept samples these are, in order; none is empty.
    parts: Vec<Part>,
}

/// A run of samples within a [`Pcm`].
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Where it stands in the `Pcm`.
    at: usize,
    /// Where it stands in what is kept.
    kept_at: usize,
    n_samples: usize,
}

#[derive(Debug)]
enum Kept {
    Memory(Vec<i16>),
    /// Little-endian, without a header; the file has no name and goes with the last handle.
    File {
        file: File,
        n_samples: usize,
    },
}

/// Takes samples as the decoder gives them: little-endian bytes, in pieces of any length.
#[derive(Debug)]
pub struct PcmWriter {
    spool: PathBuf,
    in_memory: usize,
    bytes: Vec<u8>,
    file: Option<File>,
    n_bytes: usize,
    /// Bytes taken, those that are not kept among them.
    n_taken: usize,
    /// What of them is not kept.
    without: Range<usize>,
}

impl Pcm {
    fn whole(kept: Kept) -> Self {
        let n_samples = match &kept {
            Kept::Memory(samples) => samples.len(),
            Kept::File { n_samples, .. } => *n_samples,
        };
        let parts = if n_samples == 0 { Vec::new() } else { vec![Part { at: 0, kept_at: 0, n_samples }] };
        Self { kept: Arc::new(kept), parts }
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.at + part.n_samples)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.len() as f64 / SAMPLE_RATE as f64
    }

    /// The samples of a range, as far as there are some.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, range: Range<usize>) -> io::Result<Vec<i16>> {
        let mut samples = Vec::with_capacity(range.end.min(self.len()).saturating_sub(range.start));
        for part in self.within(range) {
            match &*self.kept {
                Kept::Memory(kept) => samples.extend(&kept[part.kept_at..part.kept_at + part.n_samples]),
                Kept::File { file, .. } => {
                    let mut bytes = vec![0; part.n_samples * 2];
                    file.read_exact_at(&mut bytes, part.kept_at as u64 * 2)?;
                    samples.extend(from_bytes(&bytes));
                }
            }
        }
        Ok(samples)
    }

    /// The samples of several ranges, one after the other, as if nothing had been between them. Nothing is copied.
    #[must_use]
    pub fn joined(&self, ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut at = 0;
        let mut parts = Vec::new();
        for part in ranges.into_iter().flat_map(|range| self.within(range)) {
            parts.push(Part { at, ..part });
            at += part.n_samples;
        }
        Self { kept: Arc::clone(&self.kept), parts }
    }

    /// The parts that a range falls on, cut to it.
    fn within(&self, range: Range<usize>) -> impl Iterator<Item = Part> {
        let first = self.parts.partition_point(|part| part.at + part.n_samples <= range.start);
        let end = range.end;
        self.parts[first..].iter().take_while(move |part| part.at < end).filter_map(move |part| {
            let skipped = range.start.saturating_sub(part.at);
            let n_samples = part.n_samples.min(end - part.at).saturating_sub(skipped);
            let part = Part { at: part.at + skipped, kept_at: part.kept_at + skipped, n_samples };
            (n_samples > 0).then_some(part)
        })
    }
}

impl From<Vec<i16>> for Pcm {
    fn from(samples: Vec<i16>) -> Self {
        Self::whole(Kept::Memory(samples))
    }
}

impl PcmWriter {
    /// Keeps up to `in_memory` samples in memory, and all of them in a file in `spool` once there are more.
    #[must_use]
    pub fn new(spool: &Path, in_memory: usize) -> Self {
        Self {
            spool: spool.to_owned(),
            in_memory,
            bytes: Vec::new(),
            file: None,
            n_bytes: 0,
            n_taken: 0,
            without: 0..0,
        }
    }

    /// Leaves out these of the samples that come.
    #[must_use]
    pub fn without(self, samples: Range<usize>) -> Self {
        Self { without: samples.start.saturating_mul(2)..samples.end.saturating_mul(2), ..self }
    }

    /// Number of whole samples taken, those left out among them.
    #[must_use]
    pub fn n_taken(&self) -> usize {
        self.n_taken / 2
    }

    /// Number of whole samples kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_bytes / 2
    }

    /// Whether none was kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// When the spool's disk is full or cannot be written.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let at = self.n_taken;
        self.n_taken += bytes.len();
        let place = |byte: usize| byte.saturating_sub(at).min(bytes.len());
        let (before, after) = (place(self.without.start), place(self.without.end));
        self.keep(&bytes[..before])?;
        self.keep(&bytes[after.max(before)..])
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.n_bytes += bytes.len();
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        self.bytes.extend_from_slice(bytes);
        if self.len() > self.in_memory {
            let file = self.file.insert(tempfile::tempfile_in(&self.spool)?);
            file.write_all(&std::mem::take(&mut self.bytes))?;
        }
        Ok(())
    }

    /// All that was kept; half a sample at the end is left out.
    #[must_use]
    pub fn finish(self) -> Pcm {
        let n_samples = self.len();
        match self.file {
            Some(file) => Pcm::whole(Kept::File { file, n_samples }),
            None => Pcm::whole(Kept::Memory(from_bytes(&self.bytes).collect())),
        }
    }
}

fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = i16> {
    bytes.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_and_what_is_in_a_file_read_the_same() {
        let spool = tempfile::tempdir().unwrap();
        let samples: Vec<i16> = (0..1000_i32).map(|n| (n * 31 - 16_000) as i16).collect();
        for in_memory in [0, 1, 999, 1000, 5000] {
            let mut writer = PcmWriter::new(spool.path(), in_memory);
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).chain([1]).collect();
            for part in bytes.chunks(7) {
                writer.push(part).unwrap();
            }
            assert_eq!(writer.len(), 1000);
            let pcm = writer.finish();
            assert_eq!(pcm.len(), 1000);
            assert_eq!(pcm.read(0..1000).unwrap(), samples, "{in_memory} in memory");
            assert_eq!(pcm.read(990..2000).unwrap(), samples[990..]);
            assert_eq!(pcm.read(2000..3000).unwrap(), [0_i16; 0]);

            let joined = pcm.joined([10..20, 20..20, 500..503, 990..2000]);
            assert_eq!(joined.len(), 23);
            let expected = [&samples[10..20], &samples[500..503], &samples[990..]].concat();
            for range in [0..23, 0..usize::MAX, 5..12, 10..13, 12..14, 22..23, 23..30, 7..7] {
                let kept = range.start.min(23)..range.end.min(23);
                assert_eq!(joined.read(range).unwrap(), expected[kept]);
            }
            assert_eq!(joined.joined(std::iter::once(9..14)).read(0..9).unwrap(), expected[9..14]);
            assert!(joined.joined([]).is_empty());
        }
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "its file has no name");
    }

    #[test]
    fn what_is_left_out_is_counted_and_not_kept() {
        let spool = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..100_i16).flat_map(i16::to_le_bytes).collect();
        for (without, kept) in [
            (0..0, (0..100).collect::<Vec<i16>>()),
            (10..30, (0..10).chain(30..100).collect()),
            (0..7, (7..100).collect()),
            (50..500, (0..50).collect()),
            (200..300, (0..100).collect()),
        ] {
            for piece in [1, 3, 7, 64, 1000] {
                let mut writer = PcmWriter::new(spool.path(), 20).without(without.clone());
                for bytes in bytes.chunks(piece) {
                    writer.push(bytes).unwrap();
                }
                assert_eq!(writer.n_taken(), 100);
                assert_eq!(writer.finish().read(0..100).unwrap(), kept, "{without:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_spool_that_cannot_be_written_is_an_error() {
        let mut writer = PcmWriter::new(Path::new("/nowhere"), 1);
        assert!(writer.push(&[1, 2, 3, 4]).is_err());
    }
}
