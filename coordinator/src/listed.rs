//! What a listing of the input tells as a whole, beyond each of its entries.

use crate::failure::Failure;
use crate::manifest::Found;
use crate::quantities::counted;

/// What was seen in the input so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listed {
    recordings: u64,
    others: u64,
    /// Entries that could not be listed.
    pub(crate) left_out: u64,
    /// Whether some recording may be read: an empty one does not tell.
    readable: bool,
    /// Why the first recording may not be read, if so.
    denied: Option<String>,
}

impl Listed {
    /// Counts one object.
    pub(crate) fn add(&mut self, found: &Found) {
        match found {
            Found::Recording(recording) => {
                self.recordings += 1;
                self.readable |= recording.size_bytes > 0;
            }
            Found::Unreadable(_, why) => {
                self.recordings += 1;
                if why.denied {
                    self.denied.get_or_insert_with(|| why.cause.clone());
                } else {
                    self.readable = true;
                }
            }
            Found::Other => self.others += 1,
            Found::Lost(_) => self.left_out += 1,
        }
    }

    /// The permission to read is missing altogether: every recording would fail for it, one after the other, and each
    /// would have to be requeued when it is granted.
    pub(crate) fn refusal(&self, input: &str) -> Option<Failure> {
        let cause = self.denied.as_ref().filter(|_| !self.readable)?;
        Some(Failure::unusable(format!(
            "none of the {} in {input} may be read; the first: {cause}",
            counted(self.recordings, "recording")
        )))
    }

    /// What to tell a user whose input holds nothing to do: most often its name is mistyped.
    pub(crate) fn nothing_found(&self, input: &str) -> Option<String> {
        if self.recordings > 0 {
            return None;
        }
        Some(match self.others {
            0 => format!("{input} is empty; is its name right?"),
            others => format!(
                "{input} holds no recordings: {} in it, none of them audio or video by name or first bytes",
                counted(others, "file")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Unreadable;
    use steno_shared::exit::Exit;
    use steno_shared::recording::{DurationSource, Recording};

    fn recording(size_bytes: u64) -> Recording {
        Recording {
            name: "a.mp3".into(),
            etag: "e".into(),
            size_bytes,
            seconds: 1.0,
            seconds_from: DurationSource::Size,
            part: None,
        }
    }

    fn unreadable(denied: bool) -> Found {
        Found::Unreadable(recording(10), Unreadable { cause: "no s3:GetObject".into(), denied })
    }

    fn listed(all: &[Found]) -> Listed {
        let mut listed = Listed::default();
        all.iter().for_each(|found| listed.add(found));
        listed
    }

    #[test]
    fn an_input_of_which_nothing_may_be_read_is_refused() {
        let empty = Found::Recording(recording(0));
        let refusal = listed(&[empty, unreadable(true), unreadable(true)]).refusal("s3://calls").unwrap();
        assert_eq!(refusal.exit, Exit::Unusable);
        assert_eq!(
            refusal.message,
            "none of the 3 recordings in s3://calls may be read; the first: no s3:GetObject"
        );
    }

    #[test]
    fn one_bad_recording_costs_only_itself() {
        for others in [Found::Recording(recording(10)), unreadable(false)] {
            assert_eq!(listed(&[unreadable(true), others]).refusal("in").map(|_| ()), None);
        }
        assert_eq!(listed(&[]).refusal("in").map(|_| ()), None);
    }

    #[test]
    fn an_input_without_recordings_is_told() {
        assert_eq!(listed(&[]).nothing_found("in").unwrap(), "in is empty; is its name right?");
        let text = listed(&[Found::Other, Found::Other]).nothing_found("in").unwrap();
        assert!(text.contains("no recordings: 2 files in it"), "{text}");
        assert_eq!(listed(&[Found::Recording(recording(0))]).nothing_found("in"), None);
    }
}
