//! Where the transcript of a part lies until all parts of its recording are there.

use crate::fingerprint::Fingerprint;
use crate::ids::ItemId;
use crate::recording::{Recording, RecordingPart};

/// How these names begin; no transcript's name does.
pub const PART_PREFIX: &str = ".steno-part-";

/// The key of a part's transcript, relative to the output; `None` for a whole recording. It is another one for another fingerprint, that
/// is another version of the recording, model or options, and another number of parts, so that only what belongs together is joined.
#[must_use]
pub fn part_key(recording: &Recording, fingerprint: &Fingerprint) -> Option<String> {
    recording.part.map(|part| key(&recording.whole_id(), part, fingerprint))
}

/// The keys of all parts of the recording that this is a part of, in order; none for a whole recording.
#[must_use]
pub fn part_keys(recording: &Recording, fingerprint: &Fingerprint) -> Vec<String> {
    let whole = recording.whole_id();
    let all = recording.part.into_iter().flat_map(RecordingPart::all);
    all.map(|part| key(&whole, part, fingerprint)).collect()
}

fn key(whole: &ItemId, part: RecordingPart, fingerprint: &Fingerprint) -> String {
    let RecordingPart { index, count, whole_ms } = part;
    let of = fingerprint.as_str().get(..16).unwrap_or_default();
    format!("{PART_PREFIX}{whole}-{of}-{whole_ms}-{index}-of-{count}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output_name::transcript_key;
    use crate::recording::DurationSource;

    #[test]
    fn every_part_has_a_key_of_its_own_that_no_transcript_has() {
        let fingerprint = Fingerprint::new("e", 7, "m", "o");
        let whole = Recording {
            name: "a.mp3".into(),
            etag: "e".into(),
            size_bytes: 7,
            seconds: 900.0,
            seconds_from: DurationSource::Header,
            part: None,
        };
        assert_eq!((part_key(&whole, &fingerprint), part_keys(&whole, &fingerprint)), (None, vec![]));
        let parts = whole.clone().in_parts(3);
        let found: Vec<_> = parts.iter().filter_map(|part| part_key(part, &fingerprint)).collect();
        assert_eq!(found, part_keys(&parts[1], &fingerprint));
        let other = Fingerprint::new("e", 7, "m", "p");
        let mut all: Vec<_> = found.iter().cloned().chain(part_key(&parts[0], &other)).collect();
        all.extend(whole.in_parts(2).iter().filter_map(|part| part_key(part, &fingerprint)));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
        let name = found[0].strip_suffix(".json").unwrap();
        assert_ne!(transcript_key(name, "json"), found[0]);
    }
}
