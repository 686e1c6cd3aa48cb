//! Watching a run: workers that end, Redis that ends, a user who stops it, and the progress meanwhile.

use std::time::Duration;

use nix::sys::signal::Signal;
use steno_shared::batch::BatchMeta;
use steno_shared::exit::Exit;
use steno_shared::ids::ShardId;
use steno_shared::leases::{LeaseError, Leases};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::begin::give_back;
use crate::failure::Failure;
use crate::progress::{Display, EngineTime, Estimate, Snapshot};
use crate::state::{BatchRedis, StateFolder};
use crate::summary::Outcome;
use crate::supervise::{Decision, Ended, Situation, WorkerEnd, Workers, decide};

/// How often the batch is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long workers may take to stop before they are killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// How often Redis is started again, with nothing finished meanwhile.
const REDIS_STARTS_MAX: u32 = 5;

/// Everything that is watched.
pub(super) struct Supervision<'a> {
    pub(super) leases: Leases,
    pub(super) meta: &'a BatchMeta,
    pub(super) workers: Workers,
    pub(super) folder: &'a StateFolder,
    pub(super) redis: &'a mut BatchRedis,
    pub(super) display: Display,
    pub(super) estimate: Estimate,
    pub(super) engine_time: EngineTime,
    /// Recordings that the batch has, at least.
    pub(super) in_batch: u64,
}

/// What has become of a batch that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// It is over, for now.
    Over(Outcome),
    /// Redis has lost all of it, or some of its recordings: the backlog is to be taken in again.
    Lost {
        /// Audio that was done when that was noticed, in milliseconds.
        done_ms: u64,
    },
}

/// How far the stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// Not stopping.
    No,
    /// Workers finish what they have in hand.
    Draining,
    /// Workers were told to give everything back; those still there at the deadline are killed.
    Now { deadline: Instant },
}

/// What has happened in a run so far.
struct Course {
    stopping: Stopping,
    snapshot: Snapshot,
    /// Places whose workers left because nothing was there for them.
    vacated: Vec<u32>,
    last_words: Option<String>,
    end_run: Option<Failure>,
    /// Whether Redis does not know the batch any more.
    is_forgotten: bool,
    is_told_to_stop: bool,
    redis_starts: u32,
    settled_at_redis_start: u64,
}

impl Supervision<'_> {
    /// Starts `workers` and watches them until all have ended for good.
    pub(super) async fn run(
        &mut self,
        workers: u32,
        interrupts: &mut Interrupts,
    ) -> Result<Watched, Failure> {
        let mut course = Course {
            stopping: Stopping::No,
            snapshot: Snapshot::read(&self.leases, self.meta.shards).await?,
            vacated: Vec::new(),
            last_words: None,
            end_run: None,
            is_forgotten: false,
            is_told_to_stop: false,
            redis_starts: 0,
            settled_at_redis_start: 0,
        };
        for slot in 0..workers {
            self.workers.start(slot)?;
        }
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.workers.none_left() {
            tokio::select! {
                ended = self.workers.next() => self.worker_ended(&mut course, ended?).await?,
                reason = self.redis.ended() => self.redis_ended(&mut course, &reason).await?,
                urgency = interrupts.next() => self.interrupted(&mut course, urgency).await,
                _ = tick.tick() => self.look(&mut course).await?,
            }
        }
        self.conclude(course).await
    }

    /// Reads how far the batch is. An answer that does not come is no error: the workers wait for Redis too, and if
    /// it has ended, that is the next event.
    async fn refresh(&mut self, course: &mut Course) -> Result<(), Failure> {
        match Snapshot::read(&self.leases, self.meta.shards).await {
            Ok(snapshot) => course.snapshot = snapshot,
            Err(error) if error.is_retryable() => return Ok(()),
            Err(LeaseError::NoBatch { .. }) => {
                course.is_forgotten = true;
                self.stop_now(course);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        self.engine_time.note(&course.snapshot.workers);
        if course.stopping == Stopping::No && course.snapshot.totals.cancelled {
            self.display.say("The batch was cancelled; finishing what is in hand.");
            course.stopping = Stopping::Draining;
        } else if course.stopping == Stopping::Draining && !course.snapshot.totals.cancelled {
            // Redis came back from before that was said.
            self.drain(course).await;
        }
        Ok(())
    }

    /// Hands out nothing more: workers finish what they have in hand.
    async fn drain(&mut self, course: &mut Course) {
        course.stopping = Stopping::Draining;
        for shard in (0..self.meta.shards).map(ShardId) {
            if let Err(error) = self.leases.cancel(shard).await {
                tracing::warn!(%error, "batch.not_cancelled");
                self.stop_now(course);
            }
        }
    }

    async fn look(&mut self, course: &mut Course) -> Result<(), Failure> {
        self.refresh(course).await?;
        self.display.show(&course.snapshot, &self.estimate);
        let totals = course.snapshot.totals;
        if course.stopping == Stopping::No && totals.open() == 0 {
            self.stop_now(course);
        }
        if course.stopping == Stopping::No && totals.ready > 0 {
            // Something was requeued after these had left.
            for slot in course.vacated.drain(..) {
                self.workers.start(slot)?;
            }
        }
        if let Stopping::Now { deadline } = course.stopping
            && Instant::now() > deadline
        {
            self.workers.signal_all(Signal::SIGKILL);
        }
        Ok(())
    }

    async fn worker_ended(&mut self, course: &mut Course, ended: Ended) -> Result<(), Failure> {
        let Ended { slot, end, last_words } = ended;
        self.refresh(course).await?;
        let totals = course.snapshot.totals;
        let situation = Situation {
            settled: totals.done + totals.dead,
            left: totals.open(),
            others: !self.workers.none_left(),
            stopping: course.stopping != Stopping::No,
        };
        let decision = decide(self.workers.history(slot), end, situation);
        let because = last_words.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        match decision {
            Decision::LetGo => course.vacated.push(slot),
            Decision::Restart(wait) => {
                if end != WorkerEnd::Exit(Exit::Success) {
                    self.display.say(&format!("Worker {slot} {end}; starting it again{because}"));
                }
                self.workers.start_later(slot, wait);
            }
            Decision::GiveUp => {
                self.display.say(&format!("Worker {slot} {end}; giving it up{because}"));
            }
            Decision::EndRun(exit) => {
                let message = last_words.clone().unwrap_or_else(|| self.why_unusable(slot, end));
                let others_hold_some = situation.others && totals.leased > 0;
                if others_hold_some {
                    self.display.say(&format!(
                        "{message}. Finishing the recordings in hand, then stopping; press Ctrl-C to stop at once."
                    ));
                    self.drain(course).await;
                } else {
                    self.stop_now(course);
                }
                course.end_run.get_or_insert(Failure { exit, message });
            }
        }
        course.last_words = last_words.or(course.last_words.take());
        Ok(())
    }

    /// What is told of a worker that ended with nothing said.
    fn why_unusable(&self, slot: u32, end: WorkerEnd) -> String {
        if self.folder.disk_is_full() {
            // Then the log could not be written either.
            return format!(
                "worker {slot} {end}: no space is left on the disk of the state folder {}; free some, then run again",
                self.folder.path().display()
            );
        }
        format!("worker {slot} {end}; see {}", self.workers.log_path(slot).display())
    }

    async fn redis_ended(&mut self, course: &mut Course, reason: &str) -> Result<(), Failure> {
        let settled = course.snapshot.totals.done + course.snapshot.totals.dead;
        if settled > course.settled_at_redis_start {
            course.redis_starts = 0;
        }
        course.settled_at_redis_start = settled;
        course.redis_starts += 1;
        if course.redis_starts > REDIS_STARTS_MAX {
            return Err(Failure::lost(format!("Redis ends again and again: {reason}")));
        }
        self.display.say("Redis has ended; starting it again with its data.");
        self.redis.start_again(self.folder).await
    }

    async fn interrupted(&mut self, course: &mut Course, urgency: Urgency) {
        course.is_told_to_stop = true;
        match (course.stopping, urgency) {
            (Stopping::No, Urgency::Drain) => {
                self.display.say(
                    "Finishing the recordings in hand; press Ctrl-C again to stop at once. Nothing is lost either way.",
                );
                self.drain(course).await;
            }
            (Stopping::No | Stopping::Draining, _) => {
                self.display.say("Stopping at once; the recordings in hand go back.");
                self.stop_now(course);
            }
            (Stopping::Now { .. }, _) => self.workers.signal_all(Signal::SIGKILL),
        }
    }

    fn stop_now(&mut self, course: &mut Course) {
        if matches!(course.stopping, Stopping::Now { .. }) {
            return;
        }
        course.stopping = Stopping::Now { deadline: Instant::now() + STOP_TIMEOUT };
        self.workers.stop();
    }

    async fn conclude(&mut self, mut course: Course) -> Result<Watched, Failure> {
        // Of workers that were killed, since they did not stop in time. The next run would do it otherwise.
        if course.stopping != Stopping::No
            && !course.is_forgotten
            && let Err(error) = give_back(&self.leases, self.meta).await
        {
            tracing::warn!(%error, "leases.not_given_back");
        }
        if let Some(failure) = course.end_run.take() {
            return Err(failure);
        }
        if course.is_forgotten {
            return lost(&course);
        }
        let Snapshot { totals, workers } = Snapshot::read(&self.leases, self.meta.shards).await?;
        self.engine_time.note(&workers);
        if totals.open() == 0 && totals.leases() < self.in_batch {
            course.snapshot.totals = totals;
            return lost(&course);
        }
        if totals.open() == 0 {
            return Ok(Watched::Over(Outcome::Finished));
        }
        if course.stopping != Stopping::No {
            return Ok(Watched::Over(Outcome::Interrupted));
        }
        let because = course.last_words.map(|error| format!(": {error}")).unwrap_or_default();
        Err(Failure::lost(format!(
            "every worker failed again and again, with {} recordings left{because}; see the logs in {}",
            totals.open(),
            self.folder.path().join("logs").display()
        )))
    }
}

/// The backlog is to be taken in again, unless the user wants to stop.
fn lost(course: &Course) -> Result<Watched, Failure> {
    if course.is_told_to_stop {
        return Err(Failure::interrupted(
            "stopped; Redis has lost recordings of the batch meanwhile, which the same command takes in again",
        ));
    }
    Ok(Watched::Lost { done_ms: course.snapshot.totals.done_ms })
}

/// How urgently the user wants the run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Ctrl-C: finish what is in hand, the first time.
    Drain,
    /// SIGTERM: at once.
    Now,
}

/// Requests to stop this process.
pub struct Interrupts {
    interrupt: SignalStream,
    terminate: SignalStream,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::internal(format!("failed to listen for signals: {error}")))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Urgency {
        tokio::select! {
            _ = self.interrupt.recv() => Urgency::Drain,
            _ = self.terminate.recv() => Urgency::Now,
        }
    }
}
