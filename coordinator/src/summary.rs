//! The end of a run: what is done, what is not and why, and where things are.

use std::fmt::Write as _;

use serde::Serialize;
use steno_shared::exit::Exit;

use crate::quantities::{audio_seconds, counted, grouped, name, wall_seconds};

/// How many failed recordings the summary names; `steno items` lists them all.
const FAILED_SHOWN: usize = 10;
const NAME_WIDTH: usize = 60;

/// The outcome of a run, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How the run ended.
    pub outcome: Outcome,
    /// Recordings found in the input.
    pub recordings: u64,
    /// Transcribed by this run.
    pub done: u64,
    /// Transcribed before, with the same settings.
    pub skipped: u64,
    /// Transcribed before with other settings, and kept.
    pub kept: u64,
    /// Entries of the input that cannot be listed or followed; the run names them at its start.
    pub left_out: u64,
    /// Given up, in this run or before.
    pub failed: u64,
    /// Neither done nor given up.
    pub left: u64,
    /// The failed recordings with their reasons: the first thousand.
    pub failures: Vec<Failed>,
    /// Audio that this run transcribed, in seconds.
    pub audio_seconds: f64,
    /// How long the run took, in seconds.
    pub wall_seconds: f64,
    /// Audio seconds a wall second.
    pub speed: f64,
    /// Time that the engines computed over their time from the first window to the last; absent when none was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_busy: Option<f64>,
    /// Where the transcripts are.
    pub output: String,
    /// Where the run's state and logs are.
    pub state: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything is done or given up.
    Finished,
    /// Stopped before that: the same command goes on.
    Interrupted,
}

/// A recording that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its name.
    pub name: String,
    /// Which part of it failed, from 1, and of how many, where it was worked on in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<[u32; 2]>,
    /// Its id, for `steno requeue`.
    pub id: String,
    /// What kind of failure.
    pub class: String,
    /// Why.
    pub error: String,
}

impl Summary {
    /// The exit code that tells the outcome.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Interrupted => Exit::Interrupted,
            Outcome::Finished if self.failed + self.left_out > 0 => Exit::SomeFailed,
            Outcome::Finished => Exit::Success,
        }
    }

    /// The summary as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let wall_time = wall_seconds(self.wall_seconds);
        let head = match self.outcome {
            Outcome::Finished => "Finished",
            Outcome::Interrupted => "Stopped",
        };
        let _ = write!(out, "{head}: {} transcribed", counted(self.done, "recording"));
        if self.done > 0 {
            let audio = audio_seconds(self.audio_seconds);
            let _ = write!(out, ", {audio} of audio in {wall_time} ({:.1}x real time)", self.speed);
            if let Some(busy) = self.engine_busy {
                let _ = write!(out, ", engine busy {:.1}%", busy * 100.0);
            }
        }
        out.push('\n');
        let mut line = |count: u64, text: &str| {
            if count > 0 {
                let _ = writeln!(out, "  {:>9}  {text}", grouped(count));
            }
        };
        line(self.skipped, "skipped: transcribed before with the same settings");
        line(self.kept, "kept: transcribed before with other settings (--existing replace makes them anew)");
        line(self.left_out, "left out: they cannot be read from the input; they are named above");
        line(self.left, "left: run the same command again to go on");
        line(self.failed, "failed:");
        for failed in self.failures.iter().take(FAILED_SHOWN) {
            let part = failed.part.map(|[part, of]| format!(", part {part} of {of}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "             {}{part}: {}",
                name(&failed.name, NAME_WIDTH),
                name(&failed.error, 400)
            );
        }
        if self.failed > FAILED_SHOWN as u64 {
            let _ = writeln!(out, "             … all of them: steno items --state {} --failed", self.state);
        }
        let _ = writeln!(out, "Transcripts: {}", self.output);
        if self.failed > 0 {
            let _ = writeln!(
                out,
                "Try the failed ones again: steno requeue --state {} --all, then the same command",
                self.state
            );
        }
        let _ = write!(out, "State, logs: {}", self.state);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            outcome: Outcome::Finished,
            recordings: 3,
            done: 2,
            skipped: 0,
            kept: 0,
            left_out: 0,
            failed: 0,
            left: 0,
            failures: Vec::new(),
            audio_seconds: 90.0,
            wall_seconds: 9.0,
            speed: 10.0,
            engine_busy: Some(0.9838),
            output: "/out".into(),
            state: ".steno/x".into(),
        }
    }

    #[test]
    fn exit_codes_tell_the_outcome() {
        assert_eq!(summary().exit(), Exit::Success);
        assert_eq!(Summary { failed: 1, ..summary() }.exit(), Exit::SomeFailed);
        assert_eq!(Summary { left_out: 1, ..summary() }.exit(), Exit::SomeFailed);
        assert_eq!(
            Summary { outcome: Outcome::Interrupted, failed: 1, ..summary() }.exit(),
            Exit::Interrupted
        );
    }

    #[test]
    fn the_head_tells_speed_and_how_busy_the_engine_was() {
        let text = summary().text();
        assert!(text.contains("in 9 s (10.0x real time), engine busy 98.4%\n"), "{text}");
    }

    #[test]
    fn failures_are_named_with_their_reason_on_one_line_each() {
        let failed = Failed {
            name: "a\nb.mp3".into(),
            part: None,
            id: "x".into(),
            class: "poison".into(),
            error: "not audio".into(),
        };
        let text = Summary { failed: 1, failures: vec![failed], ..summary() }.text();
        assert!(text.contains("a\\nb.mp3: not audio\n"), "{text}");
        assert!(text.contains("steno requeue --state .steno/x"), "{text}");
    }
}
