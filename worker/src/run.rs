//! A worker's life: connect, load the model, feed the engine, settle what it gives back, leave.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt as _};
use steno_shared::exit::Exit;
use steno_shared::ids::{ShardId, WorkerId};
use steno_shared::leases::{Leases, Phase};
use steno_shared::simulated;
use steno_shared::storage::{Location, StorageErrorKind, Store};
use steno_shared::worker_config::WorkerConfig;

use crate::claim::Claims;
use crate::control::{Control, Order};
use crate::decode_audio::Ffmpeg;
use crate::engine_thread::{EngineThread, LoadedEngine};
use crate::farewell;
use crate::feed::{Feed, FeedEnd};
use crate::finish::{After, complete_published, publish_and_complete, release, settle};
use crate::heartbeat::{Heartbeat, end_process};
use crate::held::{Held, HeldItem};
use crate::outage::{Outage, with_patience};
use crate::outcome::{Finished, Outcome};
use crate::prepare::Preparation;
use crate::publish::Publisher;
use crate::signals;
use crate::speech::SpeechFinder;
use crate::spool::Spool;
use crate::stage_error::StageError;
use crate::station::Station;

/// How often it is looked whether the heartbeat still beats.
const HEARTBEAT_CHECK: Duration = Duration::from_secs(1);

/// Recordings that are published and completed side by side at most: a batch ends several at once.
const SETTLED_AT_ONCE: usize = 16;

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl StartError {
    pub(crate) fn new(exit: Exit, message: impl ToString) -> Self {
        Self { exit, message: message.to_string() }
    }
}

/// Works until the batch is drained or the worker is told to end. Returns the exit code.
pub async fn run(config_path: &Path, name: &str, home: ShardId, watch_stdin: bool) -> Exit {
    match work(config_path, name, home, watch_stdin).await {
        Ok(exit) => exit,
        Err(error) => {
            tracing::error!(error = error.message, "worker.cannot_start");
            farewell::say(&error.message);
            error.exit
        }
    }
}

fn open_ffmpeg(program: &Path, spool: &Path) -> Result<Ffmpeg, StartError> {
    let worker = std::env::current_exe().map_err(|error| {
        StartError::new(Exit::Internal, format!("failed to find this executable: {error}"))
    })?;
    Ffmpeg::open(program, &worker, spool).map_err(|error| StartError::new(Exit::Unusable, error))
}

async fn work(config_path: &Path, name: &str, home: ShardId, watch_stdin: bool) -> Result<Exit, StartError> {
    let config = read_config(config_path)?;
    let station = open(config, name, home).await?;
    let is_cancelled = station.leases.counts(station.home).await.map(|counts| counts.cancelled);
    if is_cancelled.unwrap_or(false) {
        // A pod that is started for a batch that was cancelled meanwhile need not load the model to find out.
        return Ok(Exit::Interrupted);
    }
    let is_simulated = station.config.engine.is_simulated();
    let control = Arc::new(Control::default());
    signals::listen(&control, watch_stdin).map_err(|error| StartError::new(Exit::Internal, error))?;
    let mut outage = Outage::default();
    while let Err(error) = check_output_kind(&station.output, is_simulated).await {
        // A store that is away is waited for, as it is with work in hand.
        let wait = outage.wait(Instant::now()).filter(|_| error.exit == Exit::Lost);
        let Some(wait) = wait else { return Err(error) };
        tracing::warn!(error = error.message, "service.away");
        if !control.pause(wait).await {
            return Ok(Exit::Interrupted);
        }
    }
    let meta = &station.config.meta;
    let publisher = Publisher::new(station.output.clone(), meta, station.config.replace_existing)
        .map_err(|error| StartError::new(Exit::Usage, format!("failed to read the options: {error}")))?;
    let spool = Spool::create(&station.config.spool, &station.worker).map_err(|error| {
        StartError::new(
            Exit::Unusable,
            format!("failed to make the spool folder in {}: {error}", station.config.spool.display()),
        )
    })?;
    let ffmpeg = if is_simulated {
        None
    } else {
        Some(Arc::new(open_ffmpeg(&station.config.ffmpeg, spool.folder())?))
    };
    let (engine, loaded) =
        EngineThread::start(&station.config, home.0, publisher.clone(), Arc::clone(&control))
            .map_err(|error| StartError::new(Exit::Internal, error))?;
    let (busy, is_multilingual) = match loaded.await {
        Ok(Ok(LoadedEngine { description, busy, is_multilingual })) => {
            if let Some(failure) = &description.cuda_failure {
                tracing::warn!(error = failure, "gpu.not_used");
            }
            let (name, device) = (description.engine, description.device);
            tracing::info!(worker = %station.worker, engine = name, device, "worker.ready");
            (busy, is_multilingual)
        }
        Ok(Err(error)) => return Err(StartError::new(error.exit(), error)),
        Err(_) => {
            return Err(StartError::new(
                Exit::Internal,
                "the engine's thread ended while it loaded the model",
            ));
        }
    };
    let held = Arc::new(Held::default());
    let heartbeat = Heartbeat::start(
        &station.config,
        &station.worker,
        home,
        Arc::clone(&held),
        Arc::clone(&control),
        busy,
        end_process,
    )
    .map_err(|error| StartError::new(Exit::Internal, error))?;
    let options = &station.config.meta.options;
    let preparation = Preparation {
        station: station.clone(),
        publisher: publisher.clone(),
        ffmpeg,
        spool,
        control: Arc::clone(&control),
        speech: Arc::new(SpeechFinder::new(options.clone())),
        asks_language: is_multilingual && options.language.is_none() && !options.multilingual,
    };
    let feed = Feed {
        preparation: Arc::new(preparation),
        held: Arc::clone(&held),
        prefetch: engine.prefetch.clone(),
        claims: Claims::default(),
    };
    let finisher = Finisher { station: &station, publisher: &publisher, held: &held, control: &control };
    let (fed, failed) = tokio::join!(Box::pin(feed.run()), Box::pin(finisher.run(engine, &heartbeat)));
    drop(heartbeat);
    station.leases.latencies().log();
    let exit = match (failed, fed) {
        (Some(exit), _) | (None, FeedEnd::Failed(exit)) => exit,
        (None, FeedEnd::Drained) => Exit::Success,
        (None, FeedEnd::Told) => Exit::Interrupted,
    };
    tracing::info!(?exit, "worker.ended");
    Ok(exit)
}

/// The settling side of a worker: what the engine gave back is published and completed, or reported.
struct Finisher<'a> {
    station: &'a Station,
    publisher: &'a Publisher,
    held: &'a Held,
    control: &'a Control,
}

impl Finisher<'_> {
    /// Settles outcomes until the engine's thread ends. Returns the exit code if the worker cannot go on.
    async fn run(&self, mut engine: EngineThread, heartbeat: &Heartbeat) -> Option<Exit> {
        let mut failed = None;
        let mut settling = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !settling.is_empty() {
            tokio::select! {
                outcome = engine.outcomes.recv(), if is_open && settling.len() < SETTLED_AT_ONCE => {
                    match outcome {
                        Some(outcome) => settling.push(self.settle(outcome)),
                        None => is_open = false,
                    }
                }
                Some(after) = settling.next(), if !settling.is_empty() => {
                    if let After::End(exit) = after {
                        failed = Some(exit);
                        self.control.give(Order::Stop);
                    }
                }
                () = tokio::time::sleep(HEARTBEAT_CHECK) => {
                    if heartbeat.has_died() && failed.is_none() {
                        tracing::error!("heartbeat.died");
                        failed = Some(Exit::Internal);
                        self.control.give(Order::Stop);
                    }
                }
            }
        }
        if engine.thread.join().is_err() {
            tracing::error!("engine.panicked");
            failed = Some(Exit::Internal);
            self.control.give(Order::Stop);
            for item in self.held.all() {
                if item.phase() == Some(Phase::Transcribing) {
                    let message =
                        "the engine panicked on it; this is a defect of Steno, please report it".to_owned();
                    settle(self.station, &item, StageError::Retry(message)).await;
                } else {
                    release(self.station, &item).await;
                }
                self.held.remove(&item.lease.id);
            }
        }
        failed
    }

    async fn settle(&self, outcome: Outcome) -> After {
        let Outcome { item, result } = outcome;
        item.enter(Phase::Publishing);
        let settled = match &result {
            Ok(finished) => self.complete(&item, finished).await,
            Err(_) => Ok(()),
        };
        let after = match result.map(|_| ()).and(settled) {
            Ok(()) => {
                self.held.count_finished(&item);
                After::Continue
            }
            Err(error) => settle(self.station, &item, error).await,
        };
        self.held.remove(&item.lease.id);
        after
    }

    /// Publishes and completes. While a service is away it tries again: a transcript is not thrown away as long as
    /// the lease is held. The engine waits meanwhile, as soon as it has the next transcript ready.
    async fn complete(&self, item: &HeldItem, finished: &Finished) -> Result<(), StageError> {
        let mut outage = Outage::default();
        loop {
            let completed = match finished {
                Finished::Transcribed(transcript) => {
                    let published = publish_and_complete(self.station, self.publisher, item, transcript);
                    with_patience(item, published).await
                }
                Finished::AlreadyPublished(standing) => {
                    let completed = complete_published(self.station, self.publisher, item, standing);
                    with_patience(item, completed).await
                }
            };
            let Err(StageError::Outage(message)) = completed else { return completed };
            let wait = outage.wait(Instant::now());
            let (Some(wait), false, true) = (wait, item.is_lost(), self.control.order() < Order::Stop) else {
                return Err(StageError::Outage(message));
            };
            tracing::warn!(name = ?item.lease.recording.name, error = message, "transcript.not_published_yet");
            tokio::select! {
                () = with_patience(item, tokio::time::sleep(wait)) => {}
                () = self.control.until(Order::Stop) => {}
            }
        }
    }
}

/// Made-up words go only where the output is marked for them, and real ones only where it is not: the coordinator looked before,
/// but another one may have begun there since.
async fn check_output_kind(output: &Store, is_simulated: bool) -> Result<(), StartError> {
    let is_marked = simulated::is_marked(output).await.map_err(|error| {
        let is_away = error.kind() == StorageErrorKind::Unreachable;
        StartError::new(if is_away { Exit::Lost } else { Exit::Unusable }, error)
    })?;
    let (location, marker) = (output.location(), simulated::MARKER);
    match (is_marked, is_simulated) {
        (true, true) | (false, false) => Ok(()),
        (false, true) => Err(StartError::new(
            Exit::Unusable,
            format!(
                "{location} is not marked as simulated ({marker} is not in it), and a simulated engine writes nowhere else"
            ),
        )),
        (true, false) => Err(StartError::new(
            Exit::Unusable,
            format!("{location} holds simulated transcripts ({marker} is in it); use another output"),
        )),
    }
}

pub(crate) fn read_config(path: &Path) -> Result<WorkerConfig, StartError> {
    let failed = |cause: &dyn std::fmt::Display| {
        StartError::new(
            Exit::Usage,
            format!("failed to read the worker's configuration {}: {cause}", path.display()),
        )
    };
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    let config: WorkerConfig = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    Ok(WorkerConfig { redis: config.redis.with_environment(), ..config })
}

async fn open(config: WorkerConfig, name: &str, home: ShardId) -> Result<Station, StartError> {
    let location = |text: &str| -> Result<Location, StartError> {
        text.parse().map_err(|error| StartError::new(Exit::Usage, error))
    };
    let unusable = |error: &dyn std::fmt::Display| StartError::new(Exit::Unusable, error);
    let input =
        Store::open(&location(&config.meta.input)?, &config.s3).await.map_err(|error| unusable(&error))?;
    let output =
        Store::open(&location(&config.meta.output)?, &config.s3).await.map_err(|error| unusable(&error))?;
    let leases = Leases::connect(&config.redis, &config.meta.batch).await.map_err(|error| {
        let exit = if error.may_pass() { Exit::Lost } else { Exit::Unusable };
        StartError::new(exit, error)
    })?;
    let home = ShardId(home.0 % config.meta.shards.max(1));
    Ok(Station { worker: WorkerId::new(name), home, config, leases, input, output })
}
