//! A batch's counts as `status` shows them, on this machine and in a cluster.

use std::fmt::Write as _;

use super::Totals;
use crate::quantities::{audio, counted, grouped};

impl Totals {
    /// Writes how much is done, and a line for each of the `rows` that counts something.
    pub(crate) fn write(&self, out: &mut String, rows: &[(u64, &str)]) {
        let _ = writeln!(
            out,
            "{}, {} of {} audio done",
            counted(self.recordings, "recording"),
            audio(self.done_ms),
            audio(self.audio_ms)
        );
        for (count, state) in rows.iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(out, "  {:>9}  {state}", grouped(*count));
        }
    }
}
