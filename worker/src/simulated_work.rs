//! The simulated engine: takes its time over a recording and writes words that follow from its bytes.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use steno_shared::leases::Phase;
use steno_shared::recording::Recording;
use steno_shared::simulated::{Content, Fault, SEGMENT_SECONDS, WARNING, segments};
use steno_shared::transcript::Segment;

use crate::assemble::Transcription;
use crate::control::{Control, Order};
use crate::engine::EngineDescription;
use crate::generate::Busy;
use crate::outcome::{Finished, Gone, Outbox};
use crate::prepare::{Prepared, Work};
use crate::slot::Slot;
use crate::stage_error::StageError;

/// How often an engine that takes long looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What runs where, for logs and transcripts.
#[must_use]
pub fn description() -> EngineDescription {
    EngineDescription {
        engine: format!("steno {}, simulated", env!("CARGO_PKG_VERSION")),
        device: "cpu",
        compute_type: "none",
        cuda_failure: None,
    }
}

/// Reads what a recording is to the engine.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<Content, StageError> {
    File::open(path)
        .and_then(Content::read)
        .map_err(|error| StageError::Retry(format!("failed to read {}: {error}", path.display())))
}

/// Works until the slot is closed. `speed` is in seconds of audio a second.
pub fn work(speed: f64, busy: &Busy, slot: &Slot<Prepared>, control: &Control, outbox: &mut Outbox<'_>) {
    while let Some(prepared) = slot.take_blocking() {
        if let Err(Gone) = transcribe(speed, busy, prepared, control, outbox) {
            return;
        }
    }
}

fn transcribe(
    speed: f64,
    busy: &Busy,
    Prepared { item, work }: Prepared,
    control: &Control,
    outbox: &mut Outbox<'_>,
) -> Result<(), Gone> {
    item.enter(Phase::Transcribing);
    let content = match work {
        Work::AlreadyPublished(transcript) => {
            return outbox.give(item, Ok(Finished::AlreadyPublished(transcript)));
        }
        Work::Simulate(content) => content,
        Work::Transcribe { .. } | Work::Hear { .. } => return outbox.not_prepared(item),
    };
    let stretch = Stretch::of(&item.lease.recording, &content);
    let seconds = stretch.seconds();
    let moves = || {
        item.advance();
        if control.order() == Order::Stop || item.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let fault = stretch.fault(&content);
    // It comes in the middle.
    let until = if fault.is_some() { seconds / 2.0 } else { seconds };
    let worked = busy.time(|| {
        let began = Instant::now();
        for segment in 0..segments(until) {
            let start = segment as f64 * SEGMENT_SECONDS;
            let position = (start + SEGMENT_SECONDS).min(until);
            busy.begin_on(Some(position - start));
            wait_until(began, position / speed, &moves)?;
            busy.has_passed();
            item.advance_audio(position);
            // Each by itself: of a process that is killed all is known but its last segment.
            let seconds = position - start;
            tracing::debug!(name = ?item.lease.recording.name, seconds, "simulated.worked");
        }
        match fault {
            // As a native call does that never comes back: it hears of nothing.
            Some(Fault::Hang) => loop {
                std::thread::park();
            },
            Some(Fault::Abort) => std::process::abort(),
            Some(Fault::Poison | Fault::Retry) | None => ControlFlow::Continue(()),
        }
    });
    if worked.is_break() {
        return outbox.give(item, Err(StageError::Interrupted));
    }
    let rehearsed = "the recording rehearses this fault".to_owned();
    match fault {
        Some(Fault::Poison) => outbox.give(item, Err(StageError::Poison(rehearsed))),
        Some(Fault::Retry) => outbox.give(item, Err(StageError::Retry(rehearsed))),
        Some(Fault::Abort | Fault::Hang) | None => {
            let transcription = transcription(&content, stretch, outbox);
            outbox.transcribed(item, transcription, vec![WARNING.to_owned()])
        }
    }
}

/// Sleeps until so many seconds after `began`, however far away that is, unless told to stop.
fn wait_until(began: Instant, seconds: f64, moves: &dyn Fn() -> ControlFlow<()>) -> ControlFlow<()> {
    loop {
        moves()?;
        let left = seconds - began.elapsed().as_secs_f64();
        if left <= 0.0 {
            return ControlFlow::Continue(());
        }
        std::thread::sleep(Duration::try_from_secs_f64(left).unwrap_or(LOOK).min(LOOK));
    }
}

/// What of a recording is worked on, in seconds: all of it, or a part, cut where a segment ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    from: f64,
    to: f64,
    /// Length of the whole recording.
    whole: f64,
}

impl Stretch {
    /// Of a recording, as long as its content says, if it does.
    #[must_use]
    pub fn of(recording: &Recording, content: &Content) -> Self {
        let Some(part) = recording.part else {
            let whole = content.seconds.unwrap_or(recording.seconds).max(0.0);
            return Self { from: 0.0, to: whole, whole };
        };
        let whole = content.seconds.unwrap_or(part.whole_seconds()).max(0.0);
        let cut = |planned: f64| ((planned / SEGMENT_SECONDS).round() * SEGMENT_SECONDS).min(whole);
        Self { from: cut(part.begin_seconds()), to: part.end_seconds().map_or(whole, cut), whole }
    }

    /// Its length.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.to - self.from
    }

    /// The fault that it meets: where there is one, it is in the recording's middle.
    fn fault(self, content: &Content) -> Option<Fault> {
        let middle = self.whole / 2.0;
        content.fault.filter(|_| self.from <= middle && (middle < self.to || self.to >= self.whole))
    }
}

fn transcription(content: &Content, stretch: Stretch, outbox: &Outbox<'_>) -> Transcription {
    let language = outbox.config.meta.options.language.clone();
    let segment = |index: u64| {
        let start = index as f64 * SEGMENT_SECONDS;
        Segment {
            start,
            end: (start + SEGMENT_SECONDS).min(stretch.to),
            text: content.text(index),
            avg_logprob: 0.0,
            no_speech_prob: 0.0,
            compression_ratio: 1.0,
            temperature: 0.0,
            words: None,
        }
    };
    Transcription {
        language: language.unwrap_or_else(|| "en".to_owned()),
        language_probability: 1.0,
        duration: stretch.seconds(),
        duration_after_vad: None,
        segments: (segments(stretch.from)..segments(stretch.to)).map(segment).collect(),
    }
}
