//! From speech probabilities to spans of speech: the arithmetic of faster-whisper 1.2.1's `get_speech_timestamps`.

use steno_shared::options::{Mode, TranscribeOptions};

use super::detector::WINDOW_SAMPLES;
use crate::features::SAMPLE_RATE;

/// Silence that speech of more than the longest length may be cut at is longer than this: 98 ms.
const CUTTING_SILENCE: usize = SAMPLE_RATE * 98 / 1000;

/// A stretch of speech: samples `start .. end` of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First sample.
    pub start: usize,
    /// Sample after the last.
    pub end: usize,
}

impl Span {
    /// Number of samples.
    #[must_use]
    pub fn n_samples(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// What makes a span, in samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanRules {
    /// A window at least this probable begins speech. The reference compares in f32, and so does this.
    threshold: f32,
    /// A window less probable than this is silence within speech.
    neg_threshold: f32,
    /// Speech that silence ends must be longer than this.
    min_speech: usize,
    /// Longer speech is cut; what padding and the current window add is taken off. May be negative.
    max_speech: f64,
    /// Silence this long ends speech.
    min_silence: usize,
    /// What is added at both ends.
    padding: usize,
}

impl SpanRules {
    /// Resolves the options that have another default in each mode. Batched mode holds speech to a window's length,
    /// whatever `max_speech_duration_s` says, as the reference does.
    #[must_use]
    pub fn new(options: &TranscribeOptions) -> Self {
        let parameters = &options.vad_parameters;
        let (max_speech_seconds, min_silence_ms) = match options.mode {
            Mode::Batched => (options.window_seconds() as f64, 160),
            Mode::Sequential => (parameters.max_speech_duration_s.unwrap_or(f64::INFINITY), 2000),
        };
        let neg_threshold =
            parameters.neg_threshold.unwrap_or_else(|| (parameters.threshold - 0.15).max(0.01));
        let padding = samples(parameters.speech_pad_ms);
        Self {
            threshold: parameters.threshold as f32,
            neg_threshold: neg_threshold as f32,
            min_speech: samples(parameters.min_speech_duration_ms),
            max_speech: SAMPLE_RATE as f64 * max_speech_seconds
                - WINDOW_SAMPLES as f64
                - 2.0 * padding as f64,
            min_silence: samples(parameters.min_silence_duration_ms.unwrap_or(min_silence_ms)),
            padding,
        }
    }
}

fn samples(ms: u32) -> usize {
    ms as usize * (SAMPLE_RATE / 1000)
}

/// Finds speech in a recording of `n_samples`, given one probability for each 512 samples.
///
/// Speech begins with a window at least as probable as `threshold` and ends where the probability stays below
/// `neg_threshold` for `min_silence`. Speech that grows longer than `max_speech` is cut at its last silence of more than
/// 98 ms; if there was none, where it is. At last each span is padded, and two spans that are near share the silence
/// between them.
///
/// The spans are in order and within the recording; they may touch but do not overlap.
#[must_use]
pub fn speech_spans(probabilities: &[f32], n_samples: usize, rules: &SpanRules) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut current: Option<Speech> = None;
    for (window, &probability) in probabilities.iter().enumerate() {
        let now = window * WINDOW_SAMPLES;
        current = match current {
            None => (probability >= rules.threshold).then(|| Speech::from(now)),
            Some(speech) => speech.go_on(now, probability, rules, &mut spans),
        };
    }
    if let Some(speech) = current {
        let rest = Span { start: speech.start, end: n_samples };
        spans.extend((rest.n_samples() > rules.min_speech).then_some(rest));
    }
    pad(&mut spans, n_samples, rules.padding);
    spans
}

/// Speech that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct Speech {
    start: usize,
    /// Where the silence began that may end it.
    quiet_since: Option<usize>,
    /// Its last silence that is long enough to cut at.
    gap: Option<Gap>,
}

/// A silence within speech.
#[derive(Debug, Clone, Copy)]
struct Gap {
    start: usize,
    /// Where speech goes on, once it does.
    end: Option<usize>,
}

impl Speech {
    fn from(start: usize) -> Self {
        Self { start, quiet_since: None, gap: None }
    }

    /// Takes the window that begins at `now`; returns the speech that is under way after it and adds what has ended.
    fn go_on(
        mut self,
        now: usize,
        probability: f32,
        rules: &SpanRules,
        ended: &mut Vec<Span>,
    ) -> Option<Self> {
        if probability >= rules.threshold
            && self.quiet_since.take().is_some()
            && let Some(gap) = &mut self.gap
        {
            gap.end.get_or_insert(now);
        }
        if (now - self.start) as f64 > rules.max_speech {
            ended.push(Span { start: self.start, end: self.gap.map_or(now, |gap| gap.start) });
            self = Self::from(self.gap?.end?);
        }
        if probability >= rules.neg_threshold {
            return Some(self);
        }
        let quiet_since = *self.quiet_since.get_or_insert(now);
        if now - quiet_since > CUTTING_SILENCE {
            self.gap = Some(Gap { start: quiet_since, end: None });
        }
        if now - quiet_since < rules.min_silence {
            return Some(self);
        }
        let span = Span { start: self.start, end: quiet_since };
        ended.extend((span.n_samples() > rules.min_speech).then_some(span));
        None
    }
}

/// Adds `padding` at both ends of each span; where two are too near for that, each takes half of what is between them.
fn pad(spans: &mut [Span], n_samples: usize, padding: usize) {
    if let Some(first) = spans.first_mut() {
        first.start = first.start.saturating_sub(padding);
    }
    for i in 1..spans.len() {
        let silence = spans[i].start - spans[i - 1].end;
        let share = if silence < 2 * padding { silence / 2 } else { padding };
        spans[i - 1].end += share;
        spans[i].start -= share;
    }
    if let Some(last) = spans.last_mut() {
        last.end = n_samples.min(last.end + padding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: SpanRules = SpanRules {
        threshold: 0.5,
        neg_threshold: 0.35,
        min_speech: 0,
        max_speech: f64::INFINITY,
        min_silence: 3 * WINDOW_SAMPLES,
        padding: 0,
    };

    /// One window a letter: `#` speech, `~` between the thresholds, `.` silence. Spans in windows.
    fn spans(windows: &str, rules: SpanRules) -> Vec<(usize, usize)> {
        let probabilities: Vec<f32> = windows
            .chars()
            .map(|letter| match letter {
                '#' => 0.9,
                '~' => 0.4,
                _ => 0.1,
            })
            .collect();
        let spans = speech_spans(&probabilities, windows.len() * WINDOW_SAMPLES, &rules);
        spans.iter().map(|span| (span.start / WINDOW_SAMPLES, span.end / WINDOW_SAMPLES)).collect()
    }

    #[test]
    fn speech_ends_with_enough_silence_only() {
        assert_eq!(spans("..##..##....~~~~##", RULES), [(2, 8), (16, 18)]);
        assert_eq!(spans("..##..##...~~~~~##", RULES), [(2, 18)], "only a silent window ends it");
        assert_eq!(spans("..##.~.~.~.", RULES), [(2, 4)], "between the thresholds silence goes on");
        assert_eq!(spans("....~~~~~..", RULES), []);
        assert_eq!(spans("", RULES), []);
    }

    #[test]
    fn long_speech_is_cut_at_its_last_long_silence() {
        let rules = SpanRules { max_speech: 14.0 * 512.0, min_silence: usize::MAX, ..RULES };
        // Silence is measured up to the start of a window: 96 ms at the fourth, 128 ms at the fifth.
        assert_eq!(spans("####....##.....#########", rules), [(0, 10), (15, 24)]);
        assert_eq!(spans("####.....#####....######", rules), [(0, 4), (9, 24)]);
        assert_eq!(
            spans("####################", rules),
            [(0, 15), (16, 20)],
            "cut hard, and begun by the next window"
        );
        assert_eq!(spans("########........####", rules), [(0, 8), (16, 20)], "within the silence itself");
    }

    #[test]
    fn padding_stays_within_the_recording_and_is_shared() {
        let rules = SpanRules { padding: 2 * WINDOW_SAMPLES, ..RULES };
        assert_eq!(spans(".##....##.........##.", rules), [(0, 5), (5, 11), (16, 21)]);
    }

    #[test]
    fn each_mode_has_its_own_defaults() {
        let mut options = TranscribeOptions::default();
        assert_eq!(
            (SpanRules::new(&options).max_speech, SpanRules::new(&options).min_silence),
            (f64::INFINITY, 32_000)
        );
        options.vad_parameters.max_speech_duration_s = Some(7.5);
        assert_eq!(SpanRules::new(&options).max_speech, 120_000.0 - 512.0 - 12_800.0);
        options.mode = Mode::Batched;
        options.chunk_length = Some(20);
        assert_eq!(SpanRules::new(&options).max_speech, 320_000.0 - 512.0 - 12_800.0);
        assert_eq!(SpanRules::new(&options).min_silence, 2560);
        options.vad_parameters.min_silence_duration_ms = Some(500);
        assert_eq!(SpanRules::new(&options).min_silence, 8000);
    }
}
