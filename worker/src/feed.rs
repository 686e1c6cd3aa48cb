//! Feeding the engine: claim and prepare recordings ahead of it, until the batch is drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use steno_shared::ahead::windows_expected;
use steno_shared::exit::Exit;
use steno_shared::leases::{Lease, LeaseError, Phase};
use steno_shared::options::Mode;
use tokio::task::{JoinError, JoinSet};

use crate::claim::{Claimed, Claims, InHand, claim_one, may_leave};
use crate::control::Order;
use crate::farewell;
use crate::finish::{After, release, settle};
use crate::held::{Held, HeldItem};
use crate::outage::{self, Outage};
use crate::prefetch::Prefetch;
use crate::prepare::{Preparation, Prepared, prepare};
use crate::stage_error::StageError;

/// How long an idle worker waits before it looks again, at first and at most.
const IDLE_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// How often a worker looks whether a recording that must be held alone is done with.
const SUSPECT_CHECK: Duration = Duration::from_millis(200);
/// How long a worker goes by the number of unclaimed windows that it saw last: it grows only when something is given back.
const UNCLAIMED_KNOWN: Duration = Duration::from_secs(5);
/// How often a worker that has prefetched its share looks whether it is to take more.
const SHARE_CHECK: Duration = Duration::from_millis(200);
/// How often a worker with prefetched recordings looks for idle ones that could take them.
const GIVE_UP_CHECK: Duration = Duration::from_millis(300);
/// A time that does not come: until something changes.
const FAR_AWAY: Duration = Duration::from_secs(3600);

/// The feeding side of a worker.
#[derive(Debug)]
pub struct Feed {
    /// What preparing needs.
    pub preparation: Arc<Preparation>,
    /// What is held.
    pub held: Arc<Held>,
    /// Where the engine takes its work from.
    pub prefetch: Prefetch,
    /// What it asks for.
    pub claims: Claims,
}

/// How the feeding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEnd {
    /// Nothing is left in the batch that would need this worker.
    Drained,
    /// The worker was told to end before that.
    Told,
    /// The worker cannot work.
    Failed(Exit),
}

/// A recording that was prepared, or could not be.
struct PreparedOne {
    item: Arc<HeldItem>,
    /// Windows that it was expected to have.
    expected: usize,
    result: Result<Prepared, StageError>,
}

/// What is under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<PreparedOne>,
    /// Windows that they are expected to have.
    expected: usize,
}

/// What was seen in the last steps.
struct Pace {
    /// How long to wait before the next look, with nothing to do.
    idle_wait: Duration,
    /// Windows that nobody had claimed, and when.
    unclaimed: Option<(Instant, u64)>,
}

enum Step {
    Fed,
    Wait(Duration),
    Drained,
    Told,
}

impl Feed {
    /// Feeds the engine until nothing is left anywhere, then lets it finish.
    pub async fn run(self) -> FeedEnd {
        let mut under_way = UnderWay::default();
        let end = self.feed(&mut under_way).await;
        if end != FeedEnd::Drained {
            self.give_back(self.prefetch.take_back()).await;
        }
        while let Some(joined) = under_way.tasks.join_next().await {
            if let Ok(PreparedOne { item, result, .. }) = joined {
                self.settle_unneeded(item, result).await;
            }
        }
        self.prefetch.close();
        let station = &self.preparation.station;
        self.claims.give_back(station).await;
        if let Err(error) = station.leases.busy(&station.worker).await {
            tracing::debug!(%error, "worker.goodbye_not_told");
        }
        end
    }

    async fn feed(&self, under_way: &mut UnderWay) -> FeedEnd {
        let control = &self.preparation.control;
        let mut pace = Pace { idle_wait: IDLE_WAIT.0, unclaimed: None };
        let mut outage = Outage::default();
        let mut next_step = tokio::time::Instant::now();
        let mut give_up = tokio::time::interval(GIVE_UP_CHECK);
        give_up.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while control.order() == Order::Work {
            let changed = self.prefetch.changed().notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let may_step = !self.is_full(under_way) && !self.is_early(under_way, &pace);
            let wait = tokio::select! {
                () = control.until_told() => break,
                Some(joined) = under_way.tasks.join_next(), if !under_way.tasks.is_empty() => {
                    let taken = self.take_prepared(under_way, joined).await;
                    self.prefetch.expect(under_way.tasks.len());
                    match taken {
                        Ok(()) => Duration::ZERO,
                        Err(end) => return end,
                    }
                }
                () = changed, if !may_step => Duration::ZERO,
                _ = give_up.tick() => match self.give_up().await {
                    Ok(()) => continue,
                    Err(error) => match after_error(&error, &mut outage) {
                        Ok(wait) => wait,
                        Err(end) => return end,
                    },
                },
                () = tokio::time::sleep_until(next_step), if may_step => {
                    match self.step(under_way, &mut pace).await {
                        Ok(step) => {
                            outage.over();
                            match step {
                                Step::Fed => Duration::ZERO,
                                Step::Wait(duration) => duration,
                                Step::Drained => return FeedEnd::Drained,
                                Step::Told => return FeedEnd::Told,
                            }
                        }
                        Err(error) => match after_error(&error, &mut outage) {
                            Ok(wait) => wait,
                            Err(end) => return end,
                        },
                    }
                }
            };
            next_step = tokio::time::Instant::now() + wait.min(FAR_AWAY);
        }
        FeedEnd::Told
    }

    /// Whether a batch is waiting or being prepared, or enough is being prepared at once.
    fn is_full(&self, under_way: &UnderWay) -> bool {
        self.waiting(under_way) >= self.prefetch.batch_size() || under_way.tasks.len() >= self.most_at_once()
    }

    /// Whether what would be claimed now would wait too long for the engine, as far as is known here.
    fn is_early(&self, under_way: &UnderWay, pace: &Pace) -> bool {
        let known = pace.unclaimed.filter(|(at, _)| at.elapsed() < UNCLAIMED_KNOWN);
        let workers = self.preparation.station.config.workers;
        known.is_some_and(|(_, unclaimed)| !self.in_hand(under_way).ahead(unclaimed, workers).is_soon())
    }

    fn in_hand(&self, under_way: &UnderWay) -> InHand {
        InHand {
            nothing: self.held.is_empty(),
            waiting: self.waiting(under_way),
            begun: self.begun(),
            batch_size: self.prefetch.batch_size(),
        }
    }

    /// Windows that wait for the engine or are being prepared for it.
    fn waiting(&self, under_way: &UnderWay) -> usize {
        self.prefetch.n_waiting() + under_way.expected
    }

    /// Windows that are left of the recording that the engine has begun, where it takes one after the other.
    fn begun(&self) -> u64 {
        if matches!(self.prefetch, Prefetch::Windows(_)) || !self.prefetch.engine_is_busy() {
            return 0;
        }
        let window_seconds = self.preparation.station.config.meta.options.window_seconds();
        let left = |item: &Arc<HeldItem>| match item.phase() {
            // Taken by the engine, which has not said so yet, or worked on.
            None | Some(Phase::Transcribing) => item.left_seconds(),
            Some(_) => 0.0,
        };
        windows_expected(self.held.all().iter().map(left).sum(), window_seconds) as u64
    }

    /// Recordings to be prepared at once: decoding waits for processes and disks, so more than the cores that are left.
    fn most_at_once(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let workers = self.preparation.station.config.workers.max(1) as usize;
        (cores / workers).clamp(2, 8)
    }

    async fn step(&self, under_way: &mut UnderWay, pace: &mut Pace) -> Result<Step, LeaseError> {
        if self.held.has_suspect() {
            return Ok(Step::Wait(SUSPECT_CHECK));
        }
        if self.prefetch.engine_is_busy() && self.others_wait().await? {
            return Ok(Step::Wait(GIVE_UP_CHECK));
        }
        let station = &self.preparation.station;
        let paced = self.held.pace.look(self.held.len());
        match claim_one(&self.claims, station, self.in_hand(under_way), paced).await? {
            Claimed::Lease(lease) => {
                pace.idle_wait = IDLE_WAIT.0;
                self.begin(under_way, *lease).await;
                Ok(Step::Fed)
            }
            Claimed::Enough { unclaimed } => {
                pace.unclaimed = Some((Instant::now(), unclaimed));
                Ok(Step::Wait(SHARE_CHECK))
            }
            Claimed::Cancelled => Ok(Step::Told),
            Claimed::Nothing { open } => {
                if self.held.is_empty() && may_leave(station, open).await? {
                    return Ok(Step::Drained);
                }
                let wait = pace.idle_wait;
                pace.idle_wait = (wait * 2).min(IDLE_WAIT.1);
                Ok(Step::Wait(wait))
            }
        }
    }

    async fn begin(&self, under_way: &mut UnderWay, lease: Lease) {
        let station = &self.preparation.station;
        let item = self.held.insert(lease);
        tracing::info!(name = ?item.lease.recording.name, attempt = item.lease.attempt, "recording.claimed");
        if let Err(error) = station.leases.busy(&station.worker).await {
            // It is forgotten by itself soon.
            tracing::warn!(%error, "worker.busy_not_told");
        }
        let options = &station.config.meta.options;
        let expected = match options.mode {
            Mode::Sequential => 1,
            Mode::Batched => windows_expected(item.lease.recording.seconds, options.window_seconds()),
        };
        under_way.expected += expected;
        let preparation = Arc::clone(&self.preparation);
        under_way.tasks.spawn(async move {
            let result = Box::pin(prepare_patiently(&preparation, &item)).await;
            PreparedOne { item, expected, result }
        });
        self.prefetch.expect(under_way.tasks.len());
    }

    async fn take_prepared(
        &self,
        under_way: &mut UnderWay,
        joined: Result<PreparedOne, JoinError>,
    ) -> Result<(), FeedEnd> {
        let PreparedOne { item, expected, result } = joined.map_err(|error| {
            // Its lease runs out by itself, and counts as lost: it may be the recording's fault.
            tracing::error!(%error, "prepare.panicked");
            FeedEnd::Failed(Exit::Internal)
        })?;
        under_way.expected -= expected;
        let prepared = match result {
            Ok(prepared) => prepared,
            Err(error) => {
                let after = settle(&self.preparation.station, &item, error).await;
                self.held.remove(&item.lease.id);
                return match after {
                    After::Continue => Ok(()),
                    After::End(exit) => Err(FeedEnd::Failed(exit)),
                };
            }
        };
        item.wait();
        if let Err(prepared) = self.prefetch.put(prepared) {
            // Only when the engine has ended meanwhile.
            self.give_back(vec![prepared.item]).await;
            return Err(FeedEnd::Told);
        }
        Ok(())
    }

    /// Gives up what the engine has not begun, when somebody else has nothing to do. What is lost goes anyway.
    async fn give_up(&self) -> Result<(), LeaseError> {
        for lost in self.prefetch.take_lost() {
            settle(&self.preparation.station, &lost, StageError::Interrupted).await;
            self.held.remove(&lost.lease.id);
        }
        if self.prefetch.has_untouched() && self.prefetch.engine_is_busy() && self.others_wait().await? {
            self.give_back(self.prefetch.take_back()).await;
        }
        self.let_go_what_takes_too_long().await
    }

    /// On a slow worker, what it has begun and others would be done with sooner, from the begin, is for them.
    async fn let_go_what_takes_too_long(&self) -> Result<(), LeaseError> {
        let held = self.held.all();
        let Some(paced) = self.held.pace.look(held.len()).filter(|paced| paced.pace.is_slow()) else {
            return Ok(());
        };
        let begun: Vec<_> = held
            .into_iter()
            .filter(|item| !item.is_over() && item.phase() == Some(Phase::Transcribing))
            .collect();
        if begun.is_empty() {
            return Ok(());
        }
        let station = &self.preparation.station;
        let counts = station.leases.all_counts(station.config.meta.shards).await?;
        let left = paced.left_seconds(&counts);
        for item in begun {
            let (rest, length) = (item.left_seconds(), item.length_ms() as f64 / 1000.0);
            if paced.longest_ms(&counts).is_some() && paced.pace.gives_back(rest, length, left) {
                let own = paced.pace.own;
                tracing::info!(name = ?item.lease.recording.name, rest, left, own, "recording.too_slow_here");
                item.set_unwanted();
            }
        }
        Ok(())
    }

    async fn others_wait(&self) -> Result<bool, LeaseError> {
        Ok(self.preparation.station.leases.idle_workers().await? > 0)
    }

    async fn give_back(&self, items: Vec<Arc<HeldItem>>) {
        for item in items {
            release(&self.preparation.station, &item).await;
            self.held.remove(&item.lease.id);
        }
    }

    async fn settle_unneeded(&self, item: Arc<HeldItem>, result: Result<Prepared, StageError>) {
        match result {
            Ok(_) => release(&self.preparation.station, &item).await,
            Err(error) => {
                settle(&self.preparation.station, &item, error).await;
            }
        }
        self.held.remove(&item.lease.id);
    }
}

/// What a lease error means: how long to wait, or the end.
fn after_error(error: &LeaseError, outage: &mut Outage) -> Result<Duration, FeedEnd> {
    if !error.may_pass() {
        tracing::error!(%error, "leases.unusable");
        farewell::say(&error.to_string());
        return Err(FeedEnd::Failed(Exit::Unusable));
    }
    tracing::warn!(%error, "service.away");
    outage.wait(Instant::now()).ok_or_else(|| {
        farewell::say(&format!("{}: {error}", outage::GAVE_UP));
        FeedEnd::Failed(Exit::Lost)
    })
}

/// Prepares a recording. While a service is away, it is held and tried again: giving it back would only hand it to
/// somebody who cannot fetch it either.
async fn prepare_patiently(preparation: &Preparation, item: &Arc<HeldItem>) -> Result<Prepared, StageError> {
    let control = &preparation.control;
    let mut outage = Outage::default();
    loop {
        let prepared = tokio::select! {
            prepared = prepare(preparation, Arc::clone(item)) => prepared,
            () = control.until_told() => Err(StageError::Interrupted),
        };
        let Err(StageError::Outage(message)) = prepared else { return prepared };
        tracing::warn!(name = ?item.lease.recording.name, error = message, "service.away");
        if item.is_lost() {
            return Err(StageError::Interrupted);
        }
        let Some(wait) = outage.wait(Instant::now()) else {
            return Err(StageError::Fatal {
                exit: Exit::Lost,
                message: format!("{}: {message}", outage::GAVE_UP),
            });
        };
        if !outage::with_patience(item, control.pause(wait)).await {
            return Err(StageError::Interrupted);
        }
    }
}
