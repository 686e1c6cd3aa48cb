//! The one thread that owns the model: takes what is prepared, gives transcripts back.

use std::sync::Arc;
use std::thread::JoinHandle;

use steno_shared::options::Mode;
use steno_shared::worker_config::WorkerConfig;
use tokio::sync::{mpsc, oneshot};

use crate::control::Control;
use crate::engine::{Engine, EngineDescription, EngineError};
use crate::generate::Busy;
use crate::outcome::{Outbox, Outcome};
use crate::prefetch::Prefetch;
use crate::publish::Publisher;
use crate::slot::Slot;
use crate::window_room::WindowRoom;
use crate::{batched_work, sequential_work, simulated_work};

/// Windows of a batch where nobody says how many: on a CPU more gain nothing, a GPU wants more.
const BATCH_SIZE: (usize, usize) = (8, 16);
/// Cores for each thread that makes features for a GPU.
const CORES_A_FEATURE_THREAD: usize = 4;

/// The engine's thread and the channel of what it gives back.
#[derive(Debug)]
pub struct EngineThread {
    /// Outcomes, in the order in which recordings are done. Closed when the thread ends.
    pub outcomes: mpsc::Receiver<Outcome>,
    /// The thread itself.
    pub thread: JoinHandle<()>,
    /// Where it takes its work from.
    pub prefetch: Prefetch,
}

/// An engine that can work.
#[derive(Debug)]
pub struct LoadedEngine {
    /// What runs where.
    pub description: EngineDescription,
    /// The time of its native calls.
    pub busy: Arc<Busy>,
    /// Whether it knows more languages than one.
    pub is_multilingual: bool,
}

/// Told once the engine is loaded, or why it cannot be.
pub type Loading = oneshot::Receiver<Result<LoadedEngine, EngineError>>;

impl EngineThread {
    /// Starts the thread of the worker of this number, which loads the model and then works until its place of work is closed.
    ///
    /// Gives back the thread and, once the model is loaded, what is to be known of it: claim nothing before that, so
    /// that a model that cannot be loaded costs no recording an attempt.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        config: &WorkerConfig,
        worker: u32,
        publisher: Publisher,
        control: Arc<Control>,
    ) -> std::io::Result<(Self, Loading)> {
        let config = config.clone();
        if let Some(speed) = config.engine.simulated_speed(worker) {
            return Self::start_simulated(speed, config, publisher, control);
        }
        let prefetch = match config.meta.options.mode {
            Mode::Sequential => Prefetch::One(Arc::new(Slot::default())),
            Mode::Batched => Prefetch::Windows(Arc::new(WindowRoom::default())),
        };
        let (loaded_tx, loaded) = oneshot::channel();
        let (outcomes_tx, outcomes) = mpsc::channel(1);
        let from = prefetch.clone();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let loaded =
                Engine::load(&config.model, config.device, config.meta.options.compute_type, config.threads)
                    .and_then(|engine| engine.check_options(&config.meta.options).map(|()| engine));
            let mut engine = match loaded {
                Ok(engine) => engine,
                Err(error) => {
                    // The receiver is only gone if the worker is already ending.
                    let _ = loaded_tx.send(Err(error));
                    return;
                }
            };
            let description = engine.description().clone();
            let busy = Arc::clone(engine.model().busy());
            let on_gpu = description.device == "cuda";
            if let Prefetch::Windows(room) = &from {
                let default = if on_gpu { BATCH_SIZE.1 } else { BATCH_SIZE.0 };
                room.set_batch_size(config.batch_size.unwrap_or(default));
            }
            let is_multilingual = engine.is_multilingual();
            let ready = LoadedEngine { description: description.clone(), busy, is_multilingual };
            if loaded_tx.send(Ok(ready)).is_err() {
                return;
            }
            let mut outbox = Outbox::new(&config, &publisher, &description, &outcomes_tx);
            match from {
                Prefetch::One(slot) => sequential_work::work(&mut engine, &slot, &control, &mut outbox),
                Prefetch::Windows(room) => batched(&engine, &room, on_gpu, &control, &mut outbox),
            }
        })?;
        Ok((Self { outcomes, thread, prefetch }, loaded))
    }

    /// The same with an engine that has nothing to load.
    fn start_simulated(
        speed: f64,
        config: WorkerConfig,
        publisher: Publisher,
        control: Arc<Control>,
    ) -> std::io::Result<(Self, Loading)> {
        let slot = Arc::new(Slot::default());
        let (loaded_tx, loaded) = oneshot::channel();
        let (outcomes_tx, outcomes) = mpsc::channel(1);
        let (description, busy) = (simulated_work::description(), Arc::new(Busy::default()));
        // The receiver is there: it is given back below.
        let _ = loaded_tx.send(Ok(LoadedEngine {
            description: description.clone(),
            busy: Arc::clone(&busy),
            is_multilingual: false,
        }));
        let prefetch = Prefetch::One(Arc::clone(&slot));
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let mut outbox = Outbox::new(&config, &publisher, &description, &outcomes_tx);
            simulated_work::work(speed, &busy, &slot, &control, &mut outbox);
        })?;
        Ok((Self { outcomes, thread, prefetch }, loaded))
    }
}

/// Abandons a room when dropped.
struct Leaving<'a>(&'a WindowRoom);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Works with threads at its side that make features.
fn batched(engine: &Engine, room: &WindowRoom, on_gpu: bool, control: &Control, outbox: &mut Outbox<'_>) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let n_threads = if on_gpu { (cores / CORES_A_FEATURE_THREAD).clamp(1, 4) } else { 1 };
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| room.make_features(engine.filters().clone()));
        }
        // However the work ends, the threads at its side must end too.
        let _leaving = Leaving(room);
        batched_work::work(engine, room, control, outbox);
    });
}
