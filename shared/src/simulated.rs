//! The simulated engine's words: what it writes of a recording, and how its output is marked. No speech is recognised.
//!
//! The text follows from the recording's bytes alone, so that a transcript of another recording, or of half of one, is noticed.

use sha2::{Digest as _, Sha256};

use crate::batch::ModelIdentity;
use crate::fingerprint::hex;
use crate::flac;
use crate::recording::is_credible;
use crate::storage::{StorageError, Store};

/// What stands in an output with simulated transcripts. No transcript's name ends so.
pub const MARKER: &str = "STENO-SIMULATED.md";
/// What it says.
const MARKER_TEXT: &str = "# Simulated transcripts\n\nSteno's simulated engine (`--engine simulated`) wrote the transcripts here: \
                           their words follow from the recordings' bytes, and nobody said them. Remove all of it before you use \
                           this place for real ones.\n";
/// What each simulated transcript warns of.
pub const WARNING: &str = "simulated: no speech was recognised, the words follow from the recording's bytes";
/// Length of a segment, as of Whisper's window, in seconds.
pub const SEGMENT_SECONDS: f64 = 30.0;
/// Words of a segment.
const WORDS: usize = 8;

/// Says what a recording that ends with these words and one of the faults does to the engine, to rehearse faults.
const DIRECTIVE: &str = "steno-simulated: ";

/// What a recording is to the simulated engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// How long it is, if it is a FLAC file and its header tells: what was planned may be an estimate.
    pub seconds: Option<f64>,
    /// What it does to the engine, beside being transcribed.
    pub fault: Option<Fault>,
}

/// What a recording may do to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be transcribed.
    Poison,
    /// The attempt fails; another one may not.
    Retry,
    /// The worker's process dies of it.
    Abort,
    /// The engine never gets done with it.
    Hang,
}

impl Content {
    /// Reads a recording, which may be large, piece by piece.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(mut from: impl std::io::Read) -> std::io::Result<Self> {
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
        let (mut first, mut last, mut size_bytes) = (Vec::new(), Vec::new(), 0);
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let new = piece.get(..read).unwrap_or_default();
            hash.update(new);
            size_bytes += read as u64;
            first.extend(new.iter().take(flac::HEADER_BYTES.saturating_sub(first.len())));
            last.extend_from_slice(new);
            last.drain(..last.len().saturating_sub(DIRECTIVE.len() + 16));
        }
        let seconds = flac::length_seconds(&first).filter(|&seconds| is_credible(seconds, size_bytes));
        let fault = Fault::at_the_end_of(&last);
        Ok(Self { hash: hash.finalize().into(), seconds, fault })
    }

    /// The text of the segment of this number, from 0, with the leading space that Whisper writes.
    #[must_use]
    pub fn text(&self, segment: u64) -> String {
        let digest = Sha256::new().chain_update(self.hash).chain_update(segment.to_be_bytes()).finalize();
        digest.iter().take(WORDS).flat_map(|byte| [' '].into_iter().chain(word(*byte))).collect()
    }

    /// The whole text of a recording of this length.
    #[must_use]
    pub fn texts(&self, seconds: f64) -> Vec<String> {
        (0..segments(seconds)).map(|segment| self.text(segment)).collect()
    }
}

impl Fault {
    fn at_the_end_of(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        match text.trim_end().rsplit_once(DIRECTIVE)?.1 {
            "poison" => Some(Self::Poison),
            "retry" => Some(Self::Retry),
            "abort" => Some(Self::Abort),
            "hang" => Some(Self::Hang),
            _ => None,
        }
    }
}

/// How many segments a recording of this length has.
#[must_use]
pub fn segments(seconds: f64) -> u64 {
    (seconds.max(0.0) / SEGMENT_SECONDS).ceil() as u64
}

/// A word for each byte: consonant, vowel, consonant.
fn word(byte: u8) -> [char; 3] {
    const FIRST: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aeiu";
    const LAST: &[u8; 4] = b"lmns";
    let letter =
        |letters: &[u8], index: u8| letters.get(usize::from(index)).map_or('?', |&byte| char::from(byte));
    [letter(FIRST, byte >> 4), letter(VOWELS, (byte >> 2) & 3), letter(LAST, byte & 3)]
}

/// What stands for the model: another one than any real model, so that no transcript is taken for one of the other kind.
#[must_use]
pub fn model() -> ModelIdentity {
    ModelIdentity { name: "simulated".to_owned(), hash: hex(&Sha256::digest(b"steno simulated engine 1")) }
}

/// Whether an output is marked.
///
/// # Errors
/// If it cannot be read.
pub async fn is_marked(output: &Store) -> Result<bool, StorageError> {
    Ok(output.head(MARKER).await?.is_some())
}

/// Marks an output.
///
/// # Errors
/// If it cannot be written.
pub async fn mark(output: &Store) -> Result<(), StorageError> {
    output.put_new(MARKER, MARKER_TEXT.into(), "text/markdown").await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_from_the_bytes_and_nothing_else() {
        let content = |bytes: &[u8]| Content::read(bytes).unwrap();
        assert_eq!(content(b"a").texts(61.0), content(b"a").texts(61.0));
        assert_eq!(content(b"a").texts(61.0).len(), 3);
        assert_eq!(content(b"a").texts(60.0).len(), 2);
        assert_eq!(content(b"").texts(0.0), Vec::<String>::new());
        assert_ne!(content(b"a").text(0), content(b"b").text(0));
        assert_ne!(content(b"a").text(0), content(b"a").text(1));
        let text = content(b"a").text(0);
        assert_eq!(text.split(' ').filter(|word| word.len() == 3).count(), WORDS, "{text:?}");
        assert!(text.starts_with(' '));
    }

    #[test]
    fn a_header_is_believed_as_far_as_its_file_could_hold_it() {
        let whole = flac::header_only(600.0, [7; 16]);
        assert_eq!(Content::read(whole.as_slice()).unwrap().seconds, Some(600.0));
        assert_eq!(Content::read(&whole[..whole.len() / 2]).unwrap().seconds, None);
        assert_eq!(Content::read(&b"RIFF"[..]).unwrap().seconds, None);
    }

    #[test]
    fn a_recording_may_rehearse_a_fault() {
        let fault = |bytes: &[u8]| Content::read(bytes).unwrap().fault;
        let long = [vec![0xff; 200_000], b"\nsteno-simulated: abort\n".to_vec()].concat();
        assert_eq!(fault(&long), Some(Fault::Abort));
        assert_eq!(fault(b"steno-simulated: hang"), Some(Fault::Hang));
        assert_eq!(fault(b"steno-simulated: poison"), Some(Fault::Poison));
        assert_eq!(fault(b"steno-simulated: retry"), Some(Fault::Retry));
        for none in [&b""[..], b"steno-simulated: dance", b"hang", b"steno-simulated: hang and more"] {
            assert_eq!(fault(none), None);
        }
    }

    #[test]
    fn no_two_bytes_have_one_word() {
        let words: std::collections::HashSet<_> = (0..=u8::MAX).map(word).collect();
        assert_eq!(words.len(), 256);
    }
}
