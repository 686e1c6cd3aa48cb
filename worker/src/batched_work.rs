//! The engine's work in batched mode: batches of windows of all recordings that are prepared.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use steno_shared::leases::Phase;

use crate::batch::Ticket;
use crate::control::{Control, Order};
use crate::engine::{BatchDecoder, Done, Engine, EngineError};
use crate::generate::SpeechModel;
use crate::outcome::{Finished, Gone, Outbox};
use crate::prepare::{Prepared, Work};
use crate::stage_error::StageError;
use crate::window_room::{TakenWindows, WindowRoom};

/// Works until the room is closed and empty.
pub fn work(engine: &Engine, room: &WindowRoom, control: &Control, outbox: &mut Outbox<'_>) {
    let options = outbox.config.meta.options.clone();
    let decoder = match BatchDecoder::new(engine, engine.model(), &options, room.batch_size()) {
        Ok(decoder) => decoder,
        Err(error) => {
            // The options were checked when the model was loaded.
            tracing::error!(%error, "engine.options_refused");
            return;
        }
    };
    let mut hands = Hands { decoder, room, control, recordings: HashMap::new() };
    while let Ok(true) = hands.batch(outbox) {}
}

/// What the engine has in hand.
struct Hands<'a> {
    decoder: BatchDecoder<'a, SpeechModel>,
    room: &'a WindowRoom,
    control: &'a Control,
    recordings: HashMap<Ticket, Arc<Prepared>>,
}

impl Hands<'_> {
    /// Takes windows and hears one batch. Tells whether there may be another.
    fn batch(&mut self, outbox: &mut Outbox<'_>) -> Result<bool, Gone> {
        if self.control.order() == Order::Stop {
            self.give_all_back(outbox)?;
            self.room.until_closed();
            return Ok(false);
        }
        let Some(taken) = self.room.take(self.decoder.room(), self.decoder.is_idle()) else {
            return Ok(false);
        };
        let more_come = self.room.has_windows();
        self.take_in(taken, outbox)?;
        self.let_lost_ones_go(outbox)?;
        let (recordings, control) = (&self.recordings, self.control);
        let mut begun: Vec<Ticket> = Vec::new();
        let done = self.decoder.step(more_come, &mut |ticket| {
            if let Some(prepared) = recordings.get(&ticket) {
                if begun.contains(&ticket) {
                    prepared.item.advance();
                } else {
                    prepared.item.enter(Phase::Transcribing);
                    begun.push(ticket);
                }
            }
            if control.order() == Order::Stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        for ticket in begun {
            if let Some(prepared) = self.recordings.get(&ticket) {
                prepared.item.advance_audio(self.decoder.position_seconds(ticket));
                // Until its next windows are heard it must not look stuck.
                prepared.item.wait();
            }
        }
        self.room.set_batch_size(self.decoder.batch_size());
        done.into_iter().try_for_each(|done| self.finish(done, outbox))?;
        Ok(true)
    }

    fn take_in(&mut self, taken: TakenWindows, outbox: &mut Outbox<'_>) -> Result<(), Gone> {
        for prepared in taken.empty {
            match &prepared.work {
                Work::AlreadyPublished(transcript) => {
                    let finished = Finished::AlreadyPublished(transcript.clone());
                    outbox.give(Arc::clone(&prepared.item), Ok(finished))?;
                }
                Work::Hear { speech, warnings } => {
                    let item = Arc::clone(&prepared.item);
                    match self.decoder.nothing_said(speech.pcm.seconds()) {
                        Ok(nothing) => outbox.transcribed(item, nothing, warnings.clone())?,
                        Err(error) => outbox.give(item, Err(StageError::from_engine(&error)))?,
                    }
                }
                Work::Transcribe { .. } | Work::Simulate(_) => {
                    outbox.not_prepared(Arc::clone(&prepared.item))?
                }
            }
        }
        for window in taken.windows {
            let Work::Hear { speech, .. } = &window.recording.work else {
                outbox.not_prepared(Arc::clone(&window.recording.item))?;
                continue;
            };
            if window.index == 0 {
                self.decoder.open(window.ticket, speech);
                self.recordings.insert(window.ticket, Arc::clone(&window.recording));
            }
            match window.features {
                Ok(features) => self.decoder.push(window.ticket, window.index, features),
                Err(error) => self.fail(window.ticket, EngineError::Spool(error), outbox)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self, (ticket, result): Done, outbox: &mut Outbox<'_>) -> Result<(), Gone> {
        let transcription = match result {
            Ok(transcription) => transcription,
            Err(error) => return self.fail(ticket, error, outbox),
        };
        let Some(prepared) = self.recordings.remove(&ticket) else { return Ok(()) };
        let Work::Hear { warnings, .. } = &prepared.work else {
            return outbox.not_prepared(Arc::clone(&prepared.item));
        };
        outbox.transcribed(Arc::clone(&prepared.item), transcription, warnings.clone())
    }

    fn fail(&mut self, ticket: Ticket, error: EngineError, outbox: &mut Outbox<'_>) -> Result<(), Gone> {
        self.let_go(ticket, Err(StageError::from_engine(&error)), outbox)
    }

    /// Drops the recordings whose leases somebody else has by now.
    fn let_lost_ones_go(&mut self, outbox: &mut Outbox<'_>) -> Result<(), Gone> {
        let lost: Vec<Ticket> = self
            .recordings
            .iter()
            .filter(|(_, prepared)| prepared.item.is_over())
            .map(|(ticket, _)| *ticket)
            .collect();
        lost.into_iter().try_for_each(|ticket| self.let_go(ticket, Err(StageError::Interrupted), outbox))
    }

    fn give_all_back(&mut self, outbox: &mut Outbox<'_>) -> Result<(), Gone> {
        let all: Vec<Ticket> = self.recordings.keys().copied().collect();
        all.into_iter().try_for_each(|ticket| self.let_go(ticket, Err(StageError::Interrupted), outbox))
    }

    fn let_go(
        &mut self,
        ticket: Ticket,
        result: Result<Finished, StageError>,
        outbox: &mut Outbox<'_>,
    ) -> Result<(), Gone> {
        self.decoder.forget(ticket);
        self.room.forget(ticket);
        match self.recordings.remove(&ticket) {
            Some(prepared) => outbox.give(Arc::clone(&prepared.item), result),
            None => Ok(()),
        }
    }
}
