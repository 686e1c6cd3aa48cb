//! What the coordinator does next for a batch: from what is wished and what is there, whatever happened before.

use super::job_state::{JobEnd, JobState};
use super::nodes_for;
use super::record::{Course, Phase, Record, Wishes};
use crate::progress::Totals;

/// How long a Job may take to end by itself when nothing is left, before it is deleted: pods on a lost node never end.
const END_SECONDS: u64 = 90;
/// How long a Job may be without a pod that is pending or at work, while recordings are left, before it is replaced.
const BARE_SECONDS: u64 = 90;
/// Launches in a row that may bring nothing.
const FRUITLESS_MAX: u32 = 3;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The batch's record.
    pub record: &'a Record,
    /// What Redis knows; `None` when it does not know the batch.
    pub totals: Option<Totals>,
    /// Its latest Job.
    pub job: &'a JobState,
    /// What the Job's pods said last, or what the cluster says of a Job that it lets make none.
    pub last_words: Option<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

/// What is done next; after it, everything is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, until something changes.
    Rest,
    /// Nothing yet: look again soon.
    Wait,
    /// Look through the input and enqueue what is new.
    TakeIn,
    /// Hand out nothing more.
    StopLeases,
    /// Make the next Job.
    Launch {
        /// Its number.
        launch: u32,
        /// Pods.
        nodes: std::num::NonZeroU32,
        /// Whether the last one brought nothing.
        fruitless: bool,
    },
    /// Delete the Job and its pods.
    DeleteJob {
        /// Its name.
        name: String,
        /// Why.
        because: &'static str,
    },
    /// Note since when the Job has been idle, or that it is so no more.
    NoteIdle(Option<u64>),
    /// Note that the user wishes work to go on.
    Resume,
    /// The end, for now.
    Settle(Phase, Option<String>),
}

/// Decides.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> Decision {
    let Record { wishes, course, .. } = situation.record;
    if wishes.cancelled {
        return cancel(situation);
    }
    if wishes.intake > course.intake {
        return Decision::TakeIn;
    }
    if wishes.resume > course.resume {
        return Decision::Resume;
    }
    match course.phase {
        Phase::Finished | Phase::Failed | Phase::Cancelled => return end_job(situation, "the batch is over"),
        Phase::Intake | Phase::Running => {}
    }
    match situation.totals {
        // Redis was emptied: what is done is in the output.
        None => Decision::TakeIn,
        // It came back from an older file: what it has lost is in the input.
        Some(totals) if totals.leases() < course.found.map_or(0, |found| found.in_batch) => Decision::TakeIn,
        Some(totals) if totals.open() == 0 => finish(situation),
        Some(totals) => go_on(situation, totals),
    }
}

/// Stopped by the user: what is in hand is finished, then the Job goes.
fn cancel(situation: &Situation<'_>) -> Decision {
    match situation.totals {
        Some(totals) if totals.open() > 0 && !totals.cancelled => return Decision::StopLeases,
        Some(_) | None => {}
    }
    let in_hand = situation.totals.map_or(0, |totals| totals.leased);
    match situation.job {
        JobState::Active { pods, .. } if in_hand > 0 && *pods > 0 => Decision::Wait,
        JobState::Active { name, .. } => {
            Decision::DeleteJob { name: name.clone(), because: "the batch was cancelled" }
        }
        JobState::Leaving { .. } => Decision::Wait,
        JobState::None | JobState::Ended { .. } => settled(situation, Phase::Cancelled, None),
    }
}

/// Nothing is left: the workers leave by themselves.
fn finish(situation: &Situation<'_>) -> Decision {
    match situation.job {
        JobState::Active { name, .. } => waited(situation, END_SECONDS, || Decision::DeleteJob {
            name: name.clone(),
            because: "nothing is left, but its pods did not end",
        }),
        JobState::Leaving { .. } => Decision::Wait,
        JobState::None | JobState::Ended { .. } => settled(situation, Phase::Finished, None),
    }
}

/// Recordings are left: there must be a Job for them.
fn go_on(situation: &Situation<'_>, totals: Totals) -> Decision {
    let course = &situation.record.course;
    match situation.job {
        JobState::Active { suspended: true, .. } => Decision::Wait,
        JobState::Active { name, pods: 0, .. } => waited(situation, BARE_SECONDS, || Decision::DeleteJob {
            name: name.clone(),
            because: "recordings are left, but none of its pods is pending or at work",
        }),
        JobState::Active { .. } if course.idle_since.is_some() => Decision::NoteIdle(None),
        JobState::Active { .. } | JobState::Leaving { .. } => Decision::Wait,
        JobState::Ended { launch, end: JobEnd::Refused { message } } if *launch > course.closed => {
            settled(situation, Phase::Failed, Some(words(situation, message)))
        }
        JobState::Ended { end, .. } => {
            let message = match end {
                JobEnd::Complete => "its pods left",
                JobEnd::Refused { message } | JobEnd::Exhausted { message } => message,
            };
            relaunch(situation, totals, message)
        }
        JobState::None => {
            let is_refused = situation.last_words.is_some();
            relaunch(
                situation,
                totals,
                if is_refused { "no pod of it could be made" } else { "its Job went" },
            )
        }
    }
}

fn relaunch(situation: &Situation<'_>, totals: Totals, message: &str) -> Decision {
    let course = &situation.record.course;
    let last = course.launch.max(situation.job.launch());
    let fruitless = last > course.closed && totals.done + totals.dead <= course.settled_at_launch;
    if fruitless && course.fruitless + 1 >= FRUITLESS_MAX {
        let text = format!(
            "{FRUITLESS_MAX} Jobs in a row finished no recording, the last because {message}: {}",
            words(situation, "their pods said nothing; see `kubectl describe job`")
        );
        return settled(situation, Phase::Failed, Some(text));
    }
    match nodes_for(situation.record.request.nodes, totals.open()) {
        Some(nodes) => Decision::Launch { launch: last + 1, nodes, fruitless },
        None => Decision::Wait,
    }
}

fn end_job(situation: &Situation<'_>, because: &'static str) -> Decision {
    match situation.job {
        JobState::Active { name, .. } => Decision::DeleteJob { name: name.clone(), because },
        JobState::Leaving { .. } => Decision::Wait,
        JobState::None | JobState::Ended { .. } => Decision::Rest,
    }
}

fn settled(situation: &Situation<'_>, phase: Phase, message: Option<String>) -> Decision {
    let Course { phase: now, message: said, .. } = &situation.record.course;
    if *now == phase && *said == message { Decision::Rest } else { Decision::Settle(phase, message) }
}

/// `then` when the Job has been idle for so long.
fn waited(situation: &Situation<'_>, seconds: u64, then: impl FnOnce() -> Decision) -> Decision {
    match situation.record.course.idle_since {
        None => Decision::NoteIdle(Some(situation.now)),
        Some(since) if situation.now.saturating_sub(since) >= seconds => then(),
        Some(_) => Decision::Wait,
    }
}

fn words(situation: &Situation<'_>, otherwise: &str) -> String {
    situation.last_words.unwrap_or(otherwise).to_owned()
}

impl Course {
    /// Notes a decision that was carried out. `settled` recordings are done or dead by now, and `job` is the launch of the
    /// Job that was looked at.
    pub fn note(&mut self, decision: &Decision, wishes: Wishes, settled: u64, job: u32) {
        match decision {
            Decision::Rest | Decision::Wait | Decision::StopLeases => {}
            Decision::TakeIn | Decision::Resume => {
                self.phase = Phase::Running;
                self.message = None;
                self.untold = false;
                (self.intake, self.resume) = (wishes.intake, wishes.resume);
                (self.fruitless, self.idle_since) = (0, None);
            }
            Decision::Launch { launch, fruitless, .. } => {
                self.launch = *launch;
                self.fruitless = if *fruitless { self.fruitless + 1 } else { 0 };
                self.settled_at_launch = settled;
                (self.message, self.idle_since) = (None, None);
            }
            Decision::DeleteJob { .. } => self.idle_since = None,
            Decision::NoteIdle(since) => self.idle_since = *since,
            Decision::Settle(phase, message) => {
                self.phase = *phase;
                self.message.clone_from(message);
                self.closed = self.launch.max(job);
                self.idle_since = None;
                self.untold = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
