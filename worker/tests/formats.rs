//! The formats beside JSON: equal to what openai-whisper's writers make of a real transcript, and readable whatever the
//! text holds.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde::Deserialize;
use steno_shared::fingerprint::Fingerprint;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::{
    Format, Provenance, PublishedHead, SCHEMA_VERSION, Segment, Transcript, Word,
};
use steno_worker::formats::render;

fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript {
        filename: "a.mp3".into(),
        language: "en".into(),
        language_probability: 1.0,
        segments,
        schema_version: SCHEMA_VERSION,
        duration: 10.0,
        duration_after_vad: None,
        warnings: Vec::new(),
        provenance: Provenance {
            fingerprint: Fingerprint::new("e", 1, "m", "o"),
            audio_etag: "e".into(),
            audio_bytes: 1,
            model: "tiny.en".into(),
            model_hash: "m".into(),
            options_hash: "o".into(),
            engine: "test".into(),
            device: "cpu".into(),
            attempt: 1,
        },
    }
}

fn segment(start: f64, end: f64, text: String, words: Option<Vec<Word>>) -> Segment {
    Segment {
        start,
        end,
        text,
        avg_logprob: -0.1,
        no_speech_prob: 0.0,
        compression_ratio: 1.0,
        temperature: 0.0,
        words,
    }
}

/// What `tools/reference/formats.py` wrote.
#[derive(Deserialize)]
struct Reference {
    transcript: Spoken,
    written: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Spoken {
    segments: Vec<SpokenSegment>,
}

#[derive(Deserialize)]
struct SpokenSegment {
    start: f64,
    end: f64,
    text: String,
    words: Vec<Word>,
}

/// The layouts of `tools/reference/formats.py`.
fn layout(name: &str) -> Option<SubtitleLayout> {
    let plain = SubtitleLayout::default();
    let width = |width| SubtitleLayout { max_line_width: Some(width), ..plain };
    Some(match name {
        "segments" | "words" => plain,
        "width" => width(24),
        "width-count" => SubtitleLayout { max_line_count: Some(2), ..width(24) },
        "one-line" => SubtitleLayout { max_line_count: Some(1), ..width(42) },
        "words-per-line" => SubtitleLayout { max_words_per_line: Some(4), ..plain },
        "highlight" => SubtitleLayout { highlight_words: true, ..plain },
        "highlight-width-count" => {
            SubtitleLayout { max_line_count: Some(2), highlight_words: true, ..width(20) }
        }
        _ => return None,
    })
}

#[test]
fn a_real_transcript_is_written_as_whisper_s_writers_write_it() {
    let reference: Reference = serde_json::from_str(include_str!("data/formats.json")).unwrap();
    assert_eq!(reference.written.len(), 18);
    for (file, expected) in &reference.written {
        let (name, extension) = file.split_once('.').unwrap();
        let format: Format = serde_json::from_value(extension.into()).unwrap();
        let segments = reference.transcript.segments.iter();
        let segments = segments.map(|spoken| {
            let words = (name != "segments").then(|| spoken.words.clone());
            segment(spoken.start, spoken.end, spoken.text.clone(), words)
        });
        let written = render(format, &transcript(segments.collect()), &layout(name).unwrap()).unwrap();
        assert_eq!(&written, expected, "{file}");
    }
}

/// A cue as a reader of subtitles finds it.
#[derive(Debug)]
struct Read {
    start: f64,
    end: f64,
    text: String,
}

/// Reads `SubRip` or `WebVTT`, strictly.
fn read(text: &str, format: Format) -> Vec<Read> {
    let is_srt = format == Format::Srt;
    let body = if is_srt { text } else { text.strip_prefix("WEBVTT\n\n").unwrap() };
    assert!(body.is_empty() || body.ends_with("\n\n"), "{text:?} breaks off");
    assert!(!body.contains('\r'), "{text:?} has a carriage return");
    let mut cues = Vec::new();
    for block in body.split_terminator("\n\n") {
        let mut lines = block.split('\n');
        if is_srt {
            assert_eq!(lines.next().unwrap(), (cues.len() + 1).to_string(), "{text:?}");
        }
        let (start, end) = lines.next().unwrap().split_once(" --> ").unwrap();
        let lines: Vec<&str> = lines.collect();
        assert!(
            !lines.is_empty() && lines.iter().all(|line| !line.trim().is_empty()),
            "{block:?} has no text"
        );
        assert!(lines.iter().all(|line| !line.contains("-->")), "{block:?} has two lines of times");
        cues.push(Read { start: seconds(start, is_srt), end: seconds(end, is_srt), text: lines.join("\n") });
    }
    cues
}

fn seconds(time: &str, is_srt: bool) -> f64 {
    let (whole, ms) = time.split_once(if is_srt { ',' } else { '.' }).unwrap();
    assert_eq!(ms.len(), 3, "{time:?}");
    let parts: Vec<f64> = whole.split(':').map(|part| part.parse().unwrap()).collect();
    assert!(parts.len() == 3 || (!is_srt && parts.len() == 2), "{time:?}");
    parts.iter().fold(0.0, |sum, part| sum * 60.0 + part) + ms.parse::<f64>().unwrap() / 1000.0
}

/// The text without what may change: blanks, and dashes and arrows on which times are read.
fn letters<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let text: String = texts.collect();
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '>' | '\u{1c}'..='\u{1f}')).collect()
}

fn one_line(text: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    text.replace(['\n', '\r'], " ").trim_matches(is_blank).to_owned()
}

/// Words, and what would break a file if it were written as it is.
fn word_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => " [a-z]{1,9}[.,?]?",
        1 => "[\u{4e00}-\u{4e20}]{1,3}",
        1 => prop::sample::select(vec!["-->", " --", ">", "\n", "\n\n", "\r\n", " a\n\nb", "", "  ", "\u{3000}", "7"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Segments one after the other, each with its words or, some of them, without.
fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let word = (0.0..5.0_f64, 0.0..1.0_f64, word_text());
    let words = prop::collection::vec(word, 0..12);
    prop::collection::vec((words, prop::bool::weighted(0.8)), 0..8).prop_map(|drawn| {
        let mut now = 3590.0;
        let place = |(words, has_words): (Vec<(f64, f64, String)>, bool)| {
            let start: f64 = now;
            let words: Vec<Word> = words
                .into_iter()
                .map(|(pause, length, word)| {
                    let start = now + pause;
                    now = start + length;
                    Word { start, end: now, word, probability: 0.5 }
                })
                .collect();
            let text = words.iter().map(|word| word.word.as_str()).collect();
            segment(start, now, text, has_words.then_some(words))
        };
        drawn.into_iter().map(place).collect()
    })
}

fn layouts() -> impl Strategy<Value = SubtitleLayout> {
    let maximum = |max| prop::option::of(1..max);
    (maximum(40_usize), maximum(4_usize), maximum(6_usize), any::<bool>()).prop_map(
        |(max_line_width, max_line_count, max_words_per_line, highlight_words)| SubtitleLayout {
            max_line_width,
            max_line_count,
            max_words_per_line,
            highlight_words,
        },
    )
}

proptest! {
    #[test]
    fn subtitles_are_read_back_whole_and_in_order(segments in segments(), drawn in layouts()) {
        let spoken = letters(segments.iter().map(|segment| segment.text.as_str()));
        let has_words = segments.iter().any(|segment| segment.words.is_some());
        let words = segments.iter().flat_map(|segment| segment.words.iter().flatten());
        let texts = words.map(|word| &word.word).chain(segments.iter().map(|segment| &segment.text));
        let single: HashSet<String> = texts.map(|text| one_line(text)).collect();
        let transcript = transcript(segments);
        for highlight_words in [false, drawn.highlight_words] {
            let layout = SubtitleLayout { highlight_words, ..drawn };
            for format in [Format::Srt, Format::Vtt] {
                let cues = read(&render(format, &transcript, &layout).unwrap(), format);
                prop_assert!(cues.iter().all(|cue| cue.start <= cue.end), "{cues:?}");
                prop_assert!(cues.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{cues:?}");
                if highlight_words && has_words {
                    continue;
                }
                prop_assert_eq!(letters(cues.iter().map(|cue| cue.text.as_str())), &spoken[..]);
                // A line holds no more than was asked for, unless it is a single word, whatever that is.
                let width = layout.max_line_width.filter(|_| has_words).unwrap_or(usize::MAX);
                let count = layout.max_line_count.filter(|_| layout.max_line_width.is_some() && has_words);
                for cue in &cues {
                    let lines: Vec<&str> = cue.text.split('\n').collect();
                    prop_assert!(count.is_none_or(|count| lines.len() <= count), "{cue:?}");
                    for line in lines.iter().filter(|line| !line.contains(['-', '>'])) {
                        prop_assert!(line.chars().count() <= width || single.contains(*line), "{line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn tables_have_a_line_a_segment(segments in segments()) {
        let n_segments = segments.len();
        let transcript = transcript(segments);
        let layout = SubtitleLayout::default();
        let text = render(Format::Txt, &transcript, &layout).unwrap();
        prop_assert_eq!(text.matches('\n').count(), n_segments);
        let table = render(Format::Tsv, &transcript, &layout).unwrap();
        prop_assert_eq!(table.matches('\n').count(), n_segments + 1);
        for line in table.split_terminator('\n').skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            prop_assert_eq!(fields.len(), 3);
            let times: Vec<u64> = fields[..2].iter().map(|field| field.parse().unwrap()).collect();
            prop_assert!(times[0] <= times[1]);
        }
    }
}

/// A valid transcript's JSON with pieces of it replaced, so that much of it is still one.
fn nearly_a_transcript() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "null",
        "-1",
        "1e308",
        "-1e308",
        "1e999",
        "0",
        "\"\"",
        "\"-->\"",
        "\"\\n\\n\"",
        "[]",
        "{}",
        "\"\\u0000\"",
        "NaN",
        "9223372036854775808",
        "\"\\ud800\"",
        "\" a b\"",
    ]);
    let place = (0.0..1.0, value);
    (segments(), prop::collection::vec(place, 0..4)).prop_map(|(segments, replaced)| {
        let mut text = String::from_utf8(transcript(segments).to_json().unwrap()).unwrap();
        for (at, new) in replaced {
            // The value of the next line after that place.
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let line = ((lines.len() - 1) as f64 * at) as usize;
            if let Some((key, _)) = lines[line].split_once(": ") {
                let comma = if lines[line].ends_with(',') { "," } else { "" };
                lines[line] = format!("{key}: {new}{comma}");
            }
            text = lines.join("\n");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/formats.txt"))),
        ..ProptestConfig::default()
    })]

    /// Somebody else may have written what lies in the output: it is read or not, and what is read is rendered.
    #[test]
    fn fuzz_transcript(text in nearly_a_transcript(), layout in layouts()) {
        let _ = serde_json::from_str::<PublishedHead>(&text);
        if let Ok(transcript) = serde_json::from_str::<Transcript>(&text) {
            for format in Format::ALL {
                let _ = render(format, &transcript, &layout);
            }
        }
    }
}
