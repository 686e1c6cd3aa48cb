//! The heartbeat: renews what this worker holds, on its own thread and its own connection, so that neither long
//! work nor a busy runtime starves it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::future::join_all;
use steno_shared::exit::Exit;
use steno_shared::ids::{ShardId, WorkerId};
use steno_shared::leases::{Lease, LeaseError, Leases, Phase, Renewal, WorkerReport};
use steno_shared::worker_config::WorkerConfig;

use crate::control::{Control, Order};
use crate::farewell;
use crate::generate::Busy;
use crate::held::{Held, HeldItem, Stuck, by_shard};
use crate::lock::lock;
use crate::pace::Meter;

/// An attempt may last this many times the audio's length …
const CAP_MULTIPLE: f64 = 50.0;
/// … and this long at least.
const CAP_FLOOR: Duration = Duration::from_secs(1800);

/// How long the last report may take: nobody waits for it.
const LAST_REPORT_BUDGET: Duration = Duration::from_millis(500);

/// Ends the process, since a stuck native call cannot be cancelled. The lease, which is renewed no more, runs out and
/// counts as lost.
pub fn end_process(item: &HeldItem) {
    tracing::error!(name = ?item.lease.recording.name, "worker.stuck");
    farewell::say(&format!(
        "nothing has moved in {:?} for too long; it was ended",
        item.lease.recording.name
    ));
    std::process::exit(Exit::Stuck as i32);
}

/// The running heartbeat; stops when dropped.
#[derive(Debug)]
pub struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the heartbeat thread works with.
struct Beating {
    config: WorkerConfig,
    worker: WorkerId,
    index: u32,
    held: Arc<Held>,
    control: Arc<Control>,
    busy: Arc<Busy>,
    meter: Mutex<Meter>,
    when_stuck: fn(&HeldItem),
}

impl Heartbeat {
    /// Starts beating: three renewals a lease, and reports in between. `when_stuck` is called with an item in which
    /// nothing moves any more; see [`end_process`].
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        config: &WorkerConfig,
        worker: &WorkerId,
        index: ShardId,
        held: Arc<Held>,
        control: Arc<Control>,
        busy: Arc<Busy>,
        when_stuck: fn(&HeldItem),
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let beating = Beating {
            config: config.clone(),
            worker: worker.clone(),
            index: index.0,
            held,
            control,
            busy,
            meter: Mutex::default(),
            when_stuck,
        };
        let thread =
            std::thread::Builder::new().name("heartbeat".to_owned()).spawn(move || beating.run(&stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Whether the thread has ended although nobody stopped it.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("heartbeat.panicked");
        }
    }
}

impl Beating {
    fn run(self, stopped: &Receiver<()>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "heartbeat.no_runtime");
                return;
            }
        };
        let renew_every = Duration::from_millis(self.config.lease_ms / 3);
        let report_every = Duration::from_millis(self.config.report_ms).min(renew_every);
        let mut leases: Option<Leases> = None;
        let mut renewed: Option<Instant> = None;
        loop {
            let renew = renewed.is_none_or(|at| at.elapsed() + report_every > renew_every);
            match runtime.block_on(self.beat(&mut leases, renew)) {
                Ok(()) => renewed = if renew { Some(Instant::now()) } else { renewed },
                Err(error) => tracing::warn!(%error, "heartbeat.missed"),
            }
            match stopped.recv_timeout(report_every) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // What was done since the last report, for the run's summary.
        if let Some(leases) = leases {
            let leases = leases.with_retry_budget(LAST_REPORT_BUDGET);
            let report = self.report(&self.held.all());
            if let Err(error) = runtime.block_on(leases.report_worker(&report, self.config.lease_ms)) {
                tracing::debug!(%error, "heartbeat.last_report_not_told");
            }
            let WorkerReport { busy_seconds, engine_seconds, .. } = report;
            tracing::info!(busy_seconds, engine_seconds, "engine.time");
            leases.latencies().log();
        }
    }

    /// Tells what this worker does and, if `renew`, renews all it holds. What it is connected to is kept for the next beat: it
    /// connects anew by itself.
    async fn beat(&self, connected: &mut Option<Leases>, renew: bool) -> Result<(), LeaseError> {
        let leases = match connected {
            Some(leases) => leases.clone(),
            None => {
                let budget = Duration::from_millis(self.config.lease_ms / 3);
                let leases =
                    Leases::connect_within(&self.config.redis, &self.config.meta.batch, budget).await?;
                connected.insert(leases).clone()
            }
        };
        let now = Instant::now();
        let (alive, stuck): (Vec<_>, Vec<_>) =
            self.held.all().into_iter().partition(|item| self.stuck(item, now).is_none());
        let told = self.tell(&leases, &alive, renew).await;
        if let Some(item) = stuck.first() {
            // The neighbours are not to blame for what comes now.
            for neighbour in &alive {
                let Lease { shard, id, epoch, .. } = &neighbour.lease;
                if let Err(error) = leases.release(*shard, id, *epoch).await {
                    tracing::warn!(name = ?neighbour.lease.recording.name, %error, "lease.release_not_told");
                }
            }
            (self.when_stuck)(item);
        }
        told
    }

    async fn tell(&self, leases: &Leases, alive: &[Arc<HeldItem>], renew: bool) -> Result<(), LeaseError> {
        let due = if renew { by_shard(alive) } else { Vec::new() };
        // Side by side, and to the end: a shard whose server is away holds up no other.
        let renewals =
            due.iter().map(|(shard, items)| leases.renew(*shard, &self.worker, items, self.config.lease_ms));
        let mut outcome = Ok(());
        for renewal in join_all(renewals).await {
            match renewal {
                Ok(renewal) => self.take(renewal, alive),
                Err(error) => outcome = Err(error),
            }
        }
        let report = self.report(alive);
        match leases.report_worker(&report, self.config.lease_ms).await {
            Ok(together) => self.held.pace.note(report.speed, together),
            Err(error) => outcome = outcome.and(Err(error)),
        }
        outcome
    }

    fn take(&self, renewal: Renewal, alive: &[Arc<HeldItem>]) {
        for lost in renewal.lost {
            if let Some(item) = alive.iter().find(|item| item.lease.id == lost) {
                tracing::warn!(name = ?item.lease.recording.name, "lease.lost");
                item.set_lost();
            }
        }
        if renewal.drain {
            self.control.give(Order::Drain);
        }
    }

    fn stuck(&self, item: &HeldItem, now: Instant) -> Option<Stuck> {
        let seconds = item.lease.recording.seconds.clamp(0.0, 1e9);
        let cap = CAP_FLOOR.max(Duration::from_secs_f64(seconds * CAP_MULTIPLE));
        item.stuck(now, Duration::from_millis(self.config.limits.stall_ms), cap)
    }

    fn report(&self, items: &[Arc<HeldItem>]) -> WorkerReport {
        let busy = self.busy.so_far();
        let speed = lock(&self.meter).note(self.busy.first_passes());
        // The recording furthest on its way is the one that the worker is said to work on.
        let current =
            items.iter().filter_map(|item| Some((item, item.phase()?))).max_by_key(|(_, phase)| rank(*phase));
        WorkerReport {
            worker: self.worker.clone(),
            index: self.index,
            phase: current.map_or(Phase::Idle, |(_, phase)| phase),
            recording: current.map(|(item, _)| item.lease.recording.name.clone()),
            position_seconds: current.map_or(0.0, |(item, _)| item.audio_ms() as f64 / 1000.0),
            length_seconds: current.map_or(0.0, |(item, _)| item.lease.recording.seconds),
            finished: self.held.finished().0,
            finished_seconds: self.held.finished().1 as f64 / 1000.0,
            in_hand_seconds: items.iter().map(|item| item.audio_ms() as f64 / 1000.0).sum(),
            busy_seconds: busy.native.as_secs_f64(),
            engine_seconds: busy.wall.as_secs_f64(),
            speed,
            is_slow: self.held.pace.is_slow(),
        }
    }
}

fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Idle => 0,
        Phase::Fetching => 1,
        Phase::Decoding => 2,
        Phase::Publishing => 3,
        Phase::Transcribing => 4,
    }
}
