//! What a batch has in Redis already.

use std::collections::{HashMap, HashSet};

use steno_shared::ids::ItemId;
use steno_shared::leases::{ItemRow, ItemState};
use steno_shared::recording::{Recording, RecordingPart};

use crate::manifest::{KnownLength, KnownLengths};

/// The recordings of a batch, by what they are as a whole, and its items.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Lengths of the recordings.
    pub(super) lengths: KnownLengths,
    /// The items, each with the recording that it is, or is a part of.
    pub(super) items: HashMap<ItemId, ItemId>,
    /// How the recordings were split that are worked on in parts.
    pub(super) parts: HashMap<ItemId, RecordingPart>,
    /// Audio that is neither done nor given up, in seconds.
    pub(super) open_seconds: f64,
}

impl Known {
    /// Takes an item in.
    pub(super) fn add(&mut self, row: ItemRow) {
        let whole = row.recording.whole_id();
        if !matches!(row.state, ItemState::Done | ItemState::Dead) {
            self.open_seconds += row.recording.seconds;
        }
        if let Some(part) = row.recording.part {
            self.parts.insert(whole.clone(), part);
        }
        let seconds = row.recording.whole_seconds();
        self.lengths.insert(whole.clone(), KnownLength { seconds, seconds_from: row.recording.seconds_from });
        self.items.insert(row.id, whole);
    }

    /// Takes out the items of recordings that are not listed.
    pub(super) fn take_outdated(&mut self, listed: &[Recording]) -> Vec<ItemId> {
        let listed: HashSet<ItemId> = listed.iter().map(Recording::whole_id).collect();
        let outdated: Vec<ItemId> =
            self.items.extract_if(|_, whole| !listed.contains(whole)).map(|(id, _)| id).collect();
        self.lengths.retain(|whole, _| listed.contains(whole));
        self.parts.retain(|whole, _| listed.contains(whole));
        outdated
    }

    /// The parts that Redis lacks of recordings of which it has others: whoever enqueued them died in between, or it lost some.
    pub(super) fn missing_parts(&self, recordings: Vec<Recording>) -> Vec<Recording> {
        let split = recordings.into_iter().filter_map(|recording| {
            let known = self.parts.get(&recording.whole_id())?;
            Some(recording.parts_beside(*known))
        });
        split.flatten().filter(|part| !self.items.contains_key(&part.id())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::ids::Epoch;
    use steno_shared::recording::DurationSource;

    fn row(recording: Recording) -> ItemRow {
        ItemRow {
            id: recording.id(),
            state: ItemState::Ready,
            recording,
            epoch: None::<Epoch>,
            attempts: 0,
            fails: 0,
            lost: 0,
            released: 0,
            owner: None,
            error_class: None,
            error: None,
            digest: None,
            due_in_ms: None,
        }
    }

    #[test]
    fn the_parts_that_are_missing_are_those_that_were_there_before() {
        // Among them lengths whose milliseconds are one less when they are worked out of the seconds again.
        for ms in 1_024_000..1_026_000_u32 {
            let listed = Recording {
                name: "long.mp3".into(),
                etag: "e".into(),
                size_bytes: 7,
                seconds: f64::from(ms) / 1000.0,
                seconds_from: DurationSource::Header,
                part: None,
            };
            let parts = listed.clone().in_parts(3);
            let mut known = Known::default();
            known.add(row(parts[0].clone()));
            known.add(row(parts[2].clone()));
            let length = known.lengths[&listed.whole_id()].seconds;
            let missing = known.missing_parts(vec![Recording { seconds: length, ..listed }]);
            assert_eq!(missing.iter().map(Recording::id).collect::<Vec<_>>(), [parts[1].id()], "{ms} ms");
        }
    }
}
