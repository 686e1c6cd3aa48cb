//! What a chaos run has come to: a table as in docs/reliability.md.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::plan::Fault;

/// Figures of a chaos run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    faults: BTreeMap<String, (u64, u64)>,
    pub(crate) rounds: u32,
    pub(crate) recordings: usize,
    pub(crate) audio_seconds: u64,
    /// Recordings that faults made fail and that were requeued.
    pub(crate) requeued: usize,
    /// Temporary objects that killed processes left, until a later run removed them.
    pub(crate) temporaries: usize,
    /// How often `steno run` had to be started, by how it ended before.
    pub(crate) ends: BTreeMap<String, u64>,
    /// Of audio that engines worked on, beyond once each recording that was transcribed.
    pub(crate) again_seconds: f64,
    /// How long items of killed workers were held, in leases.
    pub(crate) worker_recoveries: Vec<f64>,
    /// From Redis's start to the next finished recording.
    pub(crate) redis_recoveries: Vec<Duration>,
}

impl Report {
    pub(crate) fn injected(&mut self, fault: Fault, done: bool) {
        let (times, left_out) = self.faults.entry(fault.name()).or_default();
        *if done { times } else { left_out } += 1;
    }

    /// Faults that were made.
    pub(crate) fn injections(&self) -> u64 {
        self.faults.values().map(|(times, _)| times).sum()
    }

    /// Kinds of which none could be made, for lack of rights or programs.
    pub(crate) fn not_made(&self) -> Vec<&str> {
        self.faults.iter().filter(|(_, (times, _))| *times == 0).map(|(name, _)| name.as_str()).collect()
    }

    /// A row of the table: what faults of one kind have cost.
    pub(crate) fn row(&self, kind: &str) -> String {
        let kind = if kind.is_empty() { "all" } else { kind };
        let again = self.again_seconds / (self.injections().max(1) as f64);
        let share = 100.0 * self.again_seconds / (self.audio_seconds.max(1) as f64);
        let starts: u64 = self.ends.values().sum();
        // The last of each round is over; so is the one without faults.
        let anew = starts.saturating_sub(2 * u64::from(self.rounds));
        format!(
            "| {kind} | {} | 0 | 0 | {:.0} s | {again:.0} s | {share:.1}% | {} | {anew} |",
            self.injections(),
            self.again_seconds,
            self.requeued
        )
    }

    pub(crate) fn ended(&mut self, how: &str) {
        *self.ends.entry(how.to_owned()).or_default() += 1;
    }
}

/// A table of rows. Had anything been lost or doubled, there would be none.
pub(crate) fn table(rows: &[String]) -> String {
    format!(
        "| fault | times | lost | duplicated | extra work | a fault | of all audio | recordings to requeue | runs begun anew |\n\
         |---|---|---|---|---|---|---|---|---|\n{}",
        rows.join("\n")
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} faults in {} rounds of {} recordings, {} h of audio: none lost, none twice; {} failed for faults and were \
             done when requeued; {:.1}% of the audio was worked on again",
            self.injections(),
            self.rounds,
            self.recordings / self.rounds.max(1) as usize,
            self.audio_seconds / 3600,
            self.requeued,
            100.0 * self.again_seconds / (self.audio_seconds.max(1) as f64)
        )?;
        for (name, (times, left_out)) in &self.faults {
            let left_out = if *left_out > 0 { format!(" ({left_out} left out)") } else { String::new() };
            writeln!(f, "  {times:>5} {name}{left_out}")?;
        }
        writeln!(f, "ends of steno run: {:?}", self.ends)?;
        writeln!(f, "temporary objects left by killed processes, until a later run: {}", self.temporaries)?;
        let mut redis: Vec<f64> = self.redis_recoveries.iter().map(Duration::as_secs_f64).collect();
        for (what, unit, values) in [
            ("items of killed workers were free after", "leases", &mut self.worker_recoveries.clone()),
            ("after a start of Redis the next recording was done after", "s", &mut redis),
        ] {
            values.sort_by(f64::total_cmp);
            if let (Some(median), Some(most)) = (values.get(values.len() / 2), values.last()) {
                writeln!(f, "{what} {median:.2} {unit} (median of {}), at most {most:.2}", values.len())?;
            }
        }
        Ok(())
    }
}
