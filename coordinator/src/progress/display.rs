//! Progress for a person: bars on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use steno_shared::leases::{Phase, WorkerReport};

use super::{Estimate, Snapshot};
use crate::quantities::{audio, grouped, name, wall};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How much of a recording's name is shown, in characters.
const NAME_WIDTH: usize = 40;

/// Shows progress on standard error.
pub struct Display {
    how: How,
    started: Instant,
}

enum How {
    Bars { all: MultiProgress, total: ProgressBar, workers: Vec<ProgressBar> },
    Lines { last: Option<Instant>, last_text: String },
}

impl Display {
    /// Bars if standard error is a terminal, else lines.
    #[must_use]
    pub fn new(workers: u32) -> Self {
        let how = if std::io::stderr().is_terminal() {
            Self::bars(workers)
        } else {
            How::Lines { last: None, last_text: String::new() }
        };
        Self { how, started: Instant::now() }
    }

    fn bars(workers: u32) -> How {
        let all = MultiProgress::new();
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("█▉▊▋▌▍▎▏ ")
        };
        let workers = (0..workers)
            .map(|slot| {
                let bar = all.add(ProgressBar::new(1));
                bar.set_style(style("  {prefix} {bar:16.cyan} {wide_msg}"));
                bar.set_prefix(format!("worker {slot:<2}"));
                bar
            })
            .collect();
        let total = all.add(ProgressBar::new(1));
        total.set_style(style("  {prefix:.bold}     {bar:16.green} {wide_msg}"));
        total.set_prefix("total");
        How::Bars { all, total, workers }
    }

    /// Shows a message that stays.
    pub fn say(&self, message: &str) {
        match &self.how {
            How::Bars { all, .. } => {
                if all.println(message).is_err() {
                    tracing::debug!(message, "display.lost");
                }
            }
            How::Lines { .. } => write_line(message),
        }
    }

    /// Shows how far the batch is.
    pub fn show(&mut self, snapshot: &Snapshot, estimate: &Estimate) {
        let behind = snapshot.behind_ms();
        let text = total_text(snapshot, estimate, self.started.elapsed());
        match &mut self.how {
            How::Bars { total, workers, .. } => {
                total.set_length(snapshot.totals.audio_ms.max(1));
                total.set_position(behind);
                total.set_message(text);
                for (slot, bar) in workers.iter().enumerate() {
                    let report = snapshot.workers.iter().rev().find(|report| report.index as usize == slot);
                    let (position, length) =
                        report.map_or((0.0, 1.0), |r| (r.position_seconds, r.length_seconds));
                    bar.set_length((length.max(0.001) * 1000.0) as u64);
                    bar.set_position((position.clamp(0.0, length.max(0.0)) * 1000.0) as u64);
                    bar.set_message(worker_text(report));
                }
            }
            How::Lines { last, last_text } => {
                let is_due = last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
                if is_due && *last_text != text {
                    write_line(&text);
                    *last = Some(Instant::now());
                    *last_text = text;
                }
            }
        }
    }

    /// Removes the bars.
    pub fn finish(self) {
        if let How::Bars { all, total, workers } = self.how {
            workers.iter().chain(std::iter::once(&total)).for_each(ProgressBar::finish_and_clear);
            if let Err(error) = all.clear() {
                tracing::debug!(%error, "display.not_cleared");
            }
        }
    }
}

fn total_text(snapshot: &Snapshot, estimate: &Estimate, elapsed: Duration) -> String {
    let totals = &snapshot.totals;
    let behind = snapshot.behind_ms();
    let mut text = format!(
        "{} of {}, {} of {} audio",
        grouped(totals.done + totals.dead),
        totals.all(),
        audio(behind),
        audio(totals.audio_ms)
    );
    if totals.dead > 0 {
        text += &format!(", {} failed", grouped(totals.dead));
    }
    if let Some(speed) = estimate.speed(behind, elapsed) {
        text += &format!(", {speed:.1}x real time");
    }
    if let Some(left) = estimate.left(behind, totals.audio_ms, elapsed)
        && totals.open() > 0
    {
        text += &format!(", {} left", wall(left));
    }
    text
}

fn worker_text(report: Option<&WorkerReport>) -> String {
    let Some(report) = report else { return "loading the model".to_owned() };
    let doing = match report.phase {
        Phase::Idle => return "idle".to_owned(),
        Phase::Fetching => "fetching",
        Phase::Decoding => "decoding",
        Phase::Transcribing => "",
        Phase::Publishing => "publishing",
    };
    let recording = name(report.recording.as_deref().unwrap_or_default(), NAME_WIDTH);
    let position = (report.position_seconds.max(0.0) * 1000.0) as u64;
    let length = (report.length_seconds.max(0.0) * 1000.0) as u64;
    match doing {
        "" => format!("{} of {}  {recording}", audio(position), audio(length)),
        doing => format!("{doing}  {recording}"),
    }
}

/// Writes a line to standard error; a closed one is no reason to stop working.
pub fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Totals;

    #[test]
    fn the_total_tells_recordings_audio_failures_speed_and_time_left() {
        let totals = Totals {
            recordings: 1200,
            done: 1000,
            dead: 2,
            ready: 198,
            audio_ms: 7_200_000,
            done_ms: 3_600_000,
            ..Totals::default()
        };
        let snapshot = Snapshot { totals, workers: Vec::new() };
        let text = total_text(&snapshot, &Estimate::from(0), Duration::from_secs(360));
        assert_eq!(
            text,
            "1,002 of 1,200 recordings, 1.0 h of 2.0 h audio, 2 failed, 10.0x real time, 6 min 00 s left"
        );
        let totals = Totals { recordings: 1100, further_parts: 100, ..totals };
        let text = total_text(&Snapshot { totals, ..snapshot }, &Estimate::from(0), Duration::from_secs(360));
        assert!(text.starts_with("1,002 of 1,200 leases of 1,100 recordings, 1.0 h"), "{text}");
    }
}
