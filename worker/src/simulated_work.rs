//! The simulated engine: takes its time over a recording and writes words that follow from its bytes.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use steno_shared::leases::Phase;
use steno_shared::simulated::{Content, Fault, SEGMENT_SECONDS, WARNING, segments};
use steno_shared::transcript::Segment;

use crate::assemble::Transcription;
use crate::control::{Control, Order};
use crate::engine::EngineDescription;
use crate::generate::Busy;
use crate::outcome::{Finished, Gone, Outbox};
use crate::prepare::{Prepared, Work};
use crate::slot::Slot;
use crate::stage_error::StageError;

/// How often an engine that takes long looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What runs where, for logs and transcripts.
#[must_use]
pub fn description() -> EngineDescription {
    EngineDescription {
        engine: format!("steno {}, simulated", env!("CARGO_PKG_VERSION")),
        device: "cpu",
        compute_type: "none",
        cuda_failure: None,
    }
}

/// Reads what a recording is to the engine.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<Content, StageError> {
    File::open(path)
        .and_then(Content::read)
        .map_err(|error| StageError::Retry(format!("failed to read {}: {error}", path.display())))
}

/// Works until the slot is closed. `speed` is in seconds of audio a second.
pub fn work(speed: f64, busy: &Busy, slot: &Slot<Prepared>, control: &Control, outbox: &mut Outbox<'_>) {
    while let Some(prepared) = slot.take_blocking() {
        if let Err(Gone) = transcribe(speed, busy, prepared, control, outbox) {
            return;
        }
    }
}

fn transcribe(
    speed: f64,
    busy: &Busy,
    Prepared { item, work }: Prepared,
    control: &Control,
    outbox: &mut Outbox<'_>,
) -> Result<(), Gone> {
    item.enter(Phase::Transcribing);
    let content = match work {
        Work::AlreadyPublished(transcript) => {
            return outbox.give(item, Ok(Finished::AlreadyPublished(transcript)));
        }
        Work::Simulate(content) => content,
        Work::Transcribe(_) | Work::Hear { .. } => return outbox.not_prepared(item),
    };
    let seconds = content.seconds.unwrap_or(item.lease.recording.seconds).max(0.0);
    let moves = || {
        item.advance();
        if control.order() == Order::Stop || item.is_lost() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    // Its faults come in the middle.
    let until = if content.fault.is_some() { seconds / 2.0 } else { seconds };
    let worked = busy.time(|| {
        let began = Instant::now();
        for segment in 0..segments(until) {
            let start = segment as f64 * SEGMENT_SECONDS;
            let position = (start + SEGMENT_SECONDS).min(until);
            wait_until(began, position / speed, &moves)?;
            item.advance_audio(position);
            // Each by itself: of a process that is killed all is known but its last segment.
            let seconds = position - start;
            tracing::debug!(name = ?item.lease.recording.name, seconds, "simulated.worked");
        }
        match content.fault {
            // As a native call does that never comes back: it hears of nothing.
            Some(Fault::Hang) => loop {
                std::thread::park();
            },
            Some(Fault::Abort) => std::process::abort(),
            Some(Fault::Poison | Fault::Retry) | None => ControlFlow::Continue(()),
        }
    });
    if worked.is_break() {
        return outbox.give(item, Err(StageError::Interrupted));
    }
    let rehearsed = "the recording rehearses this fault".to_owned();
    match content.fault {
        Some(Fault::Poison) => outbox.give(item, Err(StageError::Poison(rehearsed))),
        Some(Fault::Retry) => outbox.give(item, Err(StageError::Retry(rehearsed))),
        Some(Fault::Abort | Fault::Hang) | None => {
            let transcription = transcription(&content, seconds, outbox);
            outbox.transcribed(item, transcription, vec![WARNING.to_owned()])
        }
    }
}

/// Sleeps until so many seconds after `began`, however far away that is, unless told to stop.
fn wait_until(began: Instant, seconds: f64, moves: &dyn Fn() -> ControlFlow<()>) -> ControlFlow<()> {
    loop {
        moves()?;
        let left = seconds - began.elapsed().as_secs_f64();
        if left <= 0.0 {
            return ControlFlow::Continue(());
        }
        std::thread::sleep(Duration::try_from_secs_f64(left).unwrap_or(LOOK).min(LOOK));
    }
}

fn transcription(content: &Content, seconds: f64, outbox: &Outbox<'_>) -> Transcription {
    let language = outbox.config.meta.options.language.clone();
    let segment = |(index, text)| {
        let start = index as f64 * SEGMENT_SECONDS;
        Segment {
            start,
            end: (start + SEGMENT_SECONDS).min(seconds),
            text,
            avg_logprob: 0.0,
            no_speech_prob: 0.0,
            compression_ratio: 1.0,
            temperature: 0.0,
            words: None,
        }
    };
    Transcription {
        language: language.unwrap_or_else(|| "en".to_owned()),
        language_probability: 1.0,
        duration: seconds,
        duration_after_vad: None,
        segments: content.texts(seconds).into_iter().enumerate().map(segment).collect(),
    }
}
