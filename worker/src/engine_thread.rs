//! The one thread that owns the model: takes prepared recordings from the slot, gives transcripts back.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use steno_shared::exit::Exit;
use steno_shared::leases::Phase;
use steno_shared::transcript::{Provenance, SCHEMA_VERSION, Transcript};
use steno_shared::worker_config::WorkerConfig;
use tokio::sync::{mpsc, oneshot};

use crate::control::{Control, Order};
use crate::decode_audio::DecodedAudio;
use crate::engine::{Engine, EngineDescription, EngineError, Progress};
use crate::held::HeldItem;
use crate::prepare::{Prepared, Work};
use crate::publish::Publisher;
use crate::slot::Slot;
use crate::stage_error::StageError;

/// How many recordings in a row the engine may fail on before it is the one to blame.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// A recording that the engine is done with.
#[derive(Debug)]
pub struct Outcome {
    /// The lease it was worked on under.
    pub item: Arc<HeldItem>,
    /// The transcript, or what went wrong.
    pub result: Result<Finished, StageError>,
}

/// What is to be published and completed.
#[derive(Debug)]
pub enum Finished {
    /// A new transcript.
    Transcribed(Box<Transcript>),
    /// One that was already published.
    AlreadyPublished(Box<Transcript>),
}

/// The engine's thread and the channel of what it gives back.
#[derive(Debug)]
pub struct EngineThread {
    /// Outcomes, in the order in which recordings were taken. Closed when the thread ends.
    pub outcomes: mpsc::Receiver<Outcome>,
    /// The thread itself.
    pub thread: JoinHandle<()>,
}

impl EngineThread {
    /// Starts the thread, which loads the model and then works until the slot is closed.
    ///
    /// Gives back the thread and, once the model is loaded, its description: claim nothing before that, so that a
    /// model that cannot be loaded costs no recording an attempt.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        config: &WorkerConfig,
        publisher: Publisher,
        slot: Arc<Slot<Prepared>>,
        control: Arc<Control>,
    ) -> std::io::Result<(Self, oneshot::Receiver<Result<EngineDescription, EngineError>>)> {
        let (loaded_tx, loaded) = oneshot::channel();
        let (outcomes_tx, outcomes) = mpsc::channel(1);
        let config = config.clone();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let loaded =
                Engine::load(&config.model, config.device, config.meta.options.compute_type, config.threads)
                    .and_then(|engine| engine.check_options(&config.meta.options).map(|()| engine));
            let engine = match loaded {
                Ok(engine) => engine,
                Err(error) => {
                    // The receiver is only gone if the worker is already ending.
                    let _ = loaded_tx.send(Err(error));
                    return;
                }
            };
            if loaded_tx.send(Ok(engine.description().clone())).is_err() {
                return;
            }
            work(engine, &config, &publisher, &slot, &control, &outcomes_tx);
        })?;
        Ok((Self { outcomes, thread }, loaded))
    }
}

fn work(
    mut engine: Engine,
    config: &WorkerConfig,
    publisher: &Publisher,
    slot: &Slot<Prepared>,
    control: &Control,
    outcomes: &mpsc::Sender<Outcome>,
) {
    let mut failures_in_a_row = 0;
    while let Some(Prepared { item, work }) = slot.take_blocking() {
        item.enter(Phase::Transcribing);
        let mut result = match work {
            Work::AlreadyPublished(transcript) => Ok(Finished::AlreadyPublished(transcript)),
            Work::Transcribe(audio) => transcribe(&mut engine, config, publisher, control, &item, audio)
                .map(|transcript| Finished::Transcribed(Box::new(transcript))),
        };
        failures_in_a_row =
            if matches!(result, Err(StageError::Retry(_))) { failures_in_a_row + 1 } else { 0 };
        if failures_in_a_row >= FAILURES_IN_A_ROW_MAX
            && let Err(StageError::Retry(message)) = result
        {
            let message =
                format!("the engine has failed on {failures_in_a_row} recordings in a row, last: {message}");
            result = Err(StageError::Fatal { exit: Exit::BadEngine, message });
        }
        // What is settled later must not look stuck meanwhile.
        item.wait();
        if outcomes.blocking_send(Outcome { item, result }).is_err() {
            return;
        }
    }
}

fn transcribe(
    engine: &mut Engine,
    config: &WorkerConfig,
    publisher: &Publisher,
    control: &Control,
    item: &HeldItem,
    audio: DecodedAudio,
) -> Result<Transcript, StageError> {
    let mut progress = |progress: Progress| {
        item.advance_audio(progress.seconds);
        if control.order() == Order::Stop || item.is_lost() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let transcription = engine
        .transcribe(&audio.pcm, &config.meta.options, &mut progress)
        .map_err(|error| StageError::from_engine(&error))?;
    let description = engine.description();
    let lease = &item.lease;
    let recording = &lease.recording;
    Ok(Transcript {
        filename: recording.name.clone(),
        language: transcription.language,
        language_probability: transcription.language_probability,
        segments: transcription.segments,
        schema_version: SCHEMA_VERSION,
        duration: transcription.duration,
        duration_after_vad: transcription.duration_after_vad,
        warnings: audio.warnings,
        provenance: Provenance {
            fingerprint: publisher.fingerprint(recording),
            audio_etag: recording.etag.clone(),
            audio_bytes: recording.size_bytes,
            model: config.meta.model.name.clone(),
            model_hash: config.meta.model.hash.clone(),
            options_hash: publisher.options_hash().to_owned(),
            engine: description.engine.clone(),
            device: description.device.to_owned(),
            attempt: lease.attempt,
        },
    })
}
