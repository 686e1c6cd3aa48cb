//! Speech put together into chunks that fit a window, and into one recording without its silence.

use std::io;
use std::path::Path;

use super::Span;
use crate::features::SAMPLE_RATE;
use crate::pcm::{IN_MEMORY_SAMPLES, Pcm, PcmWriter};

/// Samples copied at a time: 4 s.
const BLOCK: usize = 1 << 16;

/// Spans of speech that are heard as one piece of audio, without what lies between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The spans, in order.
    pub spans: Vec<Span>,
}

impl Chunk {
    /// Number of samples of speech.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.spans.iter().map(|span| span.n_samples()).sum()
    }

    /// Length of the speech in seconds.
    #[must_use]
    pub fn duration_seconds(&self) -> f64 {
        self.n_samples() as f64 / SAMPLE_RATE as f64
    }

    /// The same, so many samples later.
    #[must_use]
    pub fn later(self, n_samples: usize) -> Self {
        let later = |span: Span| Span { start: span.start + n_samples, end: span.end + n_samples };
        Self { spans: self.spans.into_iter().map(later).collect() }
    }

    /// The samples of all spans, one after the other.
    ///
    /// # Errors
    /// When samples that are kept in a file cannot be read.
    pub fn read(&self, pcm: &Pcm) -> io::Result<Vec<i16>> {
        let mut samples = Vec::with_capacity(self.n_samples());
        for span in &self.spans {
            samples.extend(pcm.read(span.start..span.end)?);
        }
        Ok(samples)
    }
}

/// Puts spans together as long as a chunk stays within `max_samples`; a longer span is a chunk of its own.
///
/// The audio is that of faster-whisper 1.2.1's `collect_chunks`, without its chunk of no samples for a recording without
/// speech or before a first span that is too long. Its list of a chunk's spans lacks the first of each chunk but the
/// first chunk; here all are listed.
#[must_use]
pub fn group_spans(spans: &[Span], max_samples: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut n_samples = 0_usize;
    for &span in spans {
        n_samples = n_samples.saturating_add(span.n_samples());
        match chunks.last_mut() {
            Some(chunk) if n_samples <= max_samples => chunk.spans.push(span),
            Some(_) | None => {
                chunks.push(Chunk { spans: vec![span] });
                n_samples = span.n_samples();
            }
        }
    }
    chunks
}

/// A recording's speech without its silence, as sequential mode hears it with `vad_filter`. Long ones go to a file in
/// `spool`, and no more than a few seconds are in memory for it.
///
/// # Errors
/// When samples that are kept in a file cannot be read, or the spool cannot be written.
pub fn speech_only(pcm: &Pcm, spans: &[Span], spool: &Path) -> io::Result<Pcm> {
    let mut speech = PcmWriter::new(spool, IN_MEMORY_SAMPLES);
    for span in spans {
        for start in (span.start..span.end).step_by(BLOCK) {
            let block = pcm.read(start..span.end.min(start + BLOCK))?;
            let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            speech.push(&bytes)?;
        }
    }
    Ok(speech.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_speech_hold_the_samples_of_their_spans() {
        let pcm = Pcm::from((0..200_000_i32).map(|n| (n % 30_011) as i16).collect::<Vec<_>>());
        let spans = [(5, 9), (20, 21), (100, 180_000)].map(|(start, end)| Span { start, end });
        let samples = Chunk { spans: spans.to_vec() }.read(&pcm).unwrap();
        assert_eq!(samples[..6], [5, 6, 7, 8, 20, 100]);
        assert_eq!(samples.len(), 5 + 179_900);
        let speech = speech_only(&pcm, &spans, &std::env::temp_dir()).unwrap();
        assert_eq!(speech.read(0..usize::MAX).unwrap(), samples);
        assert!(speech_only(&pcm, &[], &std::env::temp_dir()).unwrap().is_empty());
    }
}
