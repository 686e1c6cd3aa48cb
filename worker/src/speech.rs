//! Where a recording holds speech, cut into the windows that batched mode hears.

use std::io;
use std::ops::ControlFlow;
use std::sync::Mutex;

use steno_shared::options::{Mode, TranscribeOptions};

use crate::features::SAMPLE_RATE;
use crate::lock::lock;
use crate::pcm::Pcm;
use crate::vad::{Chunk, Span, SpanRules, SpeechDetector, VadError, group_spans, speech_spans};

/// Told the seconds done; may ask to stop.
pub type Progress<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// A recording's samples and its windows of speech.
#[derive(Debug)]
pub struct Speech {
    /// All samples.
    pub pcm: Pcm,
    /// Windows of at most 30 s, in order; none is empty.
    pub windows: Vec<Chunk>,
    /// Of a later part of a recording: windows from the recording's begin, which tell its language and are not transcribed.
    pub asked: Option<Box<Speech>>,
    /// Where in the recording the samples begin.
    pub from: usize,
    /// The windows with which a piece of it begins, by their places in `windows`.
    pub piece_begins: Vec<usize>,
}

impl Speech {
    /// A recording's own samples and windows, from its begin.
    #[must_use]
    pub fn new(pcm: Pcm, windows: Vec<Chunk>) -> Self {
        Self { pcm, windows, asked: None, from: 0, piece_begins: Vec::new() }
    }

    /// How many windows are only asked for the language.
    #[must_use]
    pub fn n_asked(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.windows.len())
    }

    /// How many windows there are to be heard, those that are only asked among them; these come first.
    #[must_use]
    pub fn n_windows(&self) -> usize {
        self.n_asked() + self.windows.len()
    }

    /// The samples of the window of this number; none for a number beyond.
    ///
    /// # Errors
    /// When samples that are kept in a file cannot be read.
    pub fn read(&self, index: usize) -> io::Result<Vec<i16>> {
        let (of, index) = match (&self.asked, index.checked_sub(self.n_asked())) {
            (_, Some(index)) => (self, index),
            (Some(asked), None) => (&**asked, index),
            (None, None) => return Ok(Vec::new()),
        };
        of.windows.get(index).map_or_else(|| Ok(Vec::new()), |window| window.read(&of.pcm))
    }
}

/// Finds speech. Its detectors, which take a while to load, are used again.
#[derive(Debug)]
pub struct SpeechFinder {
    options: TranscribeOptions,
    detectors: Mutex<Vec<SpeechDetector>>,
}

impl SpeechFinder {
    /// With these options.
    #[must_use]
    pub fn new(options: TranscribeOptions) -> Self {
        Self { options, detectors: Mutex::default() }
    }

    /// Cuts a recording into windows: the clips that are asked for, else what voice detection finds, else all of it.
    ///
    /// The reference hears only the first 30 s of a clip, and refuses longer recordings without clips or voice detection.
    /// Here they are cut every 30 s.
    ///
    /// # Errors
    /// When the detector fails, or `progress`, which is told the seconds done, asks to stop.
    pub fn find(&self, pcm: Pcm, progress: Progress<'_>) -> Result<Speech, VadError> {
        let windows = self.windows(&pcm, progress)?;
        Ok(Speech::new(pcm, windows))
    }

    /// The windows of so many samples, given how probably somebody speaks in each [`crate::vad::WINDOW_SAMPLES`] of them.
    #[must_use]
    pub fn group(&self, probabilities: &[f32], n_samples: usize) -> Vec<Chunk> {
        let window_samples = self.options.window_seconds() * SAMPLE_RATE;
        let spans = speech_spans(probabilities, n_samples, &SpanRules::new(&self.options));
        let chunks = group_spans(&spans, window_samples);
        chunks.into_iter().flat_map(|chunk| fit(chunk, window_samples)).collect()
    }

    /// Whether recordings are heard in pieces: clips and recordings with their silence are cut at times that the user knows.
    #[must_use]
    pub fn hears_pieces(&self) -> bool {
        self.options.mode == Mode::Batched && self.options.leaves_silence_out()
    }

    /// The first windows of a recording, as many as are asked for its language.
    ///
    /// # Errors
    /// As [`SpeechFinder::find`].
    pub fn first(&self, pcm: Pcm, progress: Progress<'_>) -> Result<Speech, VadError> {
        let mut first = self.find(pcm, progress)?;
        first.windows.truncate(self.options.language_detection_segments.max(1));
        Ok(first)
    }

    /// The probability of speech, 0 to 1, in each [`crate::vad::WINDOW_SAMPLES`] samples, heard from their begin.
    ///
    /// # Errors
    /// As [`SpeechFinder::find`].
    pub fn probabilities(&self, pcm: &Pcm, progress: Progress<'_>) -> Result<Vec<f32>, VadError> {
        let detectors = || lock(&self.detectors);
        let free = detectors().pop();
        let mut detector = free.map_or_else(SpeechDetector::new, Ok)?;
        let probabilities = detector.probabilities(pcm, progress)?;
        detectors().push(detector);
        Ok(probabilities)
    }

    fn windows(&self, pcm: &Pcm, progress: Progress<'_>) -> Result<Vec<Chunk>, VadError> {
        let window_samples = self.options.window_seconds() * SAMPLE_RATE;
        if !self.options.clip_timestamps.is_empty() {
            return Ok(evenly_cut(&clip_spans(&self.options.clip_timestamps, pcm.len()), window_samples));
        }
        if !self.options.leaves_silence_out() {
            return Ok(evenly_cut(&[Span { start: 0, end: pcm.len() }], window_samples));
        }
        let probabilities = self.probabilities(pcm, progress)?;
        Ok(self.group(&probabilities, pcm.len()))
    }
}

/// The spans between start, end, start, end, … in seconds; a last start without an end goes to the recording's end.
fn clip_spans(seconds: &[f64], n_samples: usize) -> Vec<Span> {
    let sample = |seconds: f64| ((seconds * SAMPLE_RATE as f64) as usize).min(n_samples);
    seconds
        .chunks(2)
        .map(|clip| Span { start: sample(clip[0]), end: clip.get(1).map_or(n_samples, |&end| sample(end)) })
        .collect()
}

/// Each span as windows of its own.
fn evenly_cut(spans: &[Span], window_samples: usize) -> Vec<Chunk> {
    let cut = |span: &Span| {
        let end = span.end;
        (span.start..end)
            .step_by(window_samples)
            .map(move |start| Chunk { spans: vec![Span { start, end: end.min(start + window_samples) }] })
    };
    spans.iter().flat_map(cut).collect()
}

/// A chunk as it is when it fits into a window, and none when it is empty. Voice detection cuts speech so that it fits with
/// its padding; where much more padding is asked for it does not, and is halved, so that no word is dropped.
fn fit(chunk: Chunk, window_samples: usize) -> Vec<Chunk> {
    let n_samples = chunk.n_samples();
    if n_samples == 0 {
        return Vec::new();
    }
    if n_samples <= window_samples {
        return vec![chunk];
    }
    let mut left = n_samples / 2;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for span in chunk.spans {
        let middle = span.end.min(span.start + left);
        left -= middle - span.start;
        for (spans, span) in [
            (&mut first, Span { start: span.start, end: middle }),
            (&mut second, Span { start: middle, end: span.end }),
        ] {
            if span.start < span.end {
                spans.push(span);
            }
        }
    }
    [first, second]
        .map(|spans| Chunk { spans })
        .into_iter()
        .flat_map(|half| fit(half, window_samples))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(windows: &[Chunk]) -> Vec<Vec<(usize, usize)>> {
        windows.iter().map(|chunk| chunk.spans.iter().map(|span| (span.start, span.end)).collect()).collect()
    }

    #[test]
    fn clips_and_whole_recordings_are_cut_every_thirty_seconds() {
        let options = TranscribeOptions {
            clip_timestamps: vec![1.0, 2.0, 0.5, 34.5, 36.0],
            ..TranscribeOptions::default()
        };
        let mut go_on = |_| ControlFlow::Continue(());
        let pcm = || Pcm::from(vec![0; 40 * SAMPLE_RATE]);
        let found = SpeechFinder::new(options.clone()).find(pcm(), &mut go_on).unwrap();
        let second = SAMPLE_RATE;
        assert_eq!(
            spans(&found.windows),
            [
                [(second, 2 * second)],
                [(second / 2, second / 2 + 30 * second)],
                [(second / 2 + 30 * second, 34 * second + second / 2)],
                [(36 * second, 40 * second)],
            ]
        );
        let whole = TranscribeOptions {
            clip_timestamps: vec![],
            vad_filter: Some(false),
            chunk_length: Some(25),
            ..options
        };
        let found = SpeechFinder::new(whole.clone()).find(pcm(), &mut go_on).unwrap();
        assert_eq!(spans(&found.windows), [[(0, 25 * second)], [(25 * second, 40 * second)]]);
        assert_eq!(SpeechFinder::new(whole).find(Pcm::from(vec![]), &mut go_on).unwrap().windows, []);
    }

    #[test]
    fn nothing_of_a_chunk_that_is_too_long_is_dropped() {
        let chunk = |spans: &[(usize, usize)]| Chunk {
            spans: spans.iter().map(|&(start, end)| Span { start, end }).collect(),
        };
        assert_eq!(fit(chunk(&[(5, 15)]), 10), [chunk(&[(5, 15)])]);
        assert_eq!(fit(chunk(&[(5, 17)]), 10), [chunk(&[(5, 11)]), chunk(&[(11, 17)])]);
        assert_eq!(fit(chunk(&[(0, 2), (5, 15)]), 10), [chunk(&[(0, 2), (5, 9)]), chunk(&[(9, 15)])]);
        assert_eq!(fit(chunk(&[]), 10), []);
    }
}
