//! Whether a model can do what the options ask for.

use steno_shared::options::{Task, TranscribeOptions, VadParameters};

use super::{Engine, EngineError};
use crate::transcribe::PromptTexts;

/// Longest window in seconds: what the encoder takes.
const WINDOW_SECONDS_MAX: usize = 30;

impl Engine {
    /// Checks that this model can do what the options ask for: once a batch, before the first recording.
    ///
    /// # Errors
    /// Names the option and what it must be.
    pub fn check_options(&self, options: &TranscribeOptions) -> Result<(), EngineError> {
        check_numbers(options)?;
        check_vad(&options.vad_parameters)?;
        check_together(options)?;
        let size = self.vocabulary.len();
        for &id in &options.suppress_tokens {
            // The engine writes to the place of each, without looking.
            if id < -1 || usize::try_from(id).is_ok_and(|id| id >= size) {
                return Err(bad("suppress_tokens", id, "ids of the model's tokens, or -1"));
            }
        }
        if options.task == Task::Translate && !self.is_multilingual() {
            return Err(EngineError::EnglishOnly { asked: "task translate".into() });
        }
        let language_and_task =
            self.language_and_task(options.language.as_deref().unwrap_or("en"), options.task)?;
        let room = self.prompt_texts(options)?.room(self.tokenizer.special(), &language_and_task);
        match options.max_new_tokens {
            Some(max_new_tokens) if max_new_tokens > room => {
                Err(EngineError::NoRoomForTokens { max_new_tokens, room })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the prompts of all windows are made of.
    pub(super) fn prompt_texts(&self, options: &TranscribeOptions) -> Result<PromptTexts, EngineError> {
        let encode = |text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(Vec::new()),
            Some(text) => self.tokenizer.encode_prompt(text),
        };
        Ok(PromptTexts {
            hotwords: encode(&options.hotwords)?,
            prefix: encode(&options.prefix)?,
            without_timestamps: options.without_timestamps,
            max_new_tokens: options.max_new_tokens,
        })
    }

    /// The tokens that tell the decoder language and task; none for an English-only model.
    pub(super) fn language_and_task(&self, language: &str, task: Task) -> Result<Vec<u32>, EngineError> {
        let unknown = || EngineError::UnknownLanguage { language: language.to_owned() };
        let special = self.tokenizer.special();
        if !self.is_multilingual() {
            return match language {
                "en" => Ok(Vec::new()),
                other => Err(EngineError::EnglishOnly { asked: format!("language {other:?}") }),
            };
        }
        let task = match task {
            Task::Transcribe => special.transcribe,
            Task::Translate => special.translate,
        };
        // Language tokens stand between start of transcript and the tasks.
        let languages =
            special.sot + 1..special.translate.into_iter().chain(special.transcribe).min().unwrap_or(0);
        let token = self.vocabulary.id(&format!("<|{language}|>")).filter(|token| languages.contains(token));
        Ok(vec![token.ok_or_else(unknown)?, task.ok_or_else(unknown)?])
    }
}

fn bad(name: &'static str, value: impl ToString, must: &'static str) -> EngineError {
    EngineError::BadOption { name, value: value.to_string(), must }
}

/// Each number for itself.
fn check_numbers(options: &TranscribeOptions) -> Result<(), EngineError> {
    for (name, value) in [
        ("beam_size", options.beam_size),
        ("best_of", options.best_of),
        ("language_detection_segments", options.language_detection_segments),
        ("max_new_tokens", options.max_new_tokens.unwrap_or(1)),
    ] {
        if value == 0 {
            return Err(bad(name, value, "at least 1"));
        }
    }
    for (name, value) in [("patience", options.patience), ("repetition_penalty", options.repetition_penalty)]
    {
        if !value.is_finite() || value <= 0.0 {
            return Err(bad(name, value, "a number above 0"));
        }
    }
    if options.temperature.is_empty() {
        return Err(bad("temperature", "empty", "a list of at least one number"));
    }
    let temperatures = options.temperature.iter().map(|&temperature| ("temperature", temperature));
    let clips = options.clip_timestamps.iter().map(|&seconds| ("clip_timestamps", seconds));
    for (name, value) in [
        ("max_initial_timestamp", options.max_initial_timestamp),
        ("hallucination_silence_threshold", options.hallucination_silence_threshold.unwrap_or(0.0)),
    ]
    .into_iter()
    .chain(temperatures)
    .chain(clips)
    {
        if !value.is_finite() || value < 0.0 {
            return Err(bad(name, value, "a number of at least 0"));
        }
    }
    for (name, value) in [
        ("length_penalty", Some(options.length_penalty)),
        ("compression_ratio_threshold", options.compression_ratio_threshold),
        ("log_prob_threshold", options.log_prob_threshold),
        ("no_speech_threshold", options.no_speech_threshold),
        ("prompt_reset_on_temperature", Some(options.prompt_reset_on_temperature)),
        ("language_detection_threshold", Some(options.language_detection_threshold)),
    ] {
        if value.is_some_and(|value| !value.is_finite()) {
            return Err(bad(name, value.unwrap_or_default(), "a finite number"));
        }
    }
    if !(1..=WINDOW_SECONDS_MAX).contains(&options.window_seconds()) {
        return Err(bad("chunk_length", options.window_seconds(), "1 to 30 seconds"));
    }
    Ok(())
}

/// What tells speech from silence.
fn check_vad(parameters: &VadParameters) -> Result<(), EngineError> {
    for (name, probability) in [
        ("vad_parameters.threshold", parameters.threshold),
        ("vad_parameters.neg_threshold", parameters.neg_threshold.unwrap_or(0.0)),
    ] {
        if !(0.0..=1.0).contains(&probability) {
            return Err(bad(name, probability, "a probability, 0 to 1"));
        }
    }
    match parameters.max_speech_duration_s {
        Some(seconds) if seconds.is_nan() || seconds <= 0.0 => {
            Err(bad("vad_parameters.max_speech_duration_s", seconds, "a number of seconds above 0"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What must agree with something else.
fn check_together(options: &TranscribeOptions) -> Result<(), EngineError> {
    // The engine cannot choose among no candidates.
    if (options.beam_size as f64 * options.patience).round() < 1.0 {
        return Err(bad("patience", options.patience, "at least 1 / beam_size"));
    }
    if options.clip_timestamps.chunks_exact(2).any(|clip| clip[0] >= clip[1]) {
        let clips = format!("{:?}", options.clip_timestamps);
        return Err(bad(
            "clip_timestamps",
            clips,
            "start, end, start, end, …, each end later than its start",
        ));
    }
    if let Some(seconds) = options.hallucination_silence_threshold
        && !options.word_timestamps
    {
        let must = "left out, or word_timestamps be true: it is by the times of words that silence is found";
        return Err(bad("hallucination_silence_threshold", seconds, must));
    }
    Ok(())
}
