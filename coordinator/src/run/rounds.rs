//! A batch's rounds: its backlog is taken in and worked on, and again if Redis loses recordings meanwhile.

use std::num::NonZeroU32;
use std::time::Duration;

use steno_shared::batch::BatchMeta;
use steno_shared::leases::{Leases, RedisConfig};
use steno_shared::storage::Store;
use steno_shared::worker_config::{WorkLimits, WorkerConfig};

use super::begin::{give_back, make};
use super::model::Model;
use super::request::RunRequest;
use super::standing::Standing;
use super::supervision::{Interrupts, Supervision, Watched};
use crate::backlog::{Backlog, Intake};
use crate::existing::Existing;
use crate::failure::Failure;
use crate::machine::{Machine, Spread};
use crate::programs::Programs;
use crate::progress::{Display, EngineTime, Estimate, Snapshot};
use crate::quantities::{audio, counted};
use crate::state::{BatchRedis, StateFolder};
use crate::summary::Outcome;
use crate::supervise::Workers;

/// How often in a row a backlog is taken in that Redis loses before anything of it is done.
const FRUITLESS_MAX: u32 = 5;
/// How long the coordinator waits for Redis where it only looks.
const LOOK_BUDGET: Duration = Duration::from_secs(2);
/// How long a local lease lasts without renewal: short, since the processes share a machine.
const LEASE_MS: u64 = 15_000;
/// How often a local worker tells what it does.
const REPORT_MS: u64 = 500;

/// What a batch is worked on with.
pub(super) struct Rounds<'a> {
    pub(super) request: &'a RunRequest,
    pub(super) programs: &'a Programs,
    pub(super) model: &'a Model,
    pub(super) machine: &'a Machine,
    pub(super) spread: Spread,
    pub(super) input: &'a Store,
    pub(super) output: &'a Store,
    pub(super) leases: &'a Leases,
    pub(super) meta: &'a BatchMeta,
    pub(super) folder: &'a StateFolder,
}

/// What came of it.
pub(super) struct Played {
    pub(super) outcome: Outcome,
    /// Of the last intake.
    pub(super) backlog: Backlog,
    /// Recordings that were transcribed when the workers first began.
    pub(super) finished_before: u64,
    /// Audio of the rounds before the last, in milliseconds.
    pub(super) audio_ms: u64,
    /// Audio that was done when the last round began, in milliseconds.
    pub(super) done_ms_before: u64,
    pub(super) engine_time: EngineTime,
    pub(super) display: Display,
}

impl Rounds<'_> {
    /// Plays until the batch is over, for now.
    pub(super) async fn play(
        &self,
        redis: &mut BatchRedis,
        interrupts: &mut Interrupts,
    ) -> Result<Played, Failure> {
        let (mut finished_before, mut finished, mut fruitless) = (None, 0, 0);
        let (mut audio_ms, mut engine_time) = (0, EngineTime::default());
        loop {
            let display = Display::new(self.spread.workers);
            let backlog = self.take_in(&display, finished_before.is_some(), interrupts).await?;
            let before = Snapshot::read(self.leases, self.meta.shards).await?;
            let standing = Standing::read(self.leases, self.meta, before.totals, backlog.split > 0).await?;
            let now_finished = backlog.published + standing.done;
            let finished_before = *finished_before.get_or_insert(now_finished);
            fruitless = if now_finished > finished { 0 } else { fruitless };
            finished = now_finished;
            let spread = fit(self.request, self.machine, self.spread, before.totals.open());
            announce(&display, self.meta, &backlog, spread, self.folder);
            self.folder.write("worker.json", &self.worker_config(redis.config(), spread))?;
            let with_password = !redis.is_private();
            let workers = Workers::new(
                self.programs.worker.clone(),
                self.folder.clone(),
                self.machine.gpus,
                with_password,
            );
            let mut supervision = Supervision {
                leases: self.leases.clone().with_retry_budget(LOOK_BUDGET),
                meta: self.meta,
                workers,
                folder: self.folder,
                redis: &mut *redis,
                display,
                estimate: Estimate::from(before.behind_ms()),
                engine_time,
                // Also what an earlier run put there.
                in_batch: backlog.in_batch.max(before.totals.leases()),
            };
            let watched = supervision.run(spread.workers, interrupts).await?;
            let Supervision { display, engine_time: busy, .. } = supervision;
            engine_time = busy;
            let done_ms_before = before.totals.done_ms;
            match watched {
                Watched::Over(outcome) => {
                    return Ok(Played {
                        outcome,
                        backlog,
                        finished_before,
                        audio_ms,
                        done_ms_before,
                        engine_time,
                        display,
                    });
                }
                Watched::Lost { done_ms } => {
                    fruitless += 1;
                    if fruitless == FRUITLESS_MAX {
                        return Err(Failure::lost(
                            "Redis loses what it is given again and again; see that nothing else uses it and that it keeps an \
                             append-only file, then run again",
                        ));
                    }
                    display.say("Redis has lost recordings of the batch; taking the backlog in again.");
                    display.finish();
                    audio_ms += done_ms.saturating_sub(done_ms_before);
                    make(self.leases, self.folder, self.meta).await?;
                    give_back(self.leases, self.meta).await?;
                }
            }
        }
    }

    async fn take_in(
        &self,
        display: &Display,
        again: bool,
        interrupts: &mut Interrupts,
    ) -> Result<Backlog, Failure> {
        let manifest = self.folder.manifest();
        let called =
            || self.request.manifest.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let intake = Intake {
            input: self.input,
            output: self.output,
            leases: self.leases,
            meta: self.meta,
            manifest: manifest.as_deref().map(|path| (path, called())),
            existing: if again { self.request.existing.once_begun() } else { self.request.existing },
            workers: NonZeroU32::new(self.spread.workers).unwrap_or(NonZeroU32::MIN),
            longest_seconds: self.request.longest_seconds,
        };
        let say = |message: &str| display.say(message);
        tokio::select! {
            taken = intake.take(&say) => taken,
            _ = interrupts.next() => Err(Failure::interrupted(if again {
                "stopped while the backlog was taken in again; the same command goes on"
            } else {
                "stopped before any recording was begun; the same command goes on"
            })),
        }
    }

    fn worker_config(&self, redis: RedisConfig, spread: Spread) -> WorkerConfig {
        let Self { request, model, .. } = self;
        WorkerConfig {
            meta: self.meta.clone(),
            workers: spread.workers.max(1),
            redis,
            s3: request.s3.clone(),
            engine: model.engine.clone(),
            model: model.folder.clone(),
            device: request.device,
            threads: spread.threads,
            batch_size: request.batch_size,
            spool: self.folder.spool(),
            ffmpeg: self.programs.ffmpeg.clone(),
            lease_ms: LEASE_MS,
            report_ms: REPORT_MS,
            replace_existing: request.existing == Existing::Replace,
            limits: WorkLimits {
                stall_ms: u64::try_from(request.stall_limit.as_millis()).unwrap_or(u64::MAX),
                ..WorkLimits::up_to(request.longest_seconds)
            },
        }
    }
}

/// No more workers than recordings that are left; the threads of those left out go to the others.
fn fit(request: &RunRequest, machine: &Machine, spread: Spread, open: u64) -> Spread {
    let workers = spread.workers.min(u32::try_from(open).unwrap_or(u32::MAX));
    Spread { workers, threads: request.threads.unwrap_or_else(|| machine.threads_of(workers)) }
}

fn announce(display: &Display, meta: &BatchMeta, backlog: &Backlog, spread: Spread, folder: &StateFolder) {
    let known =
        if backlog.known > 0 { format!(", {} from an earlier run", backlog.known) } else { String::new() };
    display.say(&format!(
        "{}: {}{known}, {} of new audio{}",
        meta.input,
        counted(backlog.recordings, "recording"),
        audio(backlog.new_audio_ms),
        if backlog.estimated > 0 {
            format!(" ({} estimated from their size)", backlog.estimated)
        } else {
            String::new()
        },
    ));
    if backlog.split > 0 {
        display.say(&format!(
            "{} in parts, side by side: {} in all",
            counted(backlog.split, "long recording"),
            counted(backlog.in_batch, "lease")
        ));
    }
    if spread.workers > 0 {
        display.say(&format!(
            "{} with {}, model {}; logs in {}/logs",
            counted(u64::from(spread.workers), "worker"),
            counted(spread.threads as u64, "thread"),
            meta.model.name,
            folder.shown()
        ));
    }
}
