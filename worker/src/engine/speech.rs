//! A recording without its silence.

use std::ops::ControlFlow;

use steno_shared::options::TranscribeOptions;

use super::EngineError;
use crate::pcm::Pcm;
use crate::vad::{SpanRules, SpeechDetector, TimeMap, speech_spans};

/// What of a recording holds speech.
pub(super) struct Speech {
    /// The speech alone, one span after the other.
    pub(super) pcm: Pcm,
    /// Where each span was.
    pub(super) times: TimeMap,
}

impl Speech {
    /// Finds the speech of a recording. `alive` is called every few seconds of audio, and may ask to stop.
    pub(super) fn find(
        pcm: &Pcm,
        options: &TranscribeOptions,
        alive: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Self, EngineError> {
        let probabilities = SpeechDetector::new()?.probabilities(pcm, &mut |_| alive())?;
        let spans = speech_spans(&probabilities, pcm.len(), &SpanRules::new(options));
        Ok(Self {
            pcm: pcm.joined(spans.iter().map(|span| span.start..span.end)),
            times: TimeMap::new(&spans),
        })
    }
}
