//! What the engine's thread gives back.

use std::sync::Arc;

use steno_shared::exit::Exit;
use steno_shared::transcript::{Provenance, SCHEMA_VERSION, Transcript};
use steno_shared::worker_config::WorkerConfig;
use tokio::sync::mpsc;

use crate::assemble::Transcription;
use crate::engine::EngineDescription;
use crate::held::HeldItem;
use crate::parts::Standing;
use crate::publish::Publisher;
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
    AlreadyPublished(Standing),
}

/// Gives outcomes back, and notices an engine that fails on everything.
#[derive(Debug)]
pub struct Outbox<'a> {
    /// What the worker was told.
    pub config: &'a WorkerConfig,
    publisher: &'a Publisher,
    engine: &'a EngineDescription,
    outcomes: &'a mpsc::Sender<Outcome>,
    failures_in_a_row: u32,
}

impl<'a> Outbox<'a> {
    /// An outbox that nothing has gone through yet.
    #[must_use]
    pub fn new(
        config: &'a WorkerConfig,
        publisher: &'a Publisher,
        engine: &'a EngineDescription,
        outcomes: &'a mpsc::Sender<Outcome>,
    ) -> Self {
        Self { config, publisher, engine, outcomes, failures_in_a_row: 0 }
    }

    /// Gives a transcription back, as the transcript that is published.
    ///
    /// # Errors
    /// When nobody is there to take it: the worker ends.
    pub fn transcribed(
        &mut self,
        item: Arc<HeldItem>,
        transcription: Transcription,
        warnings: Vec<String>,
    ) -> Result<(), Gone> {
        let lease = &item.lease;
        let recording = &lease.recording;
        let transcript = Transcript {
            filename: recording.name.clone(),
            language: transcription.language,
            language_probability: transcription.language_probability,
            segments: transcription.segments,
            schema_version: SCHEMA_VERSION,
            duration: transcription.duration,
            duration_after_vad: transcription.duration_after_vad,
            warnings,
            provenance: Provenance {
                fingerprint: self.publisher.fingerprint(recording),
                audio_etag: recording.etag.clone(),
                audio_bytes: recording.size_bytes,
                model: self.config.meta.model.name.clone(),
                model_hash: self.config.meta.model.hash.clone(),
                options_hash: self.publisher.options_hash().to_owned(),
                engine: self.engine.engine.clone(),
                device: self.engine.device.to_owned(),
                attempt: lease.attempt,
            },
        };
        self.give(item, Ok(Finished::Transcribed(Box::new(transcript))))
    }

    /// Gives back a recording that was prepared for another engine or mode: a defect.
    ///
    /// # Errors
    /// When nobody is there to take it: the worker ends.
    pub fn not_prepared(&mut self, item: Arc<HeldItem>) -> Result<(), Gone> {
        let message =
            "it was not prepared for this engine and mode; this is a defect of Steno, please report it";
        self.give(item, Err(StageError::Retry(message.to_owned())))
    }

    /// Gives an outcome back. The engine's fifth failure in a row is the worker's.
    ///
    /// # Errors
    /// When nobody is there to take it: the worker ends.
    pub fn give(
        &mut self,
        item: Arc<HeldItem>,
        mut result: Result<Finished, StageError>,
    ) -> Result<(), Gone> {
        self.failures_in_a_row =
            if matches!(result, Err(StageError::Retry(_))) { self.failures_in_a_row + 1 } else { 0 };
        if self.failures_in_a_row >= FAILURES_IN_A_ROW_MAX
            && let Err(StageError::Retry(message)) = result
        {
            let message = format!(
                "the engine has failed on {} recordings in a row, last: {message}",
                self.failures_in_a_row
            );
            result = Err(StageError::Fatal { exit: Exit::BadEngine, message });
        }
        // What is settled later must not look stuck meanwhile.
        item.wait();
        item.end_hearing();
        self.outcomes.blocking_send(Outcome { item, result }).map_err(|_| Gone)
    }
}

/// Nobody takes outcomes any more.
#[derive(Debug)]
pub struct Gone;
