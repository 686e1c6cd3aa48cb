//! Where the transcript of a part lies until all parts of its recording are there.

use crate::batch::BatchMeta;
use crate::fingerprint::Fingerprint;
use crate::recording::{Recording, RecordingPart};

/// How these names begin; no transcript's name does.
pub(crate) const PART_PREFIX: &str = ".steno-part-";

/// Names for the parts of one batch's recordings.
#[derive(Debug, Clone)]
pub struct PartKeys {
    model_hash: String,
    options_hash: String,
}

impl PartKeys {
    /// For a batch.
    ///
    /// # Errors
    /// If the options cannot be hashed.
    pub fn new(meta: &BatchMeta) -> Result<Self, serde_json::Error> {
        Ok(Self { model_hash: meta.model.hash.clone(), options_hash: meta.options.hash()? })
    }

    /// The key of a part's transcript, relative to the output; `None` for a whole recording. It is another one for another version of
    /// the recording, model, options or number of parts, so that only what belongs together is joined.
    #[must_use]
    pub fn of(&self, recording: &Recording) -> Option<String> {
        let part = recording.part?;
        self.siblings(recording).into_iter().flatten().nth(part.index as usize)
    }

    /// The keys of all parts of the recording that this is a part of, in order; `None` for a whole recording.
    #[must_use]
    pub fn siblings(&self, recording: &Recording) -> Option<impl Iterator<Item = String>> {
        let RecordingPart { count, whole_ms, index: _ } = recording.part?;
        let Recording { etag, size_bytes, .. } = recording;
        let fingerprint = Fingerprint::new(etag, *size_bytes, &self.model_hash, &self.options_hash);
        let of = fingerprint.as_str().get(..16).unwrap_or_default().to_owned();
        let whole = recording.whole_id();
        Some(
            (0..count)
                .map(move |index| format!("{PART_PREFIX}{whole}-{of}-{whole_ms}-{index}-of-{count}.json")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output_name::transcript_key;
    use crate::recording::DurationSource;

    #[test]
    fn every_part_has_a_key_of_its_own_that_no_transcript_has() {
        let keys = PartKeys { model_hash: "m".into(), options_hash: "o".into() };
        let whole = Recording {
            name: "a.mp3".into(),
            etag: "e".into(),
            size_bytes: 7,
            seconds: 900.0,
            seconds_from: DurationSource::Header,
            part: None,
        };
        assert_eq!(keys.of(&whole), None);
        let parts = whole.clone().in_parts(3);
        let found: Vec<_> = parts.iter().filter_map(|part| keys.of(part)).collect();
        assert_eq!(found, keys.siblings(&parts[1]).unwrap().collect::<Vec<_>>());
        let other = PartKeys { options_hash: "p".into(), ..keys.clone() };
        let mut all: Vec<_> = found.iter().cloned().chain(other.of(&parts[0])).collect();
        all.extend(whole.in_parts(2).iter().filter_map(|part| keys.of(part)));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
        let name = found[0].strip_suffix(".json").unwrap();
        assert_ne!(transcript_key(name, "json"), found[0]);
    }
}
