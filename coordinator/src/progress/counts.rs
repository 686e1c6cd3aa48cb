//! A batch's counts as `status` shows them, on this machine and in a cluster.

use std::fmt::Write as _;

use super::Totals;
use crate::quantities::{audio, counted, grouped};

impl Totals {
    /// What is counted, all of it: `40 recordings`, or `43 leases of 40 recordings` where some are in parts.
    pub(crate) fn all(&self) -> String {
        let recordings = counted(self.recordings, "recording");
        match self.further_parts {
            0 => recordings,
            _ => format!("{} of {recordings}", counted(self.leases(), "lease")),
        }
    }

    /// Writes how much is done, and a line for each of the `rows` that counts something.
    pub(crate) fn write(&self, out: &mut String, rows: &[(u64, &str)]) {
        let _ =
            writeln!(out, "{}, {} of {} audio done", self.all(), audio(self.done_ms), audio(self.audio_ms));
        for (count, state) in rows.iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(out, "  {:>9}  {state}", grouped(*count));
        }
    }
}
