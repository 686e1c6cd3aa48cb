//! A recording's decoded samples: in memory while they are few, in an unnamed file of the spool when they are many.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::features::SAMPLE_RATE;

/// Samples that are kept in memory before the rest goes to a file: a quarter of an hour, 28.8 MB.
pub const IN_MEMORY_SAMPLES: usize = 15 * 60 * SAMPLE_RATE;

/// 16 kHz mono samples, full scale ±32768. Whatever reads them reads a range at a time, so that a recording of ten
/// hours takes no more memory than one of a quarter of an hour.
#[derive(Debug)]
pub struct Pcm(Kept);

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
}

impl Pcm {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Memory(samples) => samples.len(),
            Kept::File { n_samples, .. } => *n_samples,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        let end = range.end.min(self.len());
        let range = range.start.min(end)..end;
        match &self.0 {
            Kept::Memory(kept) => Ok(kept[range].to_vec()),
            Kept::File { file, .. } => {
                let mut bytes = vec![0; range.len() * 2];
                file.read_exact_at(&mut bytes, range.start as u64 * 2)?;
                Ok(samples(&bytes))
            }
        }
    }
}

impl From<Vec<i16>> for Pcm {
    fn from(samples: Vec<i16>) -> Self {
        Self(Kept::Memory(samples))
    }
}

impl PcmWriter {
    /// Keeps up to `in_memory` samples in memory, and all of them in a file in `spool` once there are more.
    #[must_use]
    pub fn new(spool: &Path, in_memory: usize) -> Self {
        Self { spool: spool.to_owned(), in_memory, bytes: Vec::new(), file: None, n_bytes: 0 }
    }

    /// Number of whole samples taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_bytes / 2
    }

    /// Whether none was taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// When the spool's disk is full or cannot be written.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
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

    /// All that was taken; half a sample at the end is left out.
    #[must_use]
    pub fn finish(self) -> Pcm {
        let n_samples = self.len();
        match self.file {
            Some(file) => Pcm(Kept::File { file, n_samples }),
            None => Pcm(Kept::Memory(samples(&self.bytes))),
        }
    }
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect()
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
        }
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "its file has no name");
    }

    #[test]
    fn a_spool_that_cannot_be_written_is_an_error() {
        let mut writer = PcmWriter::new(Path::new("/nowhere"), 1);
        assert!(writer.push(&[1, 2, 3, 4]).is_err());
    }
}
