//! The batched pipeline without leases or threads: for tools and tests.

use std::ops::ControlFlow;

use steno_shared::options::TranscribeOptions;

use super::{BatchDecoder, Engine, EngineError};
use crate::assemble::Transcription;
use crate::batch::Ticket;
use crate::features::WindowFeatures;
use crate::generate::WindowModel;
use crate::speech::Speech;

impl Engine {
    /// Transcribes recordings side by side, `batch_size` windows at a time. `model` is the engine's own, but in tests.
    ///
    /// # Errors
    /// When options and model do not agree. What goes wrong with one recording is its own result.
    pub fn transcribe_many<M: WindowModel>(
        &self,
        model: &M,
        recordings: &[Speech],
        options: &TranscribeOptions,
        batch_size: usize,
    ) -> Result<Vec<Result<Transcription, EngineError>>, EngineError> {
        let mut decoder = BatchDecoder::new(self, model, options, batch_size)?;
        let mut features = WindowFeatures::new(self.filters().clone());
        let mut results: Vec<Option<Result<Transcription, EngineError>>> =
            recordings.iter().map(|_| None).collect();
        let mut waiting = Vec::new();
        for (n, speech) in recordings.iter().enumerate() {
            if speech.windows.is_empty() {
                results[n] = Some(decoder.nothing_said(speech.pcm.seconds()));
            }
            waiting.extend((0..speech.n_windows()).map(|index| (n, index)));
        }
        let mut waiting = waiting.into_iter().peekable();
        while waiting.peek().is_some() || !decoder.is_idle() {
            while decoder.room() > 0
                && let Some((n, index)) = waiting.next()
            {
                let (speech, ticket) = (&recordings[n], Ticket(n as u64));
                if results[n].is_some() {
                    continue;
                }
                if index == 0 {
                    decoder.open(ticket, speech);
                }
                decoder.push(ticket, index, features.of(speech.read(index)?)?);
            }
            for (Ticket(n), result) in
                decoder.step(waiting.peek().is_some(), &mut |_| ControlFlow::Continue(()))
            {
                if let Some(place) = usize::try_from(n).ok().and_then(|n| results.get_mut(n)) {
                    *place = Some(result);
                }
            }
        }
        // Each recording's windows are all heard by now, or it has failed.
        Ok(results.into_iter().map(|result| result.unwrap_or(Err(EngineError::Panicked))).collect())
    }
}
