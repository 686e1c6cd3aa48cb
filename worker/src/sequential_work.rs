//! The engine's work in sequential mode: one whole recording after the other.

use std::ops::ControlFlow;

use steno_shared::leases::Phase;

use crate::control::{Control, Order};
use crate::engine::{Engine, Progress};
use crate::outcome::{Finished, Gone, Outbox};
use crate::prepare::{Prepared, Work};
use crate::slot::Slot;
use crate::stage_error::StageError;

/// Works until the slot is closed.
pub fn work(engine: &mut Engine, slot: &Slot<Prepared>, control: &Control, outbox: &mut Outbox<'_>) {
    while let Some(prepared) = slot.take_blocking() {
        if let Err(Gone) = transcribe(engine, prepared, control, outbox) {
            return;
        }
    }
}

fn transcribe(
    engine: &mut Engine,
    Prepared { item, work }: Prepared,
    control: &Control,
    outbox: &mut Outbox<'_>,
) -> Result<(), Gone> {
    item.enter(Phase::Transcribing);
    let (pcm, from_seconds, warnings) = match work {
        Work::AlreadyPublished(transcript) => {
            return outbox.give(item, Ok(Finished::AlreadyPublished(transcript)));
        }
        Work::Transcribe { pcm, from_seconds, warnings } => (pcm, from_seconds, warnings),
        Work::Hear { .. } | Work::Simulate(_) => return outbox.not_prepared(item),
    };
    let mut progress = |progress: Progress| {
        item.advance_audio(progress.seconds);
        if control.order() == Order::Stop || item.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    match engine.transcribe(&pcm, &outbox.config.meta.options, &mut progress) {
        Ok(transcription) => outbox.transcribed(item, transcription.later(from_seconds), warnings),
        Err(error) => outbox.give(item, Err(StageError::from_engine(&error))),
    }
}
