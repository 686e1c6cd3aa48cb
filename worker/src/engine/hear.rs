//! One batch on the device: encode, find the languages, generate, and again at other temperatures while most fail.

use std::collections::HashMap;
use std::ops::ControlFlow;

use steno_shared::options::TranscribeOptions;

use super::batched::Watch;
use super::{Engine, EngineError};
use crate::batch::{Ticket, Tongue};
use crate::generate::WindowModel;
use crate::transcribe::{
    Attempt, LanguageGuess, PromptTexts, Verdict, avg_logprob, best_of_failures, compression_ratio, is_silence,
    judge, max_length,
};

/// A window, or the rest of one, to be heard.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) ticket: Ticket,
    /// Which window of the recording.
    pub(super) index: usize,
    /// Where in the window it begins, in seconds: 0, but for a rest that is heard again.
    pub(super) from: f64,
    /// How long it is from there on.
    pub(super) seconds: f64,
    /// `[n_mels, 3000]`.
    pub(super) features: Vec<f32>,
    /// The language that the model hears in it, once it was asked.
    pub(super) guess: Option<LanguageGuess>,
    /// What the temperatures so far made of it.
    pub(super) failures: Vec<Attempt>,
}

impl Row {
    /// Whether it begins its recording.
    pub(super) fn opens(&self) -> bool {
        self.index == 0 && self.from <= 0.0
    }
}

/// What all prompts of a batch job have in common, as tokens.
#[derive(Debug)]
pub(super) struct Texts {
    same: PromptTexts,
    initial: Vec<u32>,
    suppressed: Vec<i32>,
}

/// What a batch gave.
#[derive(Debug)]
pub(super) struct Heard {
    /// Of each row its language guess, if it was asked for by now, and its outcome.
    pub(super) rows: Vec<(Option<LanguageGuess>, Outcome)>,
    /// What is known by now of the languages of recordings that were asked.
    pub(super) tongues: HashMap<Ticket, Tongue>,
}

/// What became of a row.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its recording's language is not decided, so nothing was generated.
    LanguageUndecided,
    /// No temperature so far was good enough; these are those tried now.
    NotGoodEnough(Vec<Attempt>),
    /// Nobody speaks.
    Silence,
    /// Its text.
    Text {
        attempt: Attempt,
        /// Whether it ends because no more tokens were allowed.
        cut_short: bool,
    },
}

impl Texts {
    pub(super) fn new(engine: &Engine, options: &TranscribeOptions) -> Result<Self, EngineError> {
        let initial = match &options.initial_prompt {
            // As it stands: the reference's batched mode puts no space before it.
            Some(text) => engine.tokenizer.encode(text)?,
            None => Vec::new(),
        };
        let suppressed = engine.tokenizer.suppressed(&options.suppress_tokens);
        Ok(Self { same: engine.prompt_texts(options)?, initial, suppressed })
    }

    pub(super) fn has_prefix(&self) -> bool {
        !self.same.prefix.is_empty()
    }

    fn prompt(&self, engine: &Engine, row: &Row, language_and_task: &[u32]) -> Vec<u32> {
        // Only whether it is the recording's first counts.
        let seek = usize::from(!row.opens());
        self.same.prompt(engine.special(), seek, &self.initial, language_and_task)
    }
}

/// Hears rows that are all to be tried at the same temperature.
pub(super) fn hear<M: WindowModel>(
    engine: &Engine,
    model: &M,
    options: &TranscribeOptions,
    texts: &Texts,
    rows: &[Row],
    tongue: &dyn Fn(Ticket) -> Option<Tongue>,
    watch: Watch<'_>,
) -> Result<Heard, EngineError> {
    let mut batch = Batch { engine, model, options, texts, rows, watch };
    let all: Vec<usize> = (0..rows.len()).collect();
    let encoded = batch.encode(&all)?;
    let (guesses, tongues) = batch.languages(&encoded, tongue)?;
    let mut languages = Vec::with_capacity(rows.len());
    for (row, guess) in rows.iter().zip(&guesses) {
        let own = guess.as_ref().filter(|_| options.multilingual);
        let known = tongues.get(&row.ticket).cloned().or_else(|| tongue(row.ticket));
        let language = own.or_else(|| known.as_ref().and_then(Tongue::known)).map(|guess| guess.language.clone());
        languages.push(language);
    }
    let outcomes = batch.generate(encoded, &languages)?;
    Ok(Heard { rows: guesses.into_iter().zip(outcomes).collect(), tongues })
}

struct Batch<'a, M> {
    engine: &'a Engine,
    model: &'a M,
    options: &'a TranscribeOptions,
    texts: &'a Texts,
    rows: &'a [Row],
    watch: Watch<'a>,
}

impl<M: WindowModel> Batch<'_, M> {
    fn encode(&mut self, which: &[usize]) -> Result<M::Encoded, EngineError> {
        let length = which.iter().map(|&row| self.rows[row].features.len()).sum();
        let mut features = Vec::with_capacity(length);
        for &row in which {
            features.extend_from_slice(&self.rows[row].features);
        }
        let encoded = self.model.encode_windows(features, which.len())?;
        self.tell()?;
        Ok(encoded)
    }

    /// Asks for languages where one is wanted and not known. Rows that were asked before keep their guess.
    #[expect(clippy::type_complexity, reason = "a pair of what the rows and what the recordings say")]
    fn languages(
        &mut self,
        encoded: &M::Encoded,
        tongue: &dyn Fn(Ticket) -> Option<Tongue>,
    ) -> Result<(Vec<Option<LanguageGuess>>, HashMap<Ticket, Tongue>), EngineError> {
        let mut guesses: Vec<Option<LanguageGuess>> = self.rows.iter().map(|row| row.guess.clone()).collect();
        let mut tongues: HashMap<Ticket, Tongue> = HashMap::new();
        for row in self.rows {
            if let Some(asking @ Tongue::Asking { .. }) = tongue(row.ticket) {
                tongues.insert(row.ticket, asking);
            }
        }
        let wanted = |row: &Row| self.options.multilingual || tongues.contains_key(&row.ticket);
        let is_unasked = |row: &Row| row.guess.is_none() && wanted(row);
        if !self.engine.is_multilingual() || !self.rows.iter().any(is_unasked) {
            return Ok((guesses, HashMap::new()));
        }
        let heard = self.model.detect_languages(encoded)?;
        self.tell()?;
        for ((row, guess), heard) in self.rows.iter().zip(&mut guesses).zip(heard) {
            if guess.is_some() {
                continue;
            }
            *guess = Some(heard.clone());
            if let Some(tongue) = tongues.get_mut(&row.ticket) {
                tongue.hear(heard);
            }
        }
        Ok((guesses, tongues))
    }

    /// Generates from the rows' next temperature on: as long as at least half of what was encoded fails, the encoding
    /// is used again; the few that fail otherwise are left for another batch.
    fn generate(
        &mut self,
        encoded: M::Encoded,
        languages: &[Option<String>],
    ) -> Result<Vec<Outcome>, EngineError> {
        let engine = self.engine;
        let spoken: Vec<&str> = languages.iter().map(|language| language.as_deref().unwrap_or("")).collect();
        // Rows without a language are beside the others in the encoding; whatever is written of them is dropped.
        let Some(some_language) = spoken.iter().copied().find(|language| !language.is_empty()) else {
            return Ok(languages.iter().map(|_| Outcome::LanguageUndecided).collect());
        };
        let mut prompts = Vec::with_capacity(self.rows.len());
        for (row, language) in self.rows.iter().zip(&spoken) {
            let language = if language.is_empty() { some_language } else { language };
            let language_and_task = engine.language_and_task(language, self.options.task)?;
            let prompt = self.texts.prompt(engine, row, &language_and_task);
            prompts.push(engine.vocabulary.strings(&prompt)?);
        }
        let mut outcomes: Vec<Option<Outcome>> =
            spoken.iter().map(|language| language.is_empty().then_some(Outcome::LanguageUndecided)).collect();
        let mut failures: Vec<Vec<Attempt>> = self.rows.iter().map(|_| Vec::new()).collect();
        let tried = self.rows.first().map_or(0, |row| row.failures.len());
        for &temperature in self.options.temperature.iter().skip(tried) {
            let generated = self.model.generate_windows(
                &encoded,
                &prompts,
                temperature,
                &self.texts.suppressed,
                self.options,
            )?;
            self.tell()?;
            for (index, generated) in generated.into_iter().enumerate() {
                if outcomes[index].is_some() {
                    continue;
                }
                let cut_short = prompts[index].len() + generated.tokens.len()
                    >= max_length(prompts[index].len(), self.options.max_new_tokens);
                let text = engine.text_of(&generated.tokens)?;
                let attempt = Attempt {
                    avg_logprob: avg_logprob(
                        generated.score,
                        generated.tokens.len(),
                        self.options.length_penalty,
                    ),
                    compression_ratio: compression_ratio(text.trim()),
                    no_speech_prob: f64::from(generated.no_speech_prob),
                    temperature,
                    tokens: generated.tokens,
                };
                match judge(&attempt, self.options) {
                    Verdict::Accept => outcomes[index] = Some(self.accept(attempt, cut_short)),
                    Verdict::TryAgain => failures[index].push(attempt),
                }
            }
            let n_failing = outcomes.iter().filter(|outcome| outcome.is_none()).count();
            if n_failing * 2 < self.rows.len() {
                break;
            }
        }
        let n_temperatures = self.options.temperature.len();
        let mut decided = Vec::with_capacity(outcomes.len());
        for ((row, outcome), failures) in self.rows.iter().zip(outcomes).zip(failures) {
            decided.push(match outcome {
                Some(outcome) => outcome,
                None if row.failures.len() + failures.len() < n_temperatures => {
                    Outcome::NotGoodEnough(failures)
                }
                None => {
                    let all = row.failures.iter().cloned().chain(failures).collect();
                    let best = best_of_failures(all, self.options).ok_or(EngineError::BadOption {
                        name: "temperature",
                        value: "empty".into(),
                        must: "a list of at least one number",
                    })?;
                    self.accept(best, false)
                }
            });
        }
        Ok(decided)
    }

    fn accept(&self, attempt: Attempt, cut_short: bool) -> Outcome {
        if is_silence(&attempt, self.options) {
            Outcome::Silence
        } else {
            Outcome::Text { attempt, cut_short }
        }
    }

    /// Tells each recording in the batch that it moves, and stops if asked to.
    fn tell(&mut self) -> Result<(), EngineError> {
        let mut told: Option<Ticket> = None;
        for row in self.rows {
            // A recording's windows are beside each other mostly; telling one twice does no harm.
            if told != Some(row.ticket) && (self.watch)(row.ticket) == ControlFlow::Break(()) {
                return Err(EngineError::Interrupted { seconds: 0.0 });
            }
            told = Some(row.ticket);
        }
        Ok(())
    }
}
