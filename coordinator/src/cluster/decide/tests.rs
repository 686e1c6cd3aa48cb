//! What happens to a batch, step by step, and what the coordinator makes of it.

use std::num::NonZeroU32;

use super::super::record::{Found, Wishes};
use super::super::sample;
use super::*;

/// A batch in a cluster, played by hand.
struct Play {
    record: Record,
    totals: Option<Totals>,
    job: JobState,
    last_words: Option<&'static str>,
    now: u64,
}

impl Play {
    fn submitted() -> Self {
        let record = Record { wishes: Wishes { intake: 1, ..Wishes::default() }, ..sample::record() };
        Self { record, totals: None, job: JobState::None, last_words: None, now: 1000 }
    }

    /// The same, taken in and launched.
    fn running(left: u64) -> Self {
        let mut play = Self::submitted();
        play.take_in(left);
        play.act();
        play.job = active(1, 3);
        play
    }

    fn take_in(&mut self, recordings: u64) {
        assert_eq!(self.act(), Decision::TakeIn);
        self.totals = Some(Totals { recordings, ready: recordings, ..Totals::default() });
    }

    fn done(&mut self, done: u64, ready: u64) {
        self.totals = Some(Totals { recordings: done + ready, done, ready, ..Totals::default() });
    }

    fn next(&self) -> Decision {
        decide(&Situation {
            record: &self.record,
            totals: self.totals,
            job: &self.job,
            last_words: self.last_words,
            now: self.now,
        })
    }

    /// Decides and notes what the coordinator would.
    fn act(&mut self) -> Decision {
        let decision = self.next();
        let settled = self.totals.map_or(0, |totals| totals.done + totals.dead);
        self.record.course.note(&decision, self.record.wishes, settled, self.job.launch());
        decision
    }
}

fn active(launch: u32, pods: u32) -> JobState {
    JobState::Active { name: format!("job-{launch}"), launch, pods, open: vec![0, 1, 2], suspended: false }
}

fn ended(launch: u32, end: JobEnd) -> JobState {
    JobState::Ended { launch, end }
}

fn exhausted(launch: u32) -> JobState {
    ended(launch, JobEnd::Exhausted { message: "indexes failed".into() })
}

fn launch(launch: u32, nodes: u32, fruitless: bool) -> Decision {
    Decision::Launch { launch, nodes: NonZeroU32::new(nodes).unwrap(), fruitless }
}

#[test]
fn a_batch_is_taken_in_launched_and_finished() {
    let mut play = Play::submitted();
    play.take_in(10);
    assert_eq!(play.act(), launch(1, 3, false));
    play.job = active(1, 3);
    assert_eq!(play.act(), Decision::Wait);
    play.done(10, 0);
    play.act();
    play.job = ended(1, JobEnd::Complete);
    assert_eq!(play.act(), Decision::Settle(Phase::Finished, None));
    assert_eq!(play.act(), Decision::Rest);
}

#[test]
fn nothing_in_the_input_launches_nothing() {
    let mut play = Play::submitted();
    play.take_in(0);
    assert_eq!(play.act(), Decision::Settle(Phase::Finished, None));
}

#[test]
fn no_more_nodes_than_recordings() {
    let mut play = Play::submitted();
    play.take_in(2);
    assert_eq!(play.act(), launch(1, 2, false));
}

/// A coordinator that died after it made the Job and before it noted so makes the same decision again, or none.
#[test]
fn a_coordinator_that_died_in_between_makes_no_second_job() {
    let mut play = Play::submitted();
    play.take_in(10);
    assert_eq!(play.next(), launch(1, 3, false));
    assert_eq!(play.next(), launch(1, 3, false), "the same name: Kubernetes says that it is there");
    play.job = active(1, 3);
    assert_eq!(play.next(), Decision::Wait, "made, and not noted");
    play.job = exhausted(1);
    assert_eq!(play.next(), launch(2, 3, true), "counted from the Job that is there");
}

#[test]
fn leases_without_pods_get_a_new_job() {
    let mut play = Play::running(10);
    play.done(4, 6);
    for gone in [JobState::None, exhausted(1), ended(1, JobEnd::Complete)] {
        play.job = gone;
        assert_eq!(play.next(), launch(2, 3, false), "{:?}", play.job);
    }
    play.done(8, 2);
    assert_eq!(play.next(), launch(2, 2, false), "right-sized");
    play.job = JobState::Leaving { launch: 1 };
    assert_eq!(play.next(), Decision::Wait, "not beside one that is going");
}

#[test]
fn jobs_that_bring_nothing_are_not_made_for_ever() {
    let mut play = Play::running(10);
    play.last_words = Some("the engine writes nonsense");
    for number in [2, 3] {
        play.job = exhausted(number - 1);
        assert_eq!(play.act(), launch(number, 3, true));
    }
    play.job = exhausted(3);
    let Decision::Settle(Phase::Failed, Some(message)) = play.act() else { panic!("it goes on") };
    assert!(message.contains("indexes failed: the engine writes nonsense"), "{message}");
    assert_eq!(play.act(), Decision::Rest);
    // One that brings something counts from the begin.
    let mut play = Play::running(10);
    play.job = exhausted(1);
    play.act();
    play.done(1, 9);
    play.job = exhausted(2);
    assert_eq!(play.act(), launch(3, 3, false));
    assert_eq!(play.record.course.fruitless, 0);
}

#[test]
fn what_no_pod_can_do_better_fails_the_batch_at_once_with_its_words() {
    let mut play = Play::running(10);
    play.job = ended(1, JobEnd::Refused { message: "exit code 3".into() });
    play.last_words = Some("no access to bucket calls");
    let failed = Decision::Settle(Phase::Failed, Some("no access to bucket calls".into()));
    assert_eq!(play.act(), failed);
    assert_eq!(play.act(), Decision::Rest);
    // Mended and submitted again, the old Job's end decides nothing more.
    play.record.wishes.intake += 1;
    assert_eq!(play.act(), Decision::TakeIn);
    assert_eq!(play.act(), launch(2, 3, false));
}

#[test]
fn a_job_that_does_not_end_is_deleted() {
    let mut play = Play::running(10);
    play.done(10, 0);
    assert_eq!(play.act(), Decision::NoteIdle(Some(1000)));
    play.now += END_SECONDS - 1;
    assert_eq!(play.act(), Decision::Wait);
    play.now += 1;
    assert!(matches!(play.act(), Decision::DeleteJob { name, .. } if name == "job-1"));
    play.job = JobState::Leaving { launch: 1 };
    assert_eq!(play.act(), Decision::Wait);
    play.job = JobState::None;
    assert_eq!(play.act(), Decision::Settle(Phase::Finished, None));
}

/// The only node died: its pod is neither pending nor at work, and Kubernetes replaces it only once it has ended.
#[test]
fn a_job_whose_pods_are_all_lost_is_replaced() {
    let mut play = Play::running(10);
    play.job = active(1, 0);
    play.act();
    play.now += BARE_SECONDS / 2;
    play.job = active(1, 1);
    assert_eq!(play.act(), Decision::NoteIdle(None), "a pod came: counted anew");
    play.job = active(1, 0);
    play.act();
    play.now += BARE_SECONDS - 1;
    assert_eq!(play.act(), Decision::Wait);
    play.now += 1;
    assert!(matches!(play.act(), Decision::DeleteJob { .. }));
    play.job = JobState::None;
    assert_eq!(play.act(), launch(2, 3, true));
}

#[test]
fn a_job_held_back_in_a_queue_is_waited_for() {
    let mut play = Play::running(10);
    play.job =
        JobState::Active { name: "job-1".into(), launch: 1, pods: 0, open: vec![0, 1, 2], suspended: true };
    play.now += 1_000_000;
    assert_eq!(play.act(), Decision::Wait);
}

#[test]
fn a_requeue_after_the_end_launches_again_for_what_is_left() {
    let mut play = Play::running(10);
    play.done(10, 0);
    play.job = ended(1, JobEnd::Complete);
    play.act();
    play.done(8, 2);
    assert_eq!(play.act(), Decision::Rest, "nobody wished it");
    play.record.wishes.resume += 1;
    assert_eq!(play.act(), Decision::Resume);
    assert_eq!(play.act(), launch(2, 2, false));
}

#[test]
fn a_cancelled_batch_ends_its_job_once_nothing_is_in_hand() {
    let mut play = Play::running(10);
    play.record.wishes.cancelled = true;
    assert_eq!(play.act(), Decision::StopLeases);
    play.totals = Some(Totals { ready: 7, leased: 3, cancelled: true, ..Totals::default() });
    assert_eq!(play.act(), Decision::Wait);
    play.totals = Some(Totals { ready: 7, done: 3, cancelled: true, ..Totals::default() });
    assert!(matches!(play.act(), Decision::DeleteJob { .. }));
    play.job = JobState::None;
    assert_eq!(play.act(), Decision::Settle(Phase::Cancelled, None));
    assert_eq!(play.act(), Decision::Rest);
    // What a dead worker held does not keep the Job.
    play.job = active(1, 0);
    play.totals = Some(Totals { leased: 3, cancelled: true, ..Totals::default() });
    assert!(matches!(play.act(), Decision::DeleteJob { .. }));
    // Submitted again, it goes on.
    play.job = JobState::None;
    play.record.wishes = Wishes { intake: 2, cancelled: false, ..play.record.wishes };
    assert_eq!(play.act(), Decision::TakeIn);
}

#[test]
fn an_emptied_redis_is_filled_again_from_what_is_there() {
    let mut play = Play::running(10);
    play.totals = None;
    assert_eq!(play.act(), Decision::TakeIn);
}

#[test]
fn a_redis_that_came_back_with_less_is_filled_again() {
    let mut play = Play::running(10);
    play.record.course.found = Some(Found { in_batch: 10, ..Found::default() });
    play.done(3, 4);
    assert_eq!(play.act(), Decision::TakeIn);
    play.done(3, 7);
    assert_eq!(play.next(), Decision::Wait);
    // Also when what it still knows is done: the rest is not.
    play.done(7, 0);
    assert_eq!(play.next(), Decision::TakeIn);
}

#[test]
fn a_job_of_a_batch_that_is_over_is_deleted() {
    let mut play = Play::running(10);
    play.done(10, 0);
    play.job = JobState::None;
    play.act();
    // Made by a coordinator that was behind.
    play.job = active(1, 3);
    assert!(matches!(play.act(), Decision::DeleteJob { .. }));
}
