//! A recording of the manifest.

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;
use crate::pieces::{PIECE_SECONDS, pieces};

/// One recording: a line of the manifest, and the payload of an item in Redis.
///
/// `name` is relative to the input and hostile: never use it as a path without
/// [`crate::output_name`] or the storage layer's own checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Name relative to the input, as the store gives it.
    pub name: String,
    /// The store's version tag: an S3 ETag, or size and modification time of a file.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Length of the audio in seconds, as far as it is known before decoding.
    pub seconds: f64,
    /// Where `seconds` comes from.
    #[serde(default, skip_serializing_if = "DurationSource::is_header")]
    pub seconds_from: DurationSource,
    /// Which part of it this is, where it is worked on in several; `seconds` is then the part's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<RecordingPart>,
}

/// One of several parts of a recording, each a lease of its own. They are planned to be as many pieces long, give or take one, and of
/// one length where there are more of them than pieces; where exactly the cuts are is found in the audio, by the workers of both
/// neighbours alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordingPart {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are, 2 or more.
    pub count: u32,
    /// Length of the whole recording in milliseconds, as far as it is known before decoding.
    pub whole_ms: u64,
}

impl RecordingPart {
    /// The first of `count` parts of a recording of so many seconds.
    #[must_use]
    pub fn first(seconds: f64, count: u32) -> Self {
        Self { index: 0, count, whole_ms: (seconds.clamp(0.0, SECONDS_MAX) * 1000.0) as u64 }
    }

    /// All parts of its recording, itself among them, in order.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (0..self.count).map(move |index| Self { index, ..self })
    }

    /// Where it is planned to begin, in seconds of the recording.
    #[must_use]
    pub fn begin_seconds(self) -> f64 {
        self.seconds_before(self.index)
    }

    /// Where it is planned to end, in seconds of the recording; `None` for the last one, which goes to the end, wherever that is.
    #[must_use]
    pub fn end_seconds(self) -> Option<f64> {
        (!self.is_last()).then(|| self.seconds_before(self.index + 1))
    }

    /// How long it is planned to be, in seconds.
    #[must_use]
    pub fn planned_seconds(self) -> f64 {
        self.end_seconds().unwrap_or(self.whole_seconds()) - self.begin_seconds()
    }

    /// Whether it is put together of the pieces that the whole recording is heard in.
    #[must_use]
    pub fn is_of_pieces(self) -> bool {
        self.count <= pieces(self.whole_seconds())
    }

    /// Whether it ends with the recording.
    #[must_use]
    pub fn is_last(self) -> bool {
        self.index + 1 >= self.count
    }

    /// Length of the whole recording in seconds.
    #[must_use]
    pub fn whole_seconds(self) -> f64 {
        self.whole_ms as f64 / 1000.0
    }

    fn seconds_before(self, index: u32) -> f64 {
        let count = self.count.max(1);
        if self.is_of_pieces() {
            let before = u64::from(index) * u64::from(pieces(self.whole_seconds())) / u64::from(count);
            return PIECE_SECONDS * before as f64;
        }
        self.whole_seconds() * f64::from(index) / f64::from(count)
    }
}

/// No recording is thinner than this: silence in the thriftiest codecs that people use takes 200 bits a second
/// and more. A header that declares a length beyond what the size could hold at this rate is not believed.
const BITS_PER_SECOND_MIN: f64 = 100.0;

/// Lengths are kept below this (about 30 years), so that sums of them stay exact in any unit used here.
pub const SECONDS_MAX: f64 = 1e9;

/// Whether a recording of `size_bytes` can be as long as its header declares.
#[must_use]
pub fn is_credible(seconds: f64, size_bytes: u64) -> bool {
    seconds.is_finite()
        && (0.0..=SECONDS_MAX).contains(&seconds)
        && seconds <= size_bytes as f64 * 8.0 / BITS_PER_SECOND_MIN
}

/// Where a recording's length comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurationSource {
    /// Read from the container's headers.
    #[default]
    Header,
    /// Read from headers that tell of more than the file holds, and scaled down to what is there: it is cut off.
    CutOff,
    /// Estimated from the size in bytes, since no header tells.
    Size,
}

impl DurationSource {
    fn is_header(&self) -> bool {
        *self == Self::Header
    }
}

impl Recording {
    /// The item that this recording, or part of one, is in a batch.
    #[must_use]
    pub fn id(&self) -> ItemId {
        let whole = self.whole_id();
        match self.part {
            None => whole,
            Some(RecordingPart { index, count, whole_ms }) => {
                ItemId::of_recording(whole.as_str(), &format!("part {index} of {count}"), whole_ms)
            }
        }
    }

    /// What all parts of this recording have in common: the item that it would be as a whole.
    #[must_use]
    pub fn whole_id(&self) -> ItemId {
        ItemId::of_recording(&self.name, &self.etag, self.size_bytes)
    }

    /// Length of the whole recording in seconds, of which this may be a part.
    #[must_use]
    pub fn whole_seconds(&self) -> f64 {
        self.part.map_or(self.seconds, RecordingPart::whole_seconds)
    }

    /// The recording in `count` parts; itself where that is less than two.
    #[must_use]
    pub fn in_parts(self, count: u32) -> Vec<Self> {
        if count < 2 {
            return vec![self];
        }
        self.parts_beside(RecordingPart::first(self.seconds, count))
    }

    /// All parts of the recording of which one is known: each the very item that it was, whatever the recording's length is taken for
    /// by now.
    #[must_use]
    pub fn parts_beside(&self, known: RecordingPart) -> Vec<Self> {
        let recording =
            |part: RecordingPart| Self { seconds: part.planned_seconds(), part: Some(part), ..self.clone() };
        known.all().map(recording).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_recording_and_are_items_of_their_own() {
        let whole = Recording {
            name: "long.mp3".into(),
            etag: "e".into(),
            size_bytes: 7,
            seconds: 1000.001,
            seconds_from: DurationSource::Header,
            part: None,
        };
        let parts = whole.clone().in_parts(3);
        let places: Vec<_> = parts
            .iter()
            .filter_map(|part| part.part)
            .map(|part| (part.begin_seconds(), part.end_seconds()))
            .collect();
        assert_eq!(places.len(), 3);
        assert_eq!(places[0].0, 0.0);
        assert_eq!(places[0].1, Some(places[1].0));
        assert_eq!(places[1].1, Some(places[2].0));
        assert_eq!(places[2].1, None);
        assert!((parts.iter().map(|part| part.seconds).sum::<f64>() - 1000.001).abs() < 1e-6);
        let mut ids: Vec<_> = parts.iter().map(Recording::id).chain([whole.id()]).collect();
        ids.extend(whole.clone().in_parts(2).iter().map(Recording::id));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6);
        assert!(parts.iter().all(|part| part.whole_id() == whole.id() && part.whole_seconds() == 1000.001));
        assert_eq!(whole.clone().in_parts(1), [whole]);
    }

    #[test]
    fn parts_begin_where_pieces_do_while_there_are_no_more_of_them() {
        let begins = |count, whole_ms| -> Vec<f64> {
            (0..count).map(|index| RecordingPart { index, count, whole_ms }.begin_seconds()).collect()
        };
        assert_eq!(begins(3, 3_600_000), [0.0, 1200.0, 2400.0]);
        assert_eq!(begins(5, 2_129_000), [0.0, 300.0, 600.0, 1200.0, 1500.0]);
        assert_eq!(begins(4, 960_000), [0.0, 300.0, 600.0, 900.0]);
        assert_eq!(begins(4, 900_000), [0.0, 225.0, 450.0, 675.0]);
        let last = RecordingPart { index: 3, count: 4, whole_ms: 960_000 };
        assert_eq!((last.end_seconds(), last.planned_seconds()), (None, 60.0));
    }

    #[test]
    fn the_parts_beside_one_are_those_that_it_was_made_with() {
        // Lengths whose milliseconds come out as one less when they are worked out of the seconds again.
        for ms in (1_024_000..1_026_000).chain([7_205_000, 36_000_007, 86_399_999]) {
            let whole = Recording {
                name: "long.mp3".into(),
                etag: "e".into(),
                size_bytes: 7,
                seconds: f64::from(ms) / 1000.0,
                seconds_from: DurationSource::Header,
                part: None,
            };
            let known = RecordingPart { index: 1, count: 3, whole_ms: u64::try_from(ms).unwrap() };
            let again = Recording { seconds: 5.0, ..whole }.parts_beside(known);
            assert_eq!(again[1].part, Some(known));
            assert!(again.iter().filter_map(|part| part.part).all(|part| part.whole_ms == known.whole_ms));
        }
    }

    #[test]
    fn what_a_size_cannot_hold_is_not_believed() {
        assert!(is_credible(3600.0, 1_000_000));
        for absurd in [1e9, f64::NAN, f64::INFINITY, -1.0] {
            assert!(!is_credible(absurd, 1_000_000), "{absurd}");
        }
    }
}
