//! Whether options make sense, as far as they tell it without a model.

use thiserror::Error;

use super::{Mode, SegmentTimes, TranscribeOptions, VadParameters};

/// The longest window in seconds: what the encoder takes.
const WINDOW_SECONDS_MAX: usize = 30;

/// An option has a value that makes no sense, by itself or with the others.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("option {name} is {value}, but must be {must}")]
pub struct OptionsError {
    /// The option, by its name in options files.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What it must be.
    pub must: &'static str,
}

impl OptionsError {
    /// No temperature is given at all, so that nothing can be written.
    #[must_use]
    pub fn no_temperature() -> Self {
        Self::new("temperature", "empty", "a list of at least one number")
    }

    pub(crate) fn new(name: &'static str, value: impl ToString, must: &'static str) -> Self {
        Self { name, value: value.to_string(), must }
    }
}

impl TranscribeOptions {
    /// Checks each value and whether they go together; what only the model can tell is left to the worker.
    ///
    /// # Errors
    /// Names the first option that is wrong, its value and what it must be.
    pub fn check(&self) -> Result<(), OptionsError> {
        self.check_counts()?;
        self.check_numbers()?;
        self.check_clips()?;
        check_vad(&self.vad_parameters)?;
        self.check_together()
    }

    fn check_counts(&self) -> Result<(), OptionsError> {
        for (name, value) in [
            ("beam_size", Some(self.beam_size)),
            ("best_of", Some(self.best_of)),
            ("max_new_tokens", self.max_new_tokens),
            ("language_detection_segments", Some(self.language_detection_segments)),
        ] {
            if value == Some(0) {
                return Err(OptionsError::new(name, 0, "at least 1"));
            }
        }
        match self.chunk_length {
            Some(seconds) if !(1..=WINDOW_SECONDS_MAX).contains(&seconds) => {
                Err(OptionsError::new("chunk_length", seconds, "1 to 30 seconds"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<(), OptionsError> {
        for (name, value) in [("patience", self.patience), ("repetition_penalty", self.repetition_penalty)] {
            check(name, value, value > 0.0, "a number above 0")?;
        }
        if self.temperature.is_empty() {
            return Err(OptionsError::no_temperature());
        }
        for &value in &self.temperature {
            check("temperature", value, value >= 0.0, "a number of at least 0")?;
        }
        for (name, value) in [
            ("max_initial_timestamp", Some(self.max_initial_timestamp)),
            ("hallucination_silence_threshold", self.hallucination_silence_threshold),
        ] {
            check_if_some(name, value, |value| value >= 0.0, "a number of at least 0")?;
        }
        for (name, value) in [
            ("length_penalty", Some(self.length_penalty)),
            ("compression_ratio_threshold", self.compression_ratio_threshold),
            ("log_prob_threshold", self.log_prob_threshold),
            ("no_speech_threshold", self.no_speech_threshold),
            ("prompt_reset_on_temperature", Some(self.prompt_reset_on_temperature)),
        ] {
            check_if_some(name, value, |_| true, "a finite number")?;
        }
        let threshold = self.language_detection_threshold;
        check("language_detection_threshold", threshold, (0.0..=1.0).contains(&threshold), "0 to 1")
    }

    fn check_clips(&self) -> Result<(), OptionsError> {
        let clips = &self.clip_timestamps;
        for &seconds in clips {
            check("clip_timestamps", seconds, seconds >= 0.0, "a list of numbers of at least 0")?;
        }
        // A clip may begin where the one before it ends, but not end where it begins.
        let ascending = clips
            .windows(2)
            .enumerate()
            .all(|(index, pair)| if index % 2 == 0 { pair[0] < pair[1] } else { pair[0] <= pair[1] });
        if ascending {
            return Ok(());
        }
        let must = "start, end, start, end, … in ascending order, each end later than its start";
        Err(OptionsError::new("clip_timestamps", format!("{clips:?}"), must))
    }

    fn check_together(&self) -> Result<(), OptionsError> {
        // The engine cannot choose among no candidates.
        if (self.beam_size as f64 * self.patience).round() < 1.0 {
            return Err(OptionsError::new("patience", self.patience, "at least 1 / beam_size"));
        }
        if let Some(seconds) = self.hallucination_silence_threshold
            && !self.word_timestamps
        {
            let must =
                "left out, or word_timestamps be true: it is by the times of words that silence is found";
            return Err(OptionsError::new("hallucination_silence_threshold", seconds, must));
        }
        self.check_segment_times()?;
        match self.mode {
            Mode::Sequential => Ok(()),
            Mode::Batched => self.check_batched(),
        }
    }

    fn check_segment_times(&self) -> Result<(), OptionsError> {
        let must = match (self.segment_times, self.without_timestamps, self.mode) {
            (SegmentTimes::Generated, ..) | (SegmentTimes::Aligned, false, Mode::Batched) => return Ok(()),
            (SegmentTimes::Aligned, true, _) => {
                "generated where without_timestamps is true: a window is one segment then"
            }
            (SegmentTimes::Aligned, false, Mode::Sequential) => {
                "generated in sequential mode, where a timestamp tells the next window's begin"
            }
        };
        Err(OptionsError::new("segment_times", "aligned", must))
    }

    fn check_batched(&self) -> Result<(), OptionsError> {
        if let Some(seconds) = self.hallucination_silence_threshold {
            let must =
                "left out in batched mode, whose windows hold no long silences; or take sequential mode";
            return Err(OptionsError::new("hallucination_silence_threshold", seconds, must));
        }
        Ok(())
    }
}

fn check_vad(vad: &VadParameters) -> Result<(), OptionsError> {
    let in_range = (0.0..=1.0).contains(&vad.threshold);
    check("vad_parameters.threshold", vad.threshold, in_range, "0 to 1")?;
    let below = |value| (0.0..vad.threshold).contains(&value);
    check_if_some(
        "vad_parameters.neg_threshold",
        vad.neg_threshold,
        below,
        "at least 0 and less than threshold",
    )?;
    let seconds = vad.max_speech_duration_s;
    check_if_some(
        "vad_parameters.max_speech_duration_s",
        seconds,
        |seconds| seconds > 0.0,
        "a number above 0",
    )
}

fn check(name: &'static str, value: f64, good: bool, must: &'static str) -> Result<(), OptionsError> {
    if good && value.is_finite() { Ok(()) } else { Err(OptionsError::new(name, value, must)) }
}

fn check_if_some(
    name: &'static str,
    value: Option<f64>,
    good: impl Fn(f64) -> bool,
    must: &'static str,
) -> Result<(), OptionsError> {
    value.map_or(Ok(()), |value| check(name, value, good(value), must))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options with one change.
    fn with(change: impl FnOnce(&mut TranscribeOptions)) -> TranscribeOptions {
        let mut options = TranscribeOptions::default();
        change(&mut options);
        options
    }

    fn batched(change: impl FnOnce(&mut TranscribeOptions)) -> TranscribeOptions {
        with(|options| {
            options.mode = Mode::Batched;
            change(options);
        })
    }

    #[test]
    fn each_refusal_names_option_and_value_and_what_it_must_be() {
        let cases = [
            (with(|o| o.beam_size = 0), "beam_size is 0, but must be at least 1"),
            (with(|o| o.best_of = 0), "best_of is 0"),
            (with(|o| o.max_new_tokens = Some(0)), "max_new_tokens is 0"),
            (with(|o| o.language_detection_segments = 0), "language_detection_segments is 0"),
            (with(|o| o.chunk_length = Some(0)), "chunk_length is 0"),
            (with(|o| o.chunk_length = Some(31)), "chunk_length is 31, but must be 1 to 30"),
            (with(|o| o.patience = 0.0), "patience is 0"),
            (with(|o| o.patience = f64::INFINITY), "patience is inf"),
            (with(|o| o.patience = 0.05), "patience is 0.05, but must be at least 1 / beam_size"),
            (with(|o| o.repetition_penalty = -1.0), "repetition_penalty is -1"),
            (with(|o| o.temperature.clear()), "temperature is empty"),
            (with(|o| o.temperature = vec![0.0, -0.2]), "temperature is -0.2"),
            (with(|o| o.temperature = vec![f64::NAN]), "temperature is NaN"),
            (with(|o| o.max_initial_timestamp = -1.0), "max_initial_timestamp is -1"),
            (with(|o| o.length_penalty = f64::NAN), "length_penalty is NaN"),
            (with(|o| o.compression_ratio_threshold = Some(f64::NAN)), "compression_ratio_threshold is NaN"),
            (with(|o| o.log_prob_threshold = Some(f64::NEG_INFINITY)), "log_prob_threshold is -inf"),
            (with(|o| o.no_speech_threshold = Some(f64::NAN)), "no_speech_threshold is NaN"),
            (with(|o| o.prompt_reset_on_temperature = f64::NAN), "prompt_reset_on_temperature is NaN"),
            (with(|o| o.language_detection_threshold = 1.5), "language_detection_threshold is 1.5"),
            (with(|o| o.language_detection_threshold = f64::NAN), "language_detection_threshold is NaN"),
            (with(|o| o.clip_timestamps = vec![-1.0]), "clip_timestamps is -1"),
            (with(|o| o.clip_timestamps = vec![3.0, 3.0]), "clip_timestamps is [3.0, 3.0]"),
            (with(|o| o.clip_timestamps = vec![0.0, 3.0, 2.0]), "ascending order"),
            (with(|o| o.vad_parameters.threshold = 1.1), "vad_parameters.threshold is 1.1"),
            (with(|o| o.vad_parameters.neg_threshold = Some(0.5)), "less than threshold"),
            (with(|o| o.vad_parameters.neg_threshold = Some(-0.1)), "vad_parameters.neg_threshold is -0.1"),
            (with(|o| o.vad_parameters.max_speech_duration_s = Some(0.0)), "max_speech_duration_s is 0"),
            (with(|o| o.hallucination_silence_threshold = Some(2.0)), "word_timestamps be true"),
            (
                batched(|o| {
                    o.word_timestamps = true;
                    o.hallucination_silence_threshold = Some(2.0);
                }),
                "sequential mode",
            ),
            (
                batched(|o| (o.segment_times, o.without_timestamps) = (SegmentTimes::Aligned, true)),
                "one segment",
            ),
            (
                with(|o| (o.mode, o.segment_times) = (Mode::Sequential, SegmentTimes::Aligned)),
                "sequential mode",
            ),
        ];
        for (options, words) in cases {
            let error = options.check().unwrap_err().to_string();
            assert!(error.starts_with("option ") && error.contains(words), "{words:?} is not in {error:?}");
        }
    }

    #[test]
    fn what_makes_sense_is_accepted() {
        let cases = [
            TranscribeOptions::default(),
            batched(|_| {}),
            batched(|o| {
                o.vad_filter = Some(false);
                o.clip_timestamps = vec![0.0, 3.0, 3.0, 5.0];
            }),
            batched(|o| (o.segment_times, o.word_timestamps) = (SegmentTimes::Aligned, true)),
            with(|o| o.clip_timestamps = vec![0.0, 3.0, 7.5]),
            with(|o| (o.beam_size, o.patience) = (10, 0.1)),
            with(|o| o.temperature = vec![1.5]),
            with(|o| o.chunk_length = Some(30)),
            with(|o| o.vad_parameters.neg_threshold = Some(0.0)),
            // The prefix is the first window's, the hotwords all the others'.
            with(|o| (o.prefix, o.hotwords) = (Some("So".into()), Some("Steno".into()))),
            with(|o| {
                o.mode = Mode::Sequential;
                o.word_timestamps = true;
                o.hallucination_silence_threshold = Some(0.0);
                o.log_prob_threshold = None;
                o.no_speech_threshold = None;
                o.compression_ratio_threshold = None;
            }),
        ];
        for options in cases {
            assert_eq!(options.check(), Ok(()), "{options:?}");
        }
    }
}
