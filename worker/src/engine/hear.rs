//! One batch on the device: encode, find the languages, generate, and again at other temperatures while most fail.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use steno_shared::options::{OptionsError, SegmentTimes, TranscribeOptions};

use super::{Engine, EngineError};
use crate::batch::{AlignedWindow, Part, Ticket, Tongue, cut_window};
use crate::features::{FRAMES_PER_SECOND, WINDOW_FRAMES};
use crate::generate::WindowModel;
use crate::tokenizer::trim_white_space;
use crate::transcribe::{
    Attempt, LanguageGuess, PromptTexts, Verdict, avg_logprob, best_of_failures, compression_ratio,
    is_silence, judge, most_new_tokens,
};
use crate::words::{Punctuation, aligned_words};

/// Told before and after each native call, for each recording whose windows were in it; may ask to stop.
pub type Watch<'a> = &'a mut dyn FnMut(Ticket) -> ControlFlow<()>;

/// A window, or the rest of one, to be heard.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) ticket: Ticket,
    /// Which window of the recording.
    pub(super) index: usize,
    /// Whether it is only asked for the language, and no window of what is transcribed.
    pub(super) asks: bool,
    /// Whether it is the recording's first.
    pub(super) begins: bool,
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
        self.begins && self.from <= 0.0
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
    /// It was asked for the language, and nothing more is wanted of it.
    Asked,
    /// Nobody speaks.
    Silence,
    /// Its text.
    Text(Part),
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

/// Of a batch that was heard again at the next temperature, at most this share may be windows that are done: they cost as
/// much as those that are not, and sampling a window costs more than encoding it.
const DONE_SHARE: f64 = 0.2;

/// Rows that are all to be tried at the same temperature, and what they are heard with.
pub(super) struct Batch<'a, M> {
    pub(super) engine: &'a Engine,
    pub(super) model: &'a M,
    pub(super) options: &'a TranscribeOptions,
    pub(super) texts: &'a Texts,
    pub(super) rows: &'a [Row],
    /// Whether rows that fail are tried at the next temperatures at once, if nearly all fail; else they are left for
    /// another batch.
    pub(super) at_once: bool,
    pub(super) watch: Watch<'a>,
}

impl<M: WindowModel> Batch<'_, M> {
    /// Hears the rows. `tongue` is what was known of each recording's language before.
    pub(super) fn hear(mut self, tongue: &dyn Fn(Ticket) -> Option<Tongue>) -> Result<Heard, EngineError> {
        // The first call may take long as well: from here on the watchdog counts.
        self.tell()?;
        let is_first_pass = self.rows.first().is_some_and(|row| row.failures.is_empty());
        // Each costs a whole window, however much speech is in it.
        let audio_seconds = (self.rows.len() * WINDOW_FRAMES) as f64 / FRAMES_PER_SECOND as f64;
        self.engine.model.busy().begin_on(is_first_pass.then_some(audio_seconds));
        let encoded = self.encode()?;
        let (guesses, tongues) = self.languages(&encoded, tongue)?;
        let mut languages = Vec::with_capacity(self.rows.len());
        for (row, guess) in self.rows.iter().zip(&guesses) {
            let own = guess.as_ref().filter(|_| self.options.multilingual);
            let known = tongues.get(&row.ticket).cloned().or_else(|| tongue(row.ticket));
            let language =
                own.or_else(|| known.as_ref().and_then(Tongue::known)).map(|guess| guess.language.clone());
            languages.push(language);
        }
        let outcomes = self.generate(encoded, &languages)?;
        Ok(Heard { rows: guesses.into_iter().zip(outcomes).collect(), tongues })
    }

    fn encode(&mut self) -> Result<M::Encoded, EngineError> {
        let length = self.rows.iter().map(|row| row.features.len()).sum();
        let mut features = Vec::with_capacity(length);
        for row in self.rows {
            features.extend_from_slice(&row.features);
        }
        let encoded = self.model.encode_windows(features, self.rows.len())?;
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

    /// Generates from the rows' next temperature on: as long as nearly all of what was encoded fails, the encoding is used
    /// again, if that is wanted; those that fail otherwise are left for another batch.
    fn generate(
        &mut self,
        encoded: M::Encoded,
        languages: &[Option<String>],
    ) -> Result<Vec<Outcome>, EngineError> {
        let engine = self.engine;
        let spoken: Vec<&str> = languages.iter().map(|language| language.as_deref().unwrap_or("")).collect();
        let mut outcomes: Vec<Option<Outcome>> = self
            .rows
            .iter()
            .zip(&spoken)
            .map(|(row, language)| match (row.asks, language.is_empty()) {
                (true, _) => Some(Outcome::Asked),
                (false, true) => Some(Outcome::LanguageUndecided),
                (false, false) => None,
            })
            .collect();
        // Rows of which nothing is to be generated are beside the others in the encoding; whatever is written of them is dropped.
        let wanted = spoken.iter().zip(&outcomes).find(|(_, outcome)| outcome.is_none());
        let Some((&some_language, _)) = wanted else {
            return Ok(outcomes.into_iter().flatten().collect());
        };
        let mut prompts = Vec::with_capacity(self.rows.len());
        for (row, language) in self.rows.iter().zip(&spoken) {
            let language = if language.is_empty() { some_language } else { language };
            let language_and_task = engine.language_and_task(language, self.options.task)?;
            let prompt = self.texts.prompt(engine, row, &language_and_task);
            prompts.push(engine.vocabulary.strings(&prompt)?);
        }
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
            self.engine.model.busy().has_passed();
            self.tell()?;
            let mut accepted = Vec::new();
            for (index, generated) in generated.into_iter().enumerate() {
                if outcomes[index].is_some() {
                    continue;
                }
                let text = engine.text_of(&generated.tokens)?;
                let attempt = Attempt {
                    avg_logprob: avg_logprob(
                        generated.score,
                        generated.tokens.len(),
                        self.options.length_penalty,
                    ),
                    compression_ratio: compression_ratio(trim_white_space(&text)),
                    no_speech_prob: f64::from(generated.no_speech_prob),
                    temperature,
                    tokens: generated.tokens,
                };
                match judge(&attempt, self.options) {
                    Verdict::Accept => {
                        outcomes[index] = Some(self.accept(index, attempt, prompts[index].len()));
                        accepted.push(index);
                    }
                    Verdict::TryAgain => failures[index].push(attempt),
                }
            }
            self.place_words(&encoded, &accepted, &spoken, &prompts, &mut outcomes)?;
            let n_done = outcomes.iter().flatten().count();
            if !self.at_once || n_done as f64 > DONE_SHARE * self.rows.len() as f64 {
                break;
            }
        }
        let n_temperatures = self.options.temperature.len();
        let mut given_up = Vec::new();
        for (index, failures) in failures.into_iter().enumerate() {
            if outcomes[index].is_some() {
                continue;
            }
            let earlier = &self.rows[index].failures;
            if earlier.len() + failures.len() < n_temperatures {
                outcomes[index] = Some(Outcome::NotGoodEnough(failures));
                continue;
            }
            let all = earlier.iter().cloned().chain(failures).collect();
            let best = best_of_failures(all, self.options).ok_or_else(OptionsError::no_temperature)?;
            outcomes[index] = Some(self.accept(index, best, prompts[index].len()));
            given_up.push(index);
        }
        self.place_words(&encoded, &given_up, &spoken, &prompts, &mut outcomes)?;
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::LanguageUndecided)).collect())
    }

    fn accept(&self, index: usize, attempt: Attempt, prompt_length: usize) -> Outcome {
        if is_silence(&attempt, self.options) {
            return Outcome::Silence;
        }
        let row = &self.rows[index];
        let cut_short = self.is_cut_short(&attempt, prompt_length);
        let text = cut_window(self.engine.special(), &attempt.tokens, row.seconds, cut_short);
        Outcome::Text(Part { from: row.from, text, words: Vec::new(), attempt })
    }

    /// Whether no more tokens were allowed.
    fn is_cut_short(&self, attempt: &Attempt, prompt_length: usize) -> bool {
        attempt.tokens.len() >= most_new_tokens(prompt_length, self.options.max_new_tokens)
    }

    /// Finds the words of rows that were accepted, while their encoding is there: one alignment a language, in which the
    /// other rows have no text. Where no timestamps were written, it is by them that the text is cut.
    fn place_words(
        &mut self,
        encoded: &M::Encoded,
        accepted: &[usize],
        spoken: &[&str],
        prompts: &[Vec<&str>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), EngineError> {
        if !self.options.aligns_words() {
            return Ok(());
        }
        let (engine, eot) = (self.engine, self.engine.special().eot);
        let n_frames: Vec<usize> = self.rows.iter().map(|row| frames(row.seconds)).collect();
        let languages: BTreeSet<&str> = accepted.iter().map(|&index| spoken[index]).collect();
        for language in languages {
            let mut tokens: Vec<Vec<u32>> = vec![Vec::new(); self.rows.len()];
            for &index in accepted.iter().filter(|&&index| spoken[index] == language) {
                if let Some(Outcome::Text(part)) = &outcomes[index] {
                    let all = part.text.segments.iter().flat_map(|segment| &segment.tokens);
                    tokens[index] = all.copied().filter(|&token| token < eot).collect();
                }
            }
            if tokens.iter().all(Vec::is_empty) {
                continue;
            }
            let mut start = vec![engine.special().sot];
            start.extend(engine.language_and_task(language, self.options.task)?);
            let alignments = self.model.align_windows(encoded, &start, &tokens, &n_frames)?;
            self.tell()?;
            for (index, (tokens, alignment)) in tokens.iter().zip(alignments).enumerate() {
                if let Some(Outcome::Text(part)) = &mut outcomes[index]
                    && !tokens.is_empty()
                {
                    let words = engine.tokenizer.split_to_words(tokens, language)?;
                    part.words = aligned_words(&alignment, words);
                    // None are found in less than 20 ms.
                    if self.options.segment_times == SegmentTimes::Aligned && !part.words.is_empty() {
                        let window = AlignedWindow {
                            words: &part.words,
                            punctuation: Punctuation::of(self.options),
                            seconds: self.rows[index].seconds,
                            cut_short: self.is_cut_short(&part.attempt, prompts[index].len()),
                            is_speech: self.options.leaves_silence_out(),
                        };
                        part.text = window.text();
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells each recording in the batch that the engine works on it, and stops if asked to.
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

/// Frames of the spectrogram in so many seconds of a window.
fn frames(seconds: f64) -> usize {
    ((seconds * FRAMES_PER_SECOND as f64).ceil().max(0.0) as usize).min(WINDOW_FRAMES)
}
