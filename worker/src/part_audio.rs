//! The audio of a part of a recording: where exactly it begins and ends.
//!
//! A cut is planned at a time and made at the longest silence within half a minute of it. The workers of the part before and of the
//! part after both decode that minute and find the same silence in it, so that nothing between them is heard twice or not at all.

use std::ops::Range;

use steno_shared::recording::RecordingPart;

use crate::decode_audio::{DecodedAudio, Wanted};
use crate::features::SAMPLE_RATE;
use crate::pcm::Pcm;
use crate::speech::{Progress, Speech, SpeechFinder};
use crate::vad::{VadError, WINDOW_SAMPLES};

/// How far from where it is planned a cut may be made.
const SEARCH_SAMPLES: usize = 30 * SAMPLE_RATE;
/// What is kept of a recording's begin, to ask it for the language: the unsplit recording is asked there.
const HEAD_SAMPLES: usize = 300 * SAMPLE_RATE;
/// What is less probable speech than this is silence, as for the default threshold of voice detection.
const SILENCE: f32 = 0.35;

/// Which samples of a recording a part needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Where it is planned to begin; `None` for the recording's begin.
    begin: Option<usize>,
    /// Where it is planned to end; `None` for the recording's end.
    end: Option<usize>,
    /// What of the begin is kept for the language.
    head: usize,
}

/// A part's own samples.
#[derive(Debug)]
pub struct PartAudio {
    /// From cut to cut.
    pub pcm: Pcm,
    /// Where in the recording they begin, in samples.
    pub from: usize,
    /// The recording's begin, if it was wanted for the language.
    pub head: Option<Pcm>,
}

impl Reach {
    /// What a part needs; with the recording's begin if it is to tell the language.
    #[must_use]
    pub fn of(part: RecordingPart, asks_language: bool) -> Self {
        let samples = |seconds: f64| (seconds * SAMPLE_RATE as f64) as usize;
        let begin = (part.index > 0).then(|| samples(part.begin_seconds()));
        Self {
            begin,
            end: part.end_seconds().map(samples),
            head: if asks_language && begin.is_some() { HEAD_SAMPLES } else { 0 },
        }
    }

    /// What the decoder is to give.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted { without: self.without(), until: self.end.map(|end| end + SEARCH_SAMPLES) }
    }

    fn without(&self) -> Range<usize> {
        let from = self.begin.map_or(0, |begin| begin.saturating_sub(SEARCH_SAMPLES));
        self.head..from.max(self.head)
    }

    /// Cuts the part out of what was decoded.
    ///
    /// # Errors
    /// When voice detection fails, or `progress`, which is told the seconds done, asks to stop.
    pub fn cut(
        &self,
        audio: &DecodedAudio,
        finder: &SpeechFinder,
        progress: Progress<'_>,
    ) -> Result<PartAudio, VadError> {
        let from = self.place(self.begin, 0, audio, finder, progress)?;
        let to = self.place(self.end, audio.n_decoded, audio, finder, progress)?;
        let pcm = audio.pcm.joined(std::iter::once(self.kept(from..to.max(from))));
        let head = (self.head > 0).then(|| audio.pcm.joined(std::iter::once(0..self.head.min(from))));
        Ok(PartAudio { pcm, from, head })
    }

    /// Where a planned cut is made, in samples of the recording; `else_at` where none is planned.
    fn place(
        &self,
        planned: Option<usize>,
        else_at: usize,
        audio: &DecodedAudio,
        finder: &SpeechFinder,
        progress: Progress<'_>,
    ) -> Result<usize, VadError> {
        let Some(planned) = planned else { return Ok(else_at) };
        let zone = planned.saturating_sub(SEARCH_SAMPLES)..(planned + SEARCH_SAMPLES).min(audio.n_decoded);
        if zone.start >= zone.end {
            // The recording ends before: it is shorter than its header tells.
            return Ok(audio.n_decoded);
        }
        let probabilities =
            finder.probabilities(&audio.pcm.joined(std::iter::once(self.kept(zone.clone()))), progress)?;
        let window = quietest(&probabilities, (planned - zone.start) / WINDOW_SAMPLES);
        Ok((zone.start + window * WINDOW_SAMPLES).min(zone.end))
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
        let from_seconds = self.from_seconds();
        let Self { pcm, from: _, head } = self;
        let mut speech = finder.find(pcm, progress)?;
        speech.from_seconds = from_seconds;
        if let Some(head) = head.filter(|_| !speech.windows.is_empty()) {
            speech.asked = Some(Box::new(finder.first(head, progress)?));
        }
        Ok(speech)
    }
}

/// The window in the middle of the longest silence; of those that are as long, the one nearest to `planned`. Where nobody is ever silent,
/// the one that is least probably speech.
fn quietest(probabilities: &[f32], planned: usize) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0;
    for run in probabilities.chunk_by(|a, b| (*a < SILENCE) == (*b < SILENCE)) {
        let middle = at + run.len() / 2;
        let is_better = |(length, other): (usize, usize)| {
            run.len() > length || (run.len() == length && middle.abs_diff(planned) < other.abs_diff(planned))
        };
        if run.first().is_some_and(|&first| first < SILENCE) && best.is_none_or(is_better) {
            best = Some((run.len(), middle));
        }
        at += run.len();
    }
    if let Some((_, middle)) = best {
        return middle;
    }
    let least = probabilities
        .iter()
        .enumerate()
        .min_by(|(i, a), (j, b)| a.total_cmp(b).then_with(|| i.abs_diff(planned).cmp(&j.abs_diff(planned))));
    least.map_or(planned, |(window, _)| window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = SAMPLE_RATE;

    fn reach(index: u32, asks_language: bool) -> Reach {
        Reach::of(RecordingPart { index, count: 3, whole_ms: 3_600_000 }, asks_language)
    }

    #[test]
    fn a_part_keeps_itself_what_is_around_it_and_the_begin_if_that_is_asked() {
        assert_eq!(reach(0, true).wanted(), Wanted { without: 0..0, until: Some(1230 * SECOND) });
        assert_eq!(
            reach(1, false).wanted(),
            Wanted { without: 0..1170 * SECOND, until: Some(2430 * SECOND) }
        );
        assert_eq!(
            reach(1, true).wanted(),
            Wanted { without: 300 * SECOND..1170 * SECOND, until: Some(2430 * SECOND) }
        );
        assert_eq!(reach(2, false).wanted(), Wanted { without: 0..2370 * SECOND, until: None });
        let near = Reach::of(RecordingPart { index: 1, count: 3, whole_ms: 900_000 }, true);
        assert_eq!(near.wanted().without, 300 * SECOND..300 * SECOND, "nothing is left out twice");
        assert_eq!(near.kept(280 * SECOND..400 * SECOND), 280 * SECOND..400 * SECOND);
        assert_eq!(reach(1, true).kept(1170 * SECOND..1200 * SECOND), 300 * SECOND..330 * SECOND);
    }

    #[test]
    fn cuts_are_made_in_the_middle_of_the_longest_silence_and_else_where_speech_is_least_probable() {
        let speech = |silences: &[Range<usize>]| -> Vec<f32> {
            (0..100)
                .map(|at| if silences.iter().any(|range| range.contains(&at)) { 0.1 } else { 0.9 })
                .collect()
        };
        assert_eq!(quietest(&speech(&[10..14, 60..70, 80..84]), 50), 65);
        assert_eq!(quietest(&speech(&[10..14, 60..64]), 50), 62, "the nearer one");
        assert_eq!(quietest(&speech(std::slice::from_ref(&(0..4))), 50), 2);
        let mut never = vec![0.9; 100];
        (never[20], never[70]) = (0.5, 0.5);
        assert_eq!(quietest(&never, 50), 70);
        assert_eq!(quietest(&[], 50), 50);
    }

    #[test]
    fn both_neighbours_cut_at_the_same_sample_and_nothing_is_lost_or_doubled() {
        // A tone with pauses stands for speech: whatever the detector makes of it, it must be the same on both sides.
        let n_samples = 700 * SECOND + 4321;
        let recording: Vec<i16> = (0..n_samples)
            .map(|at| if (at / SECOND) % 7 == 3 { 0 } else { ((at * 37 % 200) as i16 - 100) * 90 })
            .collect();
        let finder = SpeechFinder::new(steno_shared::options::TranscribeOptions::default());
        let mut go_on = |_| std::ops::ControlFlow::Continue(());
        let spool = tempfile::tempdir().unwrap();
        // As planned, and where the recording is shorter or longer than its header tells.
        for whole_ms in [700_000, 650_000, 900_000, 2_000_000] {
            let mut joined = Vec::new();
            for index in 0..4 {
                let reach = Reach::of(RecordingPart { index, count: 4, whole_ms }, index % 2 == 1);
                let wanted = reach.wanted();
                let until = wanted.until.unwrap_or(n_samples).min(n_samples);
                let mut writer = crate::pcm::PcmWriter::new(spool.path(), usize::MAX).without(wanted.without);
                let bytes: Vec<u8> =
                    recording[..until].iter().flat_map(|sample| sample.to_le_bytes()).collect();
                writer.push(&bytes).unwrap();
                let audio =
                    DecodedAudio { n_decoded: writer.n_taken(), pcm: writer.finish(), warnings: vec![] };
                let part = reach.cut(&audio, &finder, &mut go_on).unwrap();
                assert_eq!(part.from, joined.len(), "part {index} of {whole_ms}");
                joined.extend(part.pcm.read(0..n_samples).unwrap());
                if let Some(head) = part.head {
                    let n = head.len();
                    assert_eq!(head.read(0..n).unwrap(), recording[..n]);
                }
            }
            assert!(joined == recording, "{whole_ms}");
        }
    }
}
