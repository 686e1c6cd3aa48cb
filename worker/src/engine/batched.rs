//! The batched pipeline: windows of many recordings side by side, each for itself.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use steno_shared::options::TranscribeOptions;

use super::hear::{Batch, Heard, Outcome, Row, Texts, Watch};
use super::{Engine, EngineError};
use crate::assemble::Transcription;
use crate::batch::{OpenRecording, Retries, Ticket, Tongue};
use crate::disposition::Disposition;
use crate::features::rest_of_window;
use crate::generate::{NativeError, WindowModel};
use crate::speech::Speech;

/// A recording that the decoder is done with.
pub type Done = (Ticket, Result<Transcription, EngineError>);

/// Decodes windows of many recordings, a batch at a time.
///
/// Each window's result is what it would be alone: a batch shares the device's time, nothing else. Windows whose text
/// is not good enough wait for others to be tried again with; a batch that the device has no memory for is halved, for
/// good; one that fails otherwise is taken apart until the window is found that it fails on, and only that window's
/// recording fails. An error that is no recording's fault, a lost device say, is told as one recording's, by which the
/// worker ends: the others can be given back.
#[derive(Debug)]
pub struct BatchDecoder<'a, M: WindowModel> {
    engine: &'a Engine,
    model: &'a M,
    options: &'a TranscribeOptions,
    texts: Texts,
    /// Windows of a batch at most.
    batch_size: usize,
    recordings: HashMap<Ticket, OpenRecording>,
    /// Windows to be heard next.
    pending: VecDeque<Row>,
    /// Windows to be heard again at another temperature.
    retries: Retries<Row>,
    /// Windows that were asked for their recording's language, which is not decided yet.
    undecided: Vec<Row>,
}

/// Why a batch was not heard.
enum Trouble {
    Stopped,
    OutOfMemory(EngineError),
    /// Each further call would fail as well.
    Fatal(EngineError),
    Failed(EngineError),
}

impl<'a, M: WindowModel> BatchDecoder<'a, M> {
    /// A decoder with nothing to do. `model` is the engine's own ([`Engine::model`]), but in tests.
    ///
    /// # Errors
    /// When options and model do not agree.
    pub fn new(
        engine: &'a Engine,
        model: &'a M,
        options: &'a TranscribeOptions,
        batch_size: usize,
    ) -> Result<Self, EngineError> {
        engine.check_options(options)?;
        Ok(Self {
            engine,
            model,
            options,
            texts: Texts::new(engine, options)?,
            batch_size: batch_size.max(1),
            recordings: HashMap::new(),
            pending: VecDeque::new(),
            retries: Retries::default(),
            undecided: Vec::new(),
        })
    }

    /// Takes a recording, before its first window comes.
    pub fn open(&mut self, ticket: Ticket, speech: &Speech) {
        let n_asked = speech.n_asked();
        let tongue = self.tongue(if n_asked > 0 { n_asked } else { speech.windows.len() });
        let recording = OpenRecording::new(speech.pcm.seconds(), &speech.windows, tongue);
        let recording = recording.after_asking(n_asked).from(speech.from);
        self.recordings.insert(ticket, recording.in_pieces(speech.piece_begins.clone()));
    }

    /// The transcription of a recording without any speech.
    ///
    /// # Errors
    /// None: there is no text to be decoded.
    pub fn nothing_said(&self, duration: f64) -> Result<Transcription, EngineError> {
        self.transcription(OpenRecording::new(duration, &[], self.tongue(0)))
    }

    /// Takes the next window of a recording, counted from those that are only asked; features `[n_mels, 3000]`.
    pub fn push(&mut self, ticket: Ticket, index: usize, features: Vec<f32>) {
        let Some(recording) = self.recordings.get(&ticket) else { return };
        let own = index.checked_sub(recording.n_asked());
        let index = own.unwrap_or(0);
        self.pending.push_back(Row {
            ticket,
            index,
            asks: own.is_none(),
            begins: recording.begins() && own == Some(0),
            from: 0.0,
            seconds: recording.window_seconds(index),
            features,
            guess: None,
            failures: Vec::new(),
        });
    }

    /// How many more windows the next batch has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.batch_size.saturating_sub(self.pending.len())
    }

    /// Windows of a batch at most; smaller than at first after the device ran out of memory.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Whether there is nothing to do until more windows come.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.retries.is_empty()
    }

    /// How far a recording is, in seconds.
    #[must_use]
    pub fn position_seconds(&self, ticket: Ticket) -> f64 {
        self.recordings.get(&ticket).map_or(0.0, OpenRecording::position_seconds)
    }

    /// Forgets a recording with all its windows.
    pub fn forget(&mut self, ticket: Ticket) {
        self.recordings.remove(&ticket);
        self.pending.retain(|row| row.ticket != ticket);
        self.retries.drop_all(|row| row.ticket == ticket);
        self.undecided.retain(|row| row.ticket != ticket);
    }

    /// Hears one batch, or nothing when all that there is to do can wait for windows that come (`more_come`). Returns the
    /// recordings that are done by it. When `watch` asks to stop, what was not heard stays.
    pub fn step(&mut self, more_come: bool, watch: Watch<'_>) -> Vec<Done> {
        let mut again = self.retries.take_due(self.batch_size, self.pending.is_empty() && !more_come);
        if self.texts.has_prefix()
            && let Some(opens) = again.first().map(Row::opens)
        {
            let (same, others) = again.into_iter().partition(|row| row.opens() == opens);
            again = same;
            self.put_back(others);
        }
        let rows = if again.is_empty() { self.next_rows() } else { again };
        self.retries.wait();
        let mut done = Vec::new();
        self.run(rows, more_come, watch, &mut done);
        done
    }

    /// Windows at the front that can be in one batch: with a prefix, which stands before a recording's first window
    /// only, those that have it are not beside those that have none.
    fn next_rows(&mut self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::with_capacity(self.batch_size);
        while rows.len() < self.batch_size
            && let Some(next) = self.pending.front()
            && (!self.texts.has_prefix() || rows.first().is_none_or(|row| row.opens() == next.opens()))
        {
            rows.extend(self.pending.pop_front());
        }
        rows
    }

    fn tongue(&self, n_windows: usize) -> Tongue {
        let options = self.options;
        match &options.language {
            Some(language) => Tongue::given(language),
            None if !self.engine.is_multilingual() => Tongue::given("en"),
            None => Tongue::to_be_found(
                n_windows,
                options.language_detection_segments,
                options.language_detection_threshold,
            ),
        }
    }

    fn run(&mut self, mut rows: Vec<Row>, more_come: bool, watch: Watch<'_>, done: &mut Vec<Done>) {
        rows.retain(|row| self.recordings.contains_key(&row.ticket));
        if rows.is_empty() {
            return;
        }
        // Others would share the next temperature with them, which costs less than to encode them again.
        let others = more_come || !self.is_idle();
        let at_once = !others || rows.len() * 2 >= self.batch_size;
        match self.try_to_hear(&rows, at_once, watch) {
            Ok(heard) => {
                let n_rests = rows.iter().filter(|row| row.from > 0.0).count();
                let n_again = rows.iter().filter(|row| !row.failures.is_empty()).count();
                let n_recordings = self.recordings.len();
                tracing::debug!(n_windows = rows.len(), n_rests, n_again, n_recordings, "batch.heard");
                self.take_in(rows, heard, done);
            }
            Err(Trouble::Stopped) => self.put_back(rows),
            Err(Trouble::OutOfMemory(error)) if rows.len() > 1 => {
                self.batch_size = (rows.len() / 2).max(1);
                tracing::warn!(%error, n_windows = rows.len(), batch_size = self.batch_size, "batch.halved");
                self.put_back(rows);
            }
            Err(Trouble::Failed(error)) if rows.len() > 1 => {
                tracing::warn!(%error, n_windows = rows.len(), "batch.taken_apart");
                let rest = rows.split_off(rows.len() / 2);
                self.run(rows, more_come, watch, done);
                self.run(rest, more_come, watch, done);
            }
            // The only window, or any one of a batch whose others will be given back.
            Err(Trouble::OutOfMemory(error) | Trouble::Fatal(error) | Trouble::Failed(error)) => {
                if let Some(Row { ticket, .. }) = rows.pop() {
                    self.put_back(rows);
                    self.forget(ticket);
                    done.push((ticket, Err(error)));
                }
            }
        }
    }

    fn try_to_hear(&self, rows: &[Row], at_once: bool, watch: Watch<'_>) -> Result<Heard, Trouble> {
        let tongue = |ticket| self.recordings.get(&ticket).map(|recording| recording.tongue.clone());
        let batch = Batch {
            engine: self.engine,
            model: self.model,
            options: self.options,
            texts: &self.texts,
            rows,
            at_once,
            watch,
        };
        let heard = catch_unwind(AssertUnwindSafe(|| batch.hear(&tongue)));
        match heard {
            Ok(Ok(heard)) => Ok(heard),
            Ok(Err(EngineError::Interrupted { .. })) => Err(Trouble::Stopped),
            Ok(Err(error @ EngineError::Native(NativeError::OutOfMemory { .. }))) => {
                Err(Trouble::OutOfMemory(error))
            }
            Ok(Err(error)) if error.disposition() == Disposition::Fatal => Err(Trouble::Fatal(error)),
            Ok(Err(error)) => Err(Trouble::Failed(error)),
            Err(_) => Err(Trouble::Failed(EngineError::Panicked)),
        }
    }

    fn put_back(&mut self, rows: Vec<Row>) {
        for row in rows.into_iter().rev() {
            if row.failures.is_empty() {
                self.pending.push_front(row);
            } else {
                self.retries.push(row.failures.len(), row);
            }
        }
    }

    fn take_in(&mut self, rows: Vec<Row>, heard: Heard, done: &mut Vec<Done>) {
        for (ticket, tongue) in heard.tongues {
            if tongue.known().is_some() {
                let (decided, others) =
                    std::mem::take(&mut self.undecided).into_iter().partition(|row| row.ticket == ticket);
                self.undecided = others;
                self.put_back(decided);
            }
            if let Some(recording) = self.recordings.get_mut(&ticket) {
                recording.tongue = tongue;
            }
        }
        let mut undecided = Vec::new();
        for (mut row, (guess, outcome)) in rows.into_iter().zip(heard.rows) {
            let ticket = row.ticket;
            row.guess = guess;
            let Some(recording) = self.recordings.get_mut(&ticket) else { continue };
            match outcome {
                Outcome::LanguageUndecided => undecided.push(row),
                Outcome::Asked => recording.close_asked(),
                Outcome::NotGoodEnough(failures) => {
                    row.failures.extend(failures);
                    self.retries.push(row.failures.len(), row);
                }
                Outcome::Silence => recording.close_window(row.index),
                Outcome::Text(part) => {
                    let rest_from = part.text.rest_from;
                    recording.add(row.index, part);
                    match rest_from {
                        None => recording.close_window(row.index),
                        Some(from) => self.pending.push_back(Row {
                            features: rest_of_window(&row.features, from),
                            from: row.from + from,
                            seconds: row.seconds - from,
                            failures: Vec::new(),
                            ..row
                        }),
                    }
                }
            }
            if self.recordings.get(&ticket).is_some_and(OpenRecording::is_done)
                && let Some(recording) = self.recordings.remove(&ticket)
            {
                done.push((ticket, self.transcription(recording)));
            }
        }
        // Of a recording whose language was decided within this batch none is left undecided.
        self.undecided.extend(undecided);
    }

    fn transcription(&self, recording: OpenRecording) -> Result<Transcription, EngineError> {
        let engine = self.engine;
        recording.finish(engine.special(), self.options, |tokens| engine.text_of(tokens))
    }
}
