//! A recording in the engine's hands: which of its windows are done, and its segments in the end.

use steno_shared::options::TranscribeOptions;
use steno_shared::transcript::Segment;

use super::window_text::SECONDS_PER_TIMESTAMP;
use super::{Tongue, WindowText};
use crate::assemble::{self, Transcription};
use crate::features::SAMPLE_RATE;
use crate::tokenizer::{SpecialTokens, trim_white_space};
use crate::transcribe::Attempt;
use crate::vad::{Chunk, TimeMap};
use crate::words::{AlignedWord, DraftSegment, Punctuation, place_words};

/// A recording of which windows are under way.
#[derive(Debug)]
pub struct OpenRecording {
    /// What is known of its language.
    pub tongue: Tongue,
    duration: f64,
    windows: Vec<OpenWindow>,
    n_left: usize,
    speech_left: f64,
    speech: f64,
    /// Windows from before it that are only asked for the language, and how many of them are not yet.
    n_asked: usize,
    asked_left: usize,
    /// Where in the whole recording it begins, in samples: a later part of one does so after its begin.
    from: usize,
    /// The windows with which a piece begins.
    piece_begins: Vec<usize>,
}

/// The text of a window, or of the rest of one.
#[derive(Debug)]
pub struct Part {
    /// Where in the window it begins, in seconds.
    pub from: f64,
    /// Its segments; times in seconds from there on.
    pub text: WindowText,
    /// Its words, if they are aligned; times likewise.
    pub words: Vec<AlignedWord>,
    /// How it was made.
    pub attempt: Attempt,
}

#[derive(Debug)]
struct OpenWindow {
    chunk: Chunk,
    parts: Vec<Part>,
}

impl OpenRecording {
    /// A recording of `duration` seconds with its windows of speech.
    #[must_use]
    pub fn new(duration: f64, windows: &[Chunk], tongue: Tongue) -> Self {
        let speech = windows.iter().map(Chunk::duration_seconds).sum();
        Self {
            tongue,
            duration,
            n_left: windows.len(),
            windows: windows
                .iter()
                .map(|chunk| OpenWindow { chunk: chunk.clone(), parts: Vec::new() })
                .collect(),
            speech_left: speech,
            speech,
            n_asked: 0,
            asked_left: 0,
            from: 0,
            piece_begins: Vec::new(),
        }
    }

    /// The same, after so many windows from before it that are only asked for the language.
    #[must_use]
    pub fn after_asking(self, n_asked: usize) -> Self {
        Self { n_asked, asked_left: n_asked, ..self }
    }

    /// The same, of a part that begins so many samples after the recording does.
    #[must_use]
    pub fn from(self, from: usize) -> Self {
        Self { from, ..self }
    }

    /// The same, of which pieces begin with these windows: what is before a piece has no bearing on it, as it has none when
    /// the piece is a part by itself.
    #[must_use]
    pub fn in_pieces(self, piece_begins: Vec<usize>) -> Self {
        Self { piece_begins, ..self }
    }

    /// How many windows are only asked for the language.
    #[must_use]
    pub fn n_asked(&self) -> usize {
        self.n_asked
    }

    /// Whether its first window is the recording's first.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.from == 0
    }

    /// Notes that one of the windows was asked that are only asked.
    pub fn close_asked(&mut self) {
        self.asked_left = self.asked_left.saturating_sub(1);
    }

    /// How long a window is, in seconds.
    #[must_use]
    pub fn window_seconds(&self, index: usize) -> f64 {
        self.windows.get(index).map_or(0.0, |window| window.chunk.duration_seconds())
    }

    /// Takes the text of a window, or of the rest of one.
    pub fn add(&mut self, index: usize, part: Part) {
        if let Some(window) = self.windows.get_mut(index) {
            window.parts.push(part);
        }
    }

    /// Notes that nothing more comes from a window.
    pub fn close_window(&mut self, index: usize) {
        self.n_left = self.n_left.saturating_sub(1);
        self.speech_left -= self.window_seconds(index);
    }

    /// Whether all windows are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.n_left == 0 && self.asked_left == 0
    }

    /// How far it is, in seconds of the recording: windows may be done in any order, so it is the share of the speech.
    #[must_use]
    pub fn position_seconds(&self) -> f64 {
        if self.speech > 0.0 { self.duration * (1.0 - self.speech_left / self.speech) } else { self.duration }
    }

    /// The transcription: all windows' segments in their order, at their times in the whole recording and never beyond
    /// its end. Words are placed only here, since where a window's first word begins depends on where the window before
    /// ends. Segments without text or length are left out.
    ///
    /// # Errors
    /// Those of `decode`, which gives the text of tokens.
    pub fn finish<E>(
        self,
        special: &SpecialTokens,
        options: &TranscribeOptions,
        mut decode: impl FnMut(&[u32]) -> Result<String, E>,
    ) -> Result<Transcription, E> {
        let (language, language_probability) = match self.tongue.known() {
            Some(guess) => (guess.language.clone(), guess.probability),
            None => (super::UNHEARD.to_owned(), 0.0),
        };
        let mut segments = Vec::new();
        let padding = f64::from(options.vad_parameters.speech_pad_ms) / 1000.0;
        // Seconds of the piece's speech before the window, and where in that time speech last ended.
        let (mut before, mut last_speech) = (0.0, 0.0);
        let begin = self.from as f64 / SAMPLE_RATE as f64;
        for (index, OpenWindow { chunk, parts }) in self.windows.into_iter().enumerate() {
            if self.piece_begins.contains(&index) {
                (before, last_speech) = (0.0, 0.0);
            }
            let chunk = chunk.later(self.from);
            let times = TimeMap::new(&chunk.spans);
            let seams = seams(&chunk);
            for Part { from, text, words, attempt } in parts {
                let mut drafts = text.segments;
                let is_empty: Vec<bool> = drafts.iter().map(|draft| draft.start >= draft.end).collect();
                if options.aligns_words() {
                    let offset = before + from;
                    let punctuation = Punctuation::of(options);
                    let local =
                        place_words(&mut drafts, words, punctuation, special.eot, last_speech - offset);
                    last_speech = offset + local;
                }
                for (draft, _) in drafts.into_iter().zip(is_empty).filter(|(_, is_empty)| !is_empty) {
                    let text = decode(&draft.tokens)?;
                    if !trim_white_space(&text).is_empty() {
                        let draft = off_seams(later(draft, from), &seams, padding);
                        let end = begin + self.duration;
                        let draft = within(assemble::restored(draft, &times), begin, end);
                        let draft = if options.word_timestamps { draft } else { lasting(draft, begin, end) };
                        segments.push(assemble::segment(draft, text, &attempt, options.word_timestamps));
                    }
                }
            }
            before += chunk.duration_seconds();
        }
        Ok(Transcription {
            language,
            language_probability,
            duration: self.duration,
            duration_after_vad: options.leaves_silence_out().then_some(self.speech),
            segments: in_order(segments),
        })
    }
}

/// A segment whose times were counted from `seconds` on.
fn later(mut draft: DraftSegment, seconds: f64) -> DraftSegment {
    draft.start += seconds;
    draft.end += seconds;
    for word in &mut draft.words {
        word.start += seconds;
        word.end += seconds;
    }
    draft
}

/// Where silence was left out of a window, in seconds from its start. Spans that touch have no seam: nothing is missing there.
fn seams(chunk: &Chunk) -> Vec<f64> {
    let mut n_samples = 0;
    let mut seams = Vec::new();
    for pair in chunk.spans.windows(2) {
        n_samples += pair[0].n_samples();
        if pair[0].end < pair[1].start {
            seams.push(n_samples as f64 / SAMPLE_RATE as f64);
        }
    }
    seams
}

/// A segment that reaches over a seam by no more than the padding of speech, which is silence, moved to the seam.
///
/// Otherwise a segment that begins a tenth of a second too early would begin before all of the silence that was left out
/// there. The times of words are not moved, and a segment with words begins and ends with them in the end.
fn off_seams(mut draft: DraftSegment, seams: &[f64], padding: f64) -> DraftSegment {
    // Half a sample, so that the seam's own time is surely that of the span behind it.
    let behind = 0.5 / SAMPLE_RATE as f64;
    for &seam in seams {
        if draft.start < seam && draft.start >= seam - padding && draft.end > seam + padding {
            draft.start = seam + behind;
        }
    }
    for &seam in seams.iter().rev() {
        if draft.end > seam && draft.end <= seam + padding && draft.start < seam - padding {
            draft.end = seam;
        }
    }
    draft
}

/// A segment that does not reach beyond what there is of the recording, nor end before its start.
fn within(mut draft: DraftSegment, begin: f64, end: f64) -> DraftSegment {
    for word in &mut draft.words {
        word.start = word.start.clamp(begin, end);
        word.end = word.end.clamp(word.start, end);
    }
    draft.start = draft.start.clamp(begin, end);
    draft.end = draft.end.clamp(draft.start, end);
    draft
}

/// A segment that lasts for a moment, where the alignment of its words gave it none.
fn lasting(mut draft: DraftSegment, begin: f64, end: f64) -> DraftSegment {
    if draft.end <= draft.start {
        draft.end = (draft.start + SECONDS_PER_TIMESTAMP).min(end);
        draft.start = draft.start.min(draft.end - SECONDS_PER_TIMESTAMP).max(begin);
    }
    draft
}

/// Windows are in the recording's order, and so are their segments, but for those that share a window's end.
fn in_order(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    segments
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::vad::Span;

    fn span(start: f64, end: f64) -> Span {
        Span { start: (start * 16_000.0) as usize, end: (end * 16_000.0) as usize }
    }

    fn special() -> SpecialTokens {
        SpecialTokens {
            eot: 1000,
            sot: 1001,
            sot_prev: 1002,
            no_speech: 1003,
            no_timestamps: 1999,
            timestamp_begin: 2000,
            sot_lm: None,
            transcribe: None,
            translate: None,
        }
    }

    fn part(from: f64, cuts: &[(f64, f64)]) -> Part {
        let draft =
            |&(start, end): &(f64, f64)| DraftSegment { seek: 0, start, end, tokens: vec![1], words: vec![] };
        Part {
            from,
            text: WindowText { segments: cuts.iter().map(draft).collect(), rest_from: None },
            words: Vec::new(),
            attempt: Attempt {
                tokens: vec![],
                avg_logprob: -0.2,
                compression_ratio: 1.0,
                no_speech_prob: 0.0,
                temperature: 0.0,
            },
        }
    }

    fn word(word: &str, start: f64, end: f64) -> AlignedWord {
        AlignedWord { word: word.into(), tokens: vec![1], start, end, probability: 0.9 }
    }

    fn recording() -> OpenRecording {
        let windows = [
            Chunk { spans: vec![span(1.0, 3.0), span(10.0, 14.0)] },
            Chunk { spans: vec![span(50.0, 52.005)] },
        ];
        OpenRecording::new(52.0, &windows, Tongue::given("en"))
    }

    fn finish(recording: OpenRecording, words: bool, text: &str) -> Vec<Segment> {
        let options = TranscribeOptions { word_timestamps: words, ..TranscribeOptions::default() };
        let Ok(done) = recording.finish(&special(), &options, |_| Ok::<_, Infallible>(text.to_owned()));
        done.segments
    }

    #[test]
    fn segments_come_in_the_recording_s_order_and_time_whatever_is_done_first() {
        let mut recording = recording();
        recording.add(1, part(0.0, &[(0.5, 2.005)]));
        recording.close_window(1);
        assert!(!recording.is_done());
        recording.add(0, part(0.0, &[(0.0, 2.0), (2.0, 3.0)]));
        recording.add(0, part(3.0, &[(0.0, 3.0)]));
        recording.close_window(0);
        assert!(recording.is_done());
        let times: Vec<_> = finish(recording, false, " a").iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(times, [(1.0, 3.0), (10.0, 11.0), (11.0, 14.0), (50.5, 52.0)], "and not beyond its end");
    }

    #[test]
    fn a_segment_that_just_reaches_over_a_seam_does_not_span_the_silence_there() {
        let cases = [
            // The first span ends at 2 s of the speech and 3 s of the recording; the second begins at 10 s.
            ((1.7, 4.0), (10.0, 12.0)),
            ((0.5, 2.3), (1.5, 3.0)),
            ((1.0, 3.0), (2.0, 11.0)),
            ((1.8, 2.2), (2.8, 10.2)),
            ((2.0, 2.3), (10.0, 10.3)),
        ];
        for (cut, expected) in cases {
            let mut recording = recording();
            recording.add(0, part(0.0, &[cut]));
            let segments = finish(recording, false, " a");
            assert_eq!((segments[0].start, segments[0].end), expected, "{cut:?}");
        }
    }

    #[test]
    fn words_are_placed_in_the_recording_s_order_and_time() {
        let mut recording = recording();
        let second = Part { words: vec![word(" c", 0.6, 1.0)], ..part(0.0, &[(0.5, 2.005)]) };
        let first = Part {
            words: vec![word(" a", 0.2, 0.8), word(" b", 2.2, 2.6)],
            ..part(0.0, &[(0.0, 1.0), (2.0, 3.0)])
        };
        let rest = Part { words: vec![word(" d", 0.5, 1.0)], ..part(3.0, &[(0.0, 2.0)]) };
        for (index, part) in [(1, second), (0, first), (0, rest)] {
            recording.add(index, part);
        }
        let segments = finish(recording, true, " x");
        let words: Vec<_> = segments
            .iter()
            .flat_map(|segment| segment.words.iter().flatten())
            .map(|word| (word.word.as_str(), word.start, word.end))
            .collect();
        assert_eq!(words, [(" a", 1.2, 1.8), (" b", 10.2, 10.6), (" d", 11.5, 12.0), (" c", 50.6, 51.0)]);
        assert_eq!((segments[0].start, segments[0].end), (1.2, 1.8), "a segment is its words");
    }

    /// The first word of a window is shortened if it seems to be long after speech last ended, but not by what was in another piece.
    #[test]
    fn words_of_a_piece_are_placed_as_if_it_were_alone() {
        let spans = [span(0.0, 20.0), span(20.0, 40.0)];
        let windows = spans.map(|span| Chunk { spans: vec![span] });
        let words = |recording: OpenRecording| -> Vec<(f64, f64)> {
            let words = finish(recording, true, " x").into_iter().flat_map(|segment| segment.words);
            words.flatten().map(|word| (word.start, word.end)).collect()
        };
        let said = || {
            let mut said = part(0.0, &[(0.0, 1.4)]);
            said.text.segments[0].tokens = vec![1; 4];
            let words = [(" a", 0.0, 0.7), (" b", 0.7, 0.9), (" c", 0.9, 1.1), (" d", 1.1, 1.3)];
            Part { words: words.map(|(text, start, end)| word(text, start, end)).into(), ..said }
        };
        let heard = |recording: OpenRecording| {
            let mut recording = recording;
            recording.add(0, Part { words: vec![word(" z", 0.0, 0.2)], ..part(0.0, &[(0.0, 0.2)]) });
            recording.add(1, said());
            words(recording)
        };
        let whole = || OpenRecording::new(40.0, &windows, Tongue::given("en"));
        let mut alone = OpenRecording::new(20.0, &windows[..1], Tongue::given("en"));
        alone.add(0, said());
        let alone: Vec<_> = words(alone).iter().map(|(start, end)| (start + 20.0, end + 20.0)).collect();
        assert_eq!(heard(whole().in_pieces(vec![0, 1]))[1..], alone);
        assert_ne!(heard(whole())[1..], alone, "in one piece the pause before the first word counts");
    }

    #[test]
    fn it_moves_with_its_speech() {
        let mut recording = recording();
        assert!(recording.position_seconds().abs() < 1e-9);
        recording.close_window(0);
        assert!((recording.position_seconds() - 52.0 * 6.0 / 8.005).abs() < 1e-9);
        recording.close_window(1);
        assert!((recording.position_seconds() - 52.0).abs() < 1e-9);
        assert!((OpenRecording::new(7.0, &[], Tongue::given("en")).position_seconds() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn where_no_silence_was_left_out_no_time_is_moved() {
        let touching = Chunk { spans: vec![span(1.0, 4.0), span(4.0, 8.0)] };
        let mut recording = OpenRecording::new(9.0, &[touching], Tongue::given("en"));
        recording.add(0, part(0.0, &[(2.75, 6.0)]));
        let segments = finish(recording, false, " a");
        assert_eq!((segments[0].start, segments[0].end), (3.75, 7.0));
    }

    #[test]
    fn blank_and_empty_segments_leave_no_trace() {
        let mut recording = recording();
        recording.add(0, part(0.0, &[(1.0, 1.0)]));
        assert_eq!(finish(recording, false, " a"), []);
        let mut recording = self::recording();
        recording.add(0, part(0.0, &[(0.0, 1.0)]));
        assert_eq!(finish(recording, false, " "), []);
    }
}
