//! From a transcript to cues, which `SubRip` and `WebVTT` only write differently.
//!
//! Texts, times and breaks are those of openai-whisper's `SubtitlesWriter`. Where that would write a file that readers
//! misread, this does not: blank cues are left out, line breaks within a text are spaces, and a text never holds `-->`.

use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::{Segment, Transcript, Word};

use super::lines::{Placed, arrange};
use super::text::{milliseconds, one_line, strip};

/// A subtitle: from when to when, in milliseconds, and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) text: String,
}

/// The cues of a transcript: a segment each, or laid out word by word where words have times.
pub(super) fn cues(transcript: &Transcript, layout: &SubtitleLayout) -> Vec<Cue> {
    let segments = &transcript.segments;
    let cues = if segments.iter().any(|segment| segment.words.is_some()) {
        let segments: Vec<_> = segments.iter().map(words).collect();
        arrange(&segments, layout)
            .iter()
            .flat_map(|subtitle| {
                if layout.highlight_words {
                    highlighted(subtitle)
                } else {
                    whole(subtitle).into_iter().collect()
                }
            })
            .collect()
    } else {
        segments.iter().map(|segment| cue(segment.start, segment.end, one_line(&segment.text))).collect()
    };
    let cues: Vec<Cue> = cues;
    cues.into_iter()
        .map(|cue| Cue { text: without_arrows(cue.text), ..cue })
        .filter(|cue| !strip(&cue.text).is_empty())
        .collect()
}

fn cue(start: f64, end: f64, text: String) -> Cue {
    let (start_ms, end_ms) = (milliseconds(start), milliseconds(end));
    Cue { start_ms, end_ms: end_ms.max(start_ms), text }
}

/// A segment's words, blank ones left out. A text whose words were not found is one word.
fn words(segment: &Segment) -> Vec<Word> {
    let words: Vec<Word> = segment
        .words
        .iter()
        .flatten()
        .filter(|word| !strip(&word.word).is_empty())
        .map(|word| Word { word: word.word.replace(['\n', '\r'], " "), ..word.clone() })
        .collect();
    let text = one_line(&segment.text);
    if words.is_empty() && !text.is_empty() {
        return vec![Word {
            start: segment.start,
            end: segment.end,
            word: format!(" {text}"),
            probability: 0.0,
        }];
    }
    words
}

/// A subtitle as one cue.
fn whole(subtitle: &[Placed]) -> Option<Cue> {
    let (first, last) = (subtitle.first()?, subtitle.last()?);
    Some(cue(first.start, last.end, subtitle.iter().map(|word| word.text.as_str()).collect()))
}

/// A subtitle as a cue a word, which is underlined, and one a gap between words.
fn highlighted(subtitle: &[Placed]) -> Vec<Cue> {
    let Some(plain) = whole(subtitle) else { return Vec::new() };
    let mut cues = Vec::new();
    let mut until_ms = plain.start_ms;
    for (spoken, word) in subtitle.iter().enumerate() {
        let texts = subtitle
            .iter()
            .enumerate()
            .map(|(index, word)| if index == spoken { underlined(&word.text) } else { word.text.clone() });
        let own = cue(word.start, word.end, texts.collect());
        if until_ms < own.start_ms {
            cues.push(Cue { start_ms: until_ms, end_ms: own.start_ms, text: plain.text.clone() });
        }
        until_ms = own.end_ms;
        cues.push(own);
    }
    cues
}

/// Only the word, not the blank or line break before it.
fn underlined(text: &str) -> String {
    let word = text.trim_start();
    format!("{}<u>{word}</u>", &text[..text.len() - word.len()])
}

/// `-->` would read as a line of times; `--->` would still hold one after one replacement.
fn without_arrows(mut text: String) -> String {
    while text.contains("-->") {
        text = text.replace("-->", "->");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::sample::transcript;

    fn word(start: f64, end: f64, word: &str) -> Word {
        Word { start, end, word: word.into(), probability: 1.0 }
    }

    fn texts(cues: &[Cue]) -> Vec<(u64, u64, &str)> {
        cues.iter().map(|cue| (cue.start_ms, cue.end_ms, cue.text.as_str())).collect()
    }

    #[test]
    fn a_segment_without_words_among_others_keeps_its_text() {
        let mut transcript = transcript(&[(0.0, 1.0, " A b."), (1.0, 2.0, " Lost?"), (2.0, 3.0, " ")]);
        transcript.segments[0].words =
            Some(vec![word(0.2, 0.5, " A"), word(0.5, 0.5, " \n"), word(0.5, 0.9, " b.")]);
        transcript.segments[1].words = Some(Vec::new());
        let cues = cues(&transcript, &SubtitleLayout::default());
        assert_eq!(texts(&cues), [(200, 900, "A b."), (1000, 2000, "Lost?")]);
    }

    #[test]
    fn arrows_and_line_breaks_do_not_reach_a_cue() {
        let plain = transcript(&[(0.0, 1.0, " a --->\r\n\r\nb ")]);
        assert_eq!(texts(&cues(&plain, &SubtitleLayout::default())), [(0, 1000, "a ->    b")]);
        let mut words = plain;
        words.segments[0].words = Some(vec![word(0.0, 0.5, " a\n--"), word(0.5, 1.0, ">")]);
        assert_eq!(texts(&cues(&words, &SubtitleLayout::default())), [(0, 1000, "a ->")]);
    }

    #[test]
    fn words_that_overlap_give_no_cue_that_ends_before_it_begins() {
        let mut overlap = transcript(&[(0.0, 2.0, " a b c")]);
        overlap.segments[0].words =
            Some(vec![word(0.0, 1.0, " a"), word(0.5, 0.4, " b"), word(1.5, 2.0, " c")]);
        let layout = SubtitleLayout { highlight_words: true, ..SubtitleLayout::default() };
        let expected = [
            (0, 1000, "<u>a</u> b c"),
            (500, 500, "a <u>b</u> c"),
            (500, 1500, "a b c"),
            (1500, 2000, "a b <u>c</u>"),
        ];
        assert_eq!(texts(&cues(&overlap, &layout)), expected);
    }
}
