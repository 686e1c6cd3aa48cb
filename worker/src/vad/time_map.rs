//! From times of the speech alone to times of the recording: faster-whisper 1.2.1's `SpeechTimestampsMap`.

use super::Span;
use crate::features::SAMPLE_RATE;

/// Where each span of a recording's speech was, counted in speech alone.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeMap(Vec<Place>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// Samples of speech up to the span's end.
    speech_end: usize,
    /// Seconds of silence before it.
    silence_before: f64,
}

impl TimeMap {
    /// For spans that are heard one after the other without what lies between them.
    #[must_use]
    pub fn new(spans: &[Span]) -> Self {
        let mut speech_end = 0;
        let place = |span: &Span| {
            let silence = span.start.saturating_sub(speech_end);
            speech_end += span.n_samples();
            Place { speech_end, silence_before: silence as f64 / SAMPLE_RATE as f64 }
        };
        Self(spans.iter().map(place).collect())
    }

    /// The recording's time of a time of the speech, in seconds to two digits.
    ///
    /// `chunk_index` tells the span that the time belongs to; otherwise the time alone does, and one that falls on the
    /// seam of two spans belongs to the first if `is_end`, else to the second. Without speech a time stays as it is.
    #[must_use]
    pub fn original_time(&self, time: f64, chunk_index: Option<usize>, is_end: bool) -> f64 {
        let index = chunk_index.unwrap_or_else(|| self.chunk_index(time, is_end));
        let place = self.0.get(index).or(self.0.last());
        round_to_hundredths(place.map_or(0.0, |place| place.silence_before) + time)
    }

    /// Which span a time of the speech belongs to; times after the end belong to the last.
    #[must_use]
    pub fn chunk_index(&self, time: f64, is_end: bool) -> usize {
        let sample = (time * SAMPLE_RATE as f64) as usize;
        let later = |place: &Place| {
            if is_end { place.speech_end < sample } else { place.speech_end <= sample }
        };
        self.0.partition_point(later).min(self.0.len().saturating_sub(1))
    }
}

/// Rounds as Python's `round(seconds, 2)` does: to the nearest by the number's exact value, ties to even. Multiplying by
/// 100 first would round some numbers that lie just below a tie upwards.
fn round_to_hundredths(seconds: f64) -> f64 {
    format!("{seconds:.2}").parse().unwrap_or(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_a_seam_belong_to_the_side_that_is_asked_for() {
        let spans = [(16_000, 32_000), (80_000, 96_000)].map(|(start, end)| Span { start, end });
        let times = TimeMap::new(&spans);
        assert_eq!((times.chunk_index(1.0, true), times.chunk_index(1.0, false)), (0, 1));
        assert_eq!(times.original_time(1.0, None, true), 2.0);
        assert_eq!(times.original_time(1.0, None, false), 5.0);
        assert_eq!(times.original_time(1.0, Some(0), false), 2.0);
        assert_eq!(times.original_time(9.0, None, true), 13.0, "past the end");
        assert_eq!(TimeMap::new(&[]).original_time(1.5, None, false), 1.5);
    }

    #[test]
    fn rounding_is_python_s() {
        for (seconds, rounded) in
            [(0.125, 0.12), (0.375, 0.38), (2.675, 2.67), (1.005, 1.0), (1234.375, 1234.38)]
        {
            assert_eq!(round_to_hundredths(seconds), rounded);
        }
    }
}
