//! A recording in the engine's hands: which of its windows are done, and its segments in the end.

use steno_shared::transcript::Segment;

use super::{Tongue, WindowText};
use crate::assemble::{self, Transcription};
use crate::transcribe::Attempt;
use crate::vad::{Chunk, TimeMap};

/// A recording of which windows are under way.
#[derive(Debug)]
pub struct OpenRecording {
    /// What is known of its language.
    pub tongue: Tongue,
    duration: f64,
    windows: Vec<OpenWindow>,
    n_left: usize,
    speech_left: f64,
    speech: f64,
}

#[derive(Debug)]
struct OpenWindow {
    chunk: Chunk,
    segments: Vec<Segment>,
}

impl OpenRecording {
    /// A recording of `duration` seconds with its windows of speech.
    #[must_use]
    pub fn new(duration: f64, windows: &[Chunk], tongue: Tongue) -> Self {
        let speech = windows.iter().map(Chunk::duration_seconds).sum();
        Self {
            tongue,
            duration,
            n_left: windows.len(),
            windows: windows
                .iter()
                .map(|chunk| OpenWindow { chunk: chunk.clone(), segments: Vec::new() })
                .collect(),
            speech_left: speech,
            speech,
        }
    }

    /// How long a window is, in seconds.
    #[must_use]
    pub fn window_seconds(&self, index: usize) -> f64 {
        self.windows.get(index).map_or(0.0, |window| window.chunk.duration_seconds())
    }

    /// Takes the text of a window, or of the rest of one from `from` seconds on, with the attempt it comes from.
    ///
    /// # Errors
    /// Those of `decode`, which gives the text of tokens.
    pub fn add<E>(
        &mut self,
        index: usize,
        from: f64,
        text: &WindowText,
        attempt: &Attempt,
        mut decode: impl FnMut(&[u32]) -> Result<String, E>,
    ) -> Result<(), E> {
        let duration = self.duration;
        let Some(window) = self.windows.get_mut(index) else { return Ok(()) };
        let times = TimeMap::new(&window.chunk.spans);
        for cut in &text.cuts {
            let text = decode(&cut.tokens)?;
            if cut.start >= cut.end || text.trim().is_empty() {
                continue;
            }
            let mut placed = cut.clone();
            placed.start = times.original_time(from + cut.start, None, false).min(duration);
            placed.end = times.original_time(from + cut.end, None, true).clamp(placed.start, duration);
            window.segments.push(assemble::segment(placed, text, attempt, false));
        }
        Ok(())
    }

    /// Notes that nothing more comes from a window.
    pub fn close_window(&mut self, index: usize) {
        self.n_left = self.n_left.saturating_sub(1);
        self.speech_left -= self.window_seconds(index);
    }

    /// Whether all windows are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.n_left == 0
    }

    /// How far it is, in seconds of the recording: windows may be done in any order, so it is the share of the speech.
    #[must_use]
    pub fn position_seconds(&self) -> f64 {
        if self.speech > 0.0 { self.duration * (1.0 - self.speech_left / self.speech) } else { self.duration }
    }

    /// The transcription: all windows' segments in their order.
    #[must_use]
    pub fn finish(self) -> Transcription {
        let (language, language_probability) = match self.tongue.known() {
            Some(guess) => (guess.language.clone(), guess.probability),
            None => (super::UNHEARD.to_owned(), 0.0),
        };
        Transcription {
            language,
            language_probability,
            duration: self.duration,
            duration_after_vad: Some(self.speech),
            segments: self.windows.into_iter().flat_map(|window| window.segments).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::transcribe::DraftSegment;
    use crate::vad::Span;

    fn span(start: f64, end: f64) -> Span {
        Span { start: (start * 16_000.0) as usize, end: (end * 16_000.0) as usize }
    }

    fn attempt() -> Attempt {
        Attempt { tokens: vec![], avg_logprob: -0.2, compression_ratio: 1.0, no_speech_prob: 0.0, temperature: 0.0 }
    }

    fn text(cuts: &[(f64, f64)]) -> WindowText {
        let cuts = cuts.iter().map(|&(start, end)| DraftSegment { seek: 0, start, end, tokens: vec![1], words: vec![] }).collect();
        WindowText { cuts, rest_from: None }
    }

    fn recording() -> OpenRecording {
        let windows =
            [Chunk { spans: vec![span(1.0, 3.0), span(10.0, 14.0)] }, Chunk { spans: vec![span(50.0, 52.005)] }];
        OpenRecording::new(52.0, &windows, Tongue::given("en"))
    }

    fn add(recording: &mut OpenRecording, index: usize, from: f64, cuts: &[(f64, f64)]) {
        let Ok(()) = recording.add(index, from, &text(cuts), &attempt(), |_| Ok::<_, Infallible>(" a".into()));
    }

    #[test]
    fn segments_come_in_the_recording_s_order_and_time_whatever_is_done_first() {
        let mut recording = recording();
        add(&mut recording, 1, 0.0, &[(0.5, 2.005)]);
        recording.close_window(1);
        assert!(!recording.is_done());
        add(&mut recording, 0, 0.0, &[(0.0, 2.0), (2.0, 3.0)]);
        add(&mut recording, 0, 3.0, &[(0.0, 3.0)]);
        recording.close_window(0);
        assert!(recording.is_done());
        let times: Vec<_> = recording.finish().segments.iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(times, [(1.0, 3.0), (10.0, 11.0), (11.0, 14.0), (50.5, 52.0)], "and not beyond its end");
    }

    #[test]
    fn it_moves_with_its_speech() {
        let mut recording = recording();
        assert!(recording.position_seconds().abs() < 1e-9);
        recording.close_window(0);
        assert!((recording.position_seconds() - 52.0 * 6.0 / 8.005).abs() < 1e-9);
        recording.close_window(1);
        assert!((recording.position_seconds() - 52.0).abs() < 1e-9);
        assert!((OpenRecording::new(7.0, &[], Tongue::given("en")).position_seconds() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn blank_and_empty_segments_leave_no_trace() {
        let mut recording = recording();
        add(&mut recording, 0, 0.0, &[(1.0, 1.0)]);
        let Ok(()) = recording.add(0, 0.0, &text(&[(0.0, 1.0)]), &attempt(), |_| Ok::<_, Infallible>(" ".into()));
        assert_eq!(recording.finish().segments, []);
    }
}
