//! Whether a model can do what the options ask for.

use steno_shared::options::{OptionsError, Task, TranscribeOptions};

use super::{Engine, EngineError};
use crate::generate::NativeError;
use crate::transcribe::PromptTexts;

impl Engine {
    /// Checks that this model can do what the options ask for: once a batch, before the first recording.
    ///
    /// # Errors
    /// Names the option and what it must be.
    pub fn check_options(&self, options: &TranscribeOptions) -> Result<(), EngineError> {
        options.check()?;
        let size = self.vocabulary.len();
        for &id in &options.suppress_tokens {
            // The engine writes to the place of each, without looking.
            if id < -1 || usize::try_from(id).is_ok_and(|id| id >= size) {
                let must = "ids of the model's tokens, or -1";
                return Err(OptionsError { name: "suppress_tokens", value: id.to_string(), must }.into());
            }
        }
        if options.task == Task::Translate && !self.is_multilingual() {
            return Err(EngineError::EnglishOnly { asked: "task translate".into() });
        }
        if options.aligns_words() && !self.has_alignment_heads {
            return Err(NativeError::NoAlignmentHeads.into());
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
            without_timestamps: !options.writes_timestamps(),
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
