//! Which recordings a backlog has. Pure: the same backlog has the same ones.

use sha2::{Digest as _, Sha256};
use steno_shared::flac;

/// Recordings of a folder: stores and file systems are slow with many in one.
const PER_FOLDER: usize = 1_000;

/// A backlog of recordings that have a length and no speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Backlog {
    /// What its bytes follow from.
    pub seed: u64,
    /// Length of each recording in seconds.
    pub seconds: Vec<f64>,
}

/// One recording of a backlog.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// Its name in the input.
    pub name: String,
    /// Its number.
    pub index: usize,
    /// Its length.
    pub seconds: f64,
}

/// The name of a recording of a backlog, by its number.
pub(crate) fn recording_name(index: usize, extension: &str) -> String {
    format!("{:04}/{:07}.{extension}", index / PER_FOLDER, index)
}

impl Backlog {
    /// All recordings, in the order of their names.
    pub fn recordings(&self) -> impl Iterator<Item = Made> + '_ {
        self.seconds.iter().enumerate().map(|(index, &seconds)| Made {
            name: recording_name(index, "flac"),
            index,
            seconds,
        })
    }

    /// The bytes of a recording: a header that tells the length, and nothing that could be heard.
    #[must_use]
    pub fn bytes(&self, made: &Made) -> Vec<u8> {
        let digest = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update((made.index as u64).to_be_bytes())
            .finalize();
        flac::header_only(made.seconds, std::array::from_fn(|index| digest[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_have_names_in_order_and_bytes_of_their_own() {
        let backlog = Backlog { seed: 1, seconds: vec![5.0; 2_001] };
        let made: Vec<Made> = backlog.recordings().collect();
        assert!(made.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(
            (made[0].name.as_str(), made[2_000].name.as_str()),
            ("0000/0000000.flac", "0002/0002000.flac")
        );
        assert_ne!(backlog.bytes(&made[0]), backlog.bytes(&made[1]));
        assert_eq!(backlog.bytes(&made[0]), backlog.clone().bytes(&made[0]));
        assert_ne!(backlog.bytes(&made[0]), Backlog { seed: 2, ..backlog.clone() }.bytes(&made[0]));
        assert_eq!(flac::length_seconds(&backlog.bytes(&made[7])), Some(5.0));
    }
}
