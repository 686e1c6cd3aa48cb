//! The audio of a recording, or of a part of one: where exactly it begins and ends, and where the pieces in it begin.
//!
//! A cut is planned at a time and made at the longest silence within half a minute of it. The workers of the part before and of the
//! part after both decode that minute and find the same silence in it, so that nothing between them is heard twice or not at all. So does
//! the worker of a part, or of a whole recording, that goes on beyond it: what it hears begins anew there as well.

use std::ops::Range;

use steno_shared::pieces::{CUT_SEARCH_SECONDS, PIECE_SECONDS};
use steno_shared::recording::RecordingPart;

use crate::decode_audio::{DecodedAudio, Wanted};
use crate::features::SAMPLE_RATE;
use crate::pcm::Pcm;
use crate::silence::quietest;
use crate::speech::{Progress, Speech, SpeechFinder};
use crate::vad::{VadError, WINDOW_SAMPLES};

/// How far from where it is planned a cut may be made.
const SEARCH_SAMPLES: usize = CUT_SEARCH_SECONDS as usize * SAMPLE_RATE;
/// From one planned cut to the next.
const PIECE_SAMPLES: usize = PIECE_SECONDS as usize * SAMPLE_RATE;
/// What is kept of a recording's begin, to ask it for the language: the unsplit recording is asked there.
const HEAD_SAMPLES: usize = 300 * SAMPLE_RATE;

/// Which samples of a recording are needed for it or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Where it is planned to begin; `None` for the recording's begin.
    begin: Option<usize>,
    /// Where it is planned to end; `None` for the recording's end.
    end: Option<usize>,
    /// What of the begin is kept for the language.
    head: usize,
    /// Whether it is put together of pieces.
    is_of_pieces: bool,
}

/// The own samples of a recording or a part of one.
#[derive(Debug)]
pub struct PartAudio {
    /// From cut to cut.
    pub pcm: Pcm,
    /// Where in the recording they begin, in samples.
    pub from: usize,
    /// The pieces that they are heard in, in order; none where a recording is not heard in pieces.
    pub pieces: Vec<Piece>,
    /// The recording's begin, if it was wanted for the language.
    pub head: Option<Pcm>,
}

/// A stretch of audio that is heard by itself.
#[derive(Debug)]
pub struct Piece {
    /// Its samples.
    pub samples: Range<usize>,
    /// How probably somebody speaks, 0 to 1, in each [`WINDOW_SAMPLES`] of them.
    pub probabilities: Vec<f32>,
}

/// How decoded samples are gone through.
#[derive(Debug)]
struct Course {
    /// Where it begins, if not with a cut.
    begin: Option<usize>,
    /// Where it ends, if not with a cut.
    end: Option<usize>,
    /// What voice detection hears, each by itself.
    stretches: Vec<Stretch>,
}

/// Samples that voice detection hears by themselves.
#[derive(Debug)]
struct Stretch {
    samples: Range<usize>,
    /// In how many windows from their begin a cut is looked for.
    n_zone: usize,
}

impl Reach {
    /// What a part needs, or a whole recording; with the recording's begin if it is to tell the language of a later part.
    #[must_use]
    pub fn of(part: Option<RecordingPart>, asks_language: bool) -> Self {
        let Some(part) = part else { return Self { begin: None, end: None, head: 0, is_of_pieces: true } };
        let samples = |seconds: f64| (seconds * SAMPLE_RATE as f64) as usize;
        let begin = (part.index > 0).then(|| samples(part.begin_seconds()));
        Self {
            begin,
            end: part.end_seconds().map(samples),
            head: if asks_language && begin.is_some() { HEAD_SAMPLES } else { 0 },
            is_of_pieces: part.is_of_pieces(),
        }
    }

    /// What the decoder is to give.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted { without: self.without(), until: self.end.map(|end| end + SEARCH_SAMPLES) }
    }

    fn without(&self) -> Range<usize> {
        let from = self.begin.map_or(0, |begin| zone(begin).start);
        self.head..from.max(self.head)
    }

    /// Cuts it out of what was decoded, and finds out how probably somebody speaks where that decides what is heard.
    ///
    /// # Errors
    /// When voice detection fails, or `progress`, which is told the seconds done, asks to stop.
    pub fn cut(
        &self,
        audio: &DecodedAudio,
        finder: &SpeechFinder,
        progress: Progress<'_>,
    ) -> Result<PartAudio, VadError> {
        let n_decoded = audio.n_decoded;
        let Some(course) = self.course(n_decoded, finder.hears_pieces()) else {
            return Ok(PartAudio {
                pcm: audio.pcm.joined(std::iter::empty()),
                from: n_decoded,
                pieces: vec![],
                head: None,
            });
        };
        // Voice detection begins anew with each stretch, so that whoever decodes from there finds the same cut and the same speech.
        let (mut heard, mut cuts) = (Vec::new(), Vec::new());
        for stretch in &course.stretches {
            let kept = audio.pcm.joined(std::iter::once(self.kept(stretch.samples.clone())));
            let mut probabilities = finder.probabilities(&kept, &mut *progress)?;
            if stretch.samples.end < n_decoded {
                // One more is given for what lies behind the end; here the recording goes on.
                probabilities.truncate(kept.len() / WINDOW_SAMPLES);
            }
            if stretch.n_zone > 0 {
                let zone = &probabilities[..stretch.n_zone.min(probabilities.len())];
                cuts.push(stretch.samples.start + quietest(zone) * WINDOW_SAMPLES);
            }
            heard.extend(probabilities);
        }
        let bounds: Vec<usize> = course.begin.into_iter().chain(cuts).chain(course.end).collect();
        let (from, to) = (bounds[0], bounds[bounds.len() - 1]);
        let heard_from = course.stretches.first().map_or(from, |first| first.samples.start);
        let window = |at: usize| match at == n_decoded {
            true => heard.len(),
            false => (at - heard_from) / WINDOW_SAMPLES,
        };
        let piece = |pair: &[usize]| Piece {
            samples: pair[0] - from..pair[1] - from,
            probabilities: heard.get(window(pair[0])..window(pair[1])).unwrap_or_default().to_vec(),
        };
        Ok(PartAudio {
            pcm: audio.pcm.joined(std::iter::once(self.kept(from..to))),
            from,
            pieces: if finder.hears_pieces() { bounds.windows(2).map(piece).collect() } else { vec![] },
            head: (self.head > 0).then(|| audio.pcm.joined(std::iter::once(0..self.head.min(from)))),
        })
    }

    /// How so many decoded samples are gone through; `None` where the recording ends before the part begins.
    fn course(&self, n_decoded: usize, in_pieces: bool) -> Option<Course> {
        // Else the recording ends before, or so soon after that a cut is no use.
        let is_made = |planned: &usize| planned + SEARCH_SAMPLES <= n_decoded;
        if !self.begin.iter().all(is_made) {
            return None;
        }
        let end = self.end.filter(is_made);
        let begin = self.begin.is_none().then_some(0);
        let between = self.between(n_decoded).filter(|planned| in_pieces && is_made(planned));
        let zones = self.begin.into_iter().chain(between).chain(end).map(zone);
        let mut stretches: Vec<Stretch> =
            begin.into_iter().map(|at| Stretch { samples: at..at, n_zone: 0 }).collect();
        for zone in zones {
            if let Some(before) = stretches.last_mut().filter(|_| in_pieces) {
                before.samples.end = zone.start;
            }
            stretches.push(Stretch { n_zone: zone.len() / WINDOW_SAMPLES, samples: zone });
        }
        if let Some(last) = stretches.last_mut().filter(|_| in_pieces && end.is_none()) {
            last.samples.end = n_decoded;
        }
        // Of what is heard otherwise only the cuts are looked for.
        stretches.retain(|stretch| in_pieces || stretch.n_zone > 0);
        Some(Course { begin, end: end.is_none().then_some(n_decoded), stretches })
    }

    /// Where cuts are planned within it, of so many decoded samples.
    fn between(&self, n_decoded: usize) -> impl Iterator<Item = usize> {
        let first = (self.begin.unwrap_or(0) / PIECE_SAMPLES + 1) * PIECE_SAMPLES;
        let end = if self.is_of_pieces { self.end.unwrap_or(n_decoded).min(n_decoded) } else { 0 };
        (first..end).step_by(PIECE_SAMPLES)
    }

    /// The range in what is kept of a range of the recording that is kept.
    fn kept(&self, range: Range<usize>) -> Range<usize> {
        let without = self.without();
        let place = |sample: usize| match sample < without.end {
            true => sample.min(without.start),
            false => sample - without.len(),
        };
        place(range.start)..place(range.end)
    }
}

impl PartAudio {
    /// Where in the recording it begins, in seconds.
    #[must_use]
    pub fn from_seconds(&self) -> f64 {
        self.from as f64 / SAMPLE_RATE as f64
    }

    /// Finds the speech in it, and in the recording's begin as much as is asked for the language.
    ///
    /// # Errors
    /// As [`SpeechFinder::find`].
    pub fn speech(self, finder: &SpeechFinder, progress: Progress<'_>) -> Result<Speech, VadError> {
        let Self { pcm, from, pieces, head } = self;
        let mut speech = if pieces.is_empty() {
            finder.find(pcm, progress)?
        } else {
            let (mut windows, mut piece_begins) = (Vec::new(), Vec::new());
            for piece in pieces {
                piece_begins.push(windows.len());
                let found = finder.group(&piece.probabilities, piece.samples.len());
                windows.extend(found.into_iter().map(|window| window.later(piece.samples.start)));
            }
            Speech { piece_begins, ..Speech::new(pcm, windows) }
        };
        speech.from = from;
        if let Some(head) = head.filter(|_| !speech.windows.is_empty()) {
            speech.asked = Some(Box::new(finder.first(head, progress)?));
        }
        Ok(speech)
    }
}

/// Where a cut may be made that is planned at a sample: whole windows of voice detection, counted from the recording's begin.
fn zone(planned: usize) -> Range<usize> {
    let windows = |samples: usize| samples / WINDOW_SAMPLES * WINDOW_SAMPLES;
    windows(planned.saturating_sub(SEARCH_SAMPLES))..windows(planned + SEARCH_SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = SAMPLE_RATE;

    fn reach(index: u32, asks_language: bool) -> Reach {
        Reach::of(Some(RecordingPart { index, count: 3, whole_ms: 3_600_000 }), asks_language)
    }

    #[test]
    fn a_part_keeps_itself_what_is_around_it_and_the_begin_if_that_is_asked() {
        // Windows of voice detection are counted from the recording's begin: 1,170 s falls into one.
        let (begin, later) = (36_562 * WINDOW_SAMPLES, 74_062 * WINDOW_SAMPLES);
        assert!(
            begin.abs_diff(1170 * SECOND) < WINDOW_SAMPLES && later.abs_diff(2370 * SECOND) < WINDOW_SAMPLES
        );
        for (reach, without, until) in [
            (reach(0, true), 0..0, Some(1230 * SECOND)),
            (reach(1, false), 0..begin, Some(2430 * SECOND)),
            (reach(1, true), 300 * SECOND..begin, Some(2430 * SECOND)),
            (reach(2, false), 0..later, None),
        ] {
            assert_eq!(reach.wanted(), Wanted { without, until });
        }
        let near = Reach::of(Some(RecordingPart { index: 1, count: 3, whole_ms: 900_000 }), true);
        assert_eq!(near.wanted().without, 300 * SECOND..300 * SECOND, "nothing is left out twice");
        assert_eq!(near.kept(280 * SECOND..400 * SECOND), 280 * SECOND..400 * SECOND);
        assert_eq!(reach(1, true).kept(begin..begin + 5), 300 * SECOND..300 * SECOND + 5);
    }
}
