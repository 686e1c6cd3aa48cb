//! Windows of made words, placed and judged.

use serde::Deserialize;
use steno_shared::options::TranscribeOptions;
use steno_worker::words::{AlignedWord, DraftSegment, Punctuation, is_anomaly, place_words};

use super::{ReferenceSegment, assert_placed};

const WORDS: [&str; 31] = [
    " hello", " a", " World", "你", "好", "ing", " \"", "\"", "'", ".", ",", "?", "!", "。", "！", "，",
    "...", " (", ")", " ", "", " -", "-", " “", "”", " [\"", ".\"", " ¿", ":", " word ", "?!",
];
const LAST_WORD: &str = ".。";
const EOT: u32 = 1000;

#[derive(Deserialize)]
struct Case {
    windows: Vec<Vec<ReferenceSegment>>,
    speech_end: f64,
    anomalies: Vec<Vec<bool>>,
}

/// The script's generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = (self.0 * 1_103_515_245 + 12_345) % (1 << 31);
        (self.0 >> 12) % n
    }

    fn fiftieths(&mut self, n: u64) -> f64 {
        self.below(n) as f64 / 50.0
    }
}

/// The script's windows: segments, and the aligned words that spell most of their tokens.
fn made_window(random: &mut Random) -> (Vec<DraftSegment>, Vec<AlignedWord>) {
    let seek = random.below(4000);
    let (mut step, mut token) = (random.below(50), 0_u32);
    let longest = [5, 20, 80, 300][random.below(4) as usize];
    let mut words = Vec::new();
    for _ in 0..random.below(25) {
        let n_tokens = 1 + random.below(3) as u32;
        let lengths = [0, random.below(longest), random.below(longest), random.below(20)];
        let end = step + lengths[random.below(4) as usize];
        let word = random.below(WORDS.len() as u64 + 1) as usize;
        words.push(AlignedWord {
            word: (*WORDS.get(word).unwrap_or(&LAST_WORD)).to_owned(),
            tokens: (token..token + n_tokens).collect(),
            start: step as f64 / 50.0,
            end: end as f64 / 50.0,
            probability: random.below(64) as f64 / 64.0,
        });
        (step, token) = (end, token + n_tokens);
    }
    let mut drafts = Vec::new();
    let (mut done, mut start) = (0, seek as f64 / 100.0);
    while done < token || drafts.is_empty() {
        let n_tokens = (random.below(9) as u32).min(token - done);
        let mut tokens = vec![EOT + 5];
        tokens.extend(done..done + n_tokens);
        tokens.push(EOT + 6);
        done += n_tokens;
        let end = start + random.fiftieths(150);
        drafts.push(DraftSegment { seek: seek as usize, start, end, tokens, words: vec![] });
        let pauses = [0.0, random.fiftieths(100)];
        start = end + pauses[random.below(2) as usize];
    }
    if random.below(10) == 0 {
        words.clear();
    }
    (drafts, words)
}

#[test]
fn made_windows_are_placed_and_judged_as_by_the_reference() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../data/word-made.json")).unwrap();
    let options = TranscribeOptions::default();
    let punctuation = Punctuation::of(&options);
    let (mut anomalies, mut segments) = (0, 0);
    for (number, case) in cases.into_iter().enumerate() {
        let mut random = Random(number as u64);
        let n_windows = 1 + random.below(3);
        let windows: Vec<_> = (0..n_windows).map(|_| made_window(&mut random)).collect();
        let mut last_speech = random.fiftieths(1000);
        for ((mut window, words), (reference, judged)) in
            windows.into_iter().zip(case.windows.iter().zip(&case.anomalies))
        {
            last_speech = place_words(&mut window, words, punctuation, EOT, last_speech);
            assert_placed(&window, reference, 1e-9, &format!("case {number}"));
            let ours: Vec<bool> = window.iter().map(|segment| is_anomaly(&segment.words)).collect();
            assert_eq!(&ours, judged, "case {number}");
            anomalies += ours.iter().filter(|&&is_anomaly| is_anomaly).count();
            segments += ours.len();
        }
        assert!((last_speech - case.speech_end).abs() <= 1e-9, "case {number}: {last_speech}");
    }
    assert!(anomalies > 50 && segments > anomalies + 50, "{anomalies} anomalies of {segments} segments");
}
