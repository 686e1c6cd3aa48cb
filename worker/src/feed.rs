//! Feeding the engine: claim and prepare one recording ahead of it, until the batch is drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::claim::{Claimed, claim_one, may_leave};
use crate::control::{Control, Order};
use crate::farewell;
use crate::finish::{After, release, settle};
use crate::held::{Held, HeldItem};
use crate::outage::{self, Outage};
use crate::prepare::{Prepared, prepare};
use crate::publish::Publisher;
use crate::slot::Slot;
use crate::spool::Spool;
use crate::stage_error::StageError;
use crate::station::Station;
use steno_shared::exit::Exit;
use steno_shared::leases::{Lease, LeaseError};

/// How long an idle worker waits before it looks again, at first and at most.
const IDLE_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How often a worker looks whether a recording that must be held alone is done with.
const SUSPECT_CHECK: Duration = Duration::from_millis(200);
/// How often a worker with a prefetched recording looks for idle ones that could take it.
const GIVE_UP_CHECK: Duration = Duration::from_secs(1);

/// The feeding side of a worker.
pub struct Feed {
    /// The worker's connections.
    pub station: Station,
    /// Looks for transcripts that are already there.
    pub publisher: Publisher,
    /// Where recordings from a bucket lie meanwhile.
    pub spool: Spool,
    /// What is held.
    pub held: Arc<Held>,
    /// Where the engine takes recordings from.
    pub slot: Arc<Slot<Prepared>>,
    /// What the worker was told.
    pub control: Arc<Control>,
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

impl Feed {
    /// Feeds the engine until nothing is left anywhere, then closes the slot.
    pub async fn run(self) -> FeedEnd {
        let end = self.feed().await;
        if end != FeedEnd::Drained
            && let Some(prepared) = self.slot.take_back()
        {
            self.give_back(&prepared).await;
        }
        self.slot.close();
        if let Err(error) = self.station.leases.busy(&self.station.worker).await {
            tracing::debug!(%error, "worker.goodbye_not_told");
        }
        end
    }

    async fn feed(&self) -> FeedEnd {
        let mut idle_wait = IDLE_WAIT.0;
        let mut outage = Outage::default();
        while self.control.order() == Order::Work {
            tokio::select! {
                () = self.slot.until_empty() => {}
                () = self.control.until_told() => break,
            }
            match self.step(&mut idle_wait).await {
                Ok(Step::Fed) => outage.over(),
                Ok(Step::Wait(duration)) => {
                    outage.over();
                    self.control.pause(duration).await;
                }
                Ok(Step::Drained) => return FeedEnd::Drained,
                Ok(Step::Told) => return FeedEnd::Told,
                Ok(Step::End(exit)) => return FeedEnd::Failed(exit),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "service.away");
                    let Some(wait) = outage.wait(Instant::now()) else {
                        farewell::say(&format!("{}: {error}", outage::GAVE_UP));
                        return FeedEnd::Failed(Exit::Lost);
                    };
                    self.control.pause(wait).await;
                }
                Err(error) => {
                    tracing::error!(%error, "leases.unusable");
                    farewell::say(&error.to_string());
                    return FeedEnd::Failed(Exit::Unusable);
                }
            }
        }
        FeedEnd::Told
    }

    async fn step(&self, idle_wait: &mut Duration) -> Result<Step, LeaseError> {
        if self.held.has_suspect() {
            return Ok(Step::Wait(SUSPECT_CHECK));
        }
        if self.slot.taker_is_busy() && self.others_wait().await? {
            return Ok(Step::Wait(GIVE_UP_CHECK));
        }
        match claim_one(&self.station, self.held.is_empty()).await? {
            Claimed::Lease(lease) => {
                *idle_wait = IDLE_WAIT.0;
                self.feed_one(*lease).await
            }
            Claimed::Cancelled => Ok(Step::Told),
            Claimed::Nothing { open } => {
                if self.held.is_empty() && may_leave(&self.station, open).await? {
                    return Ok(Step::Drained);
                }
                let wait = *idle_wait;
                *idle_wait = (wait * 2).min(IDLE_WAIT.1);
                Ok(Step::Wait(wait))
            }
        }
    }

    async fn feed_one(&self, lease: Lease) -> Result<Step, LeaseError> {
        let item = self.held.insert(lease);
        let id = item.lease.id.clone();
        tracing::info!(name = ?item.lease.recording.name, attempt = item.lease.attempt, "recording.claimed");
        if let Err(error) = self.station.leases.busy(&self.station.worker).await {
            // It is forgotten by itself soon.
            tracing::warn!(%error, "worker.busy_not_told");
        }
        let prepared = match Box::pin(self.prepare(&item)).await {
            Ok(prepared) => prepared,
            Err(error) => {
                let after = settle(&self.station, &item, error).await;
                self.held.remove(&id);
                return Ok(match after {
                    After::Continue => Step::Fed,
                    After::End(exit) => Step::End(exit),
                });
            }
        };
        item.wait();
        if let Err(prepared) = self.slot.put(prepared) {
            // Only when the engine has ended meanwhile.
            self.give_back(&prepared).await;
            return Ok(Step::Told);
        }
        self.watch_prefetched().await?;
        Ok(Step::Fed)
    }

    /// Prepares a recording. While a service is away, it is held and tried again: giving it back would only hand it
    /// to somebody who cannot fetch it either.
    async fn prepare(&self, item: &Arc<HeldItem>) -> Result<Prepared, StageError> {
        let mut outage = Outage::default();
        loop {
            let prepared = tokio::select! {
                prepared = prepare(&self.station, &self.publisher, &self.spool, &self.control, Arc::clone(item)) => prepared,
                () = self.control.until(Order::Stop) => Err(StageError::Interrupted),
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
            item.advance();
            if !self.control.pause(wait).await {
                return Err(StageError::Interrupted);
            }
        }
    }

    /// While the prefetched recording waits: gives it up when somebody else has nothing to do.
    async fn watch_prefetched(&self) -> Result<(), LeaseError> {
        loop {
            tokio::select! {
                () = self.slot.until_empty() => return Ok(()),
                () = self.control.until_told() => return Ok(()),
                () = tokio::time::sleep(GIVE_UP_CHECK) => {}
            }
            if self.slot.taker_is_busy()
                && self.others_wait().await?
                && let Some(prepared) = self.slot.take_back()
            {
                self.give_back(&prepared).await;
                return Ok(());
            }
        }
    }

    async fn others_wait(&self) -> Result<bool, LeaseError> {
        Ok(self.station.leases.idle_workers().await? > 0)
    }

    async fn give_back(&self, prepared: &Prepared) {
        release(&self.station, &prepared.item).await;
        self.held.remove(&prepared.item.lease.id);
    }
}

enum Step {
    Fed,
    Wait(Duration),
    Drained,
    Told,
    End(Exit),
}
