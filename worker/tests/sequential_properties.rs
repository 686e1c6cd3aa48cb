//! What holds for the sequential walk whatever a model writes.

#![expect(clippy::unwrap_used, reason = "tests may fail as tests do")]

use std::convert::Infallible;

use proptest::collection::vec;
use proptest::prelude::*;
use steno_shared::options::TranscribeOptions;
use steno_shared::transcript::Word;
use steno_worker::tokenizer::SpecialTokens;
use steno_worker::transcribe::{
    Heard, PromptTexts, Settled, Walk, clips, max_length, settle_words, split_at_timestamps,
};

const TEXT: u32 = 1000;
const BEGIN: u32 = 2000;

fn special() -> SpecialTokens {
    SpecialTokens {
        eot: TEXT,
        sot: 1001,
        sot_prev: 1002,
        no_speech: 1003,
        no_timestamps: BEGIN - 1,
        timestamp_begin: BEGIN,
        sot_lm: None,
        transcribe: None,
        translate: None,
    }
}

/// What a model may write: text, and timestamps that never go back.
fn written() -> impl Strategy<Value = Vec<u32>> {
    let token = prop_oneof![3 => (0..TEXT).prop_map(Ok), 2 => (0..400_u32).prop_map(Err)];
    vec(token, 0..30).prop_map(|tokens| {
        let mut at = 0;
        let written = tokens.into_iter().map(|token| match token {
            Ok(text) => text,
            Err(step) => {
                // Every other one says the same time again: a pair.
                at += if step % 2 == 0 { 0 } else { step };
                BEGIN + at
            }
        });
        written.collect()
    })
}

/// Tokens with no timestamp later than the window's end.
fn within(tokens: Vec<u32>, size: usize) -> Vec<u32> {
    let last = BEGIN + u32::try_from(size / 2).unwrap();
    tokens.into_iter().map(|token| token.min(last)).collect()
}

fn text(tokens: &[u32]) -> Result<String, Infallible> {
    Ok(tokens.iter().filter(|&&token| token < TEXT).map(|token| format!(" {token}")).collect())
}

/// Clips of up to 200 s.
fn clip_seconds() -> impl Strategy<Value = Vec<f64>> {
    vec((0.0..200.0_f64, 0.01..100.0_f64), 0..4).prop_flat_map(|clips| {
        let seconds: Vec<f64> = clips.iter().flat_map(|&(start, length)| [start, start + length]).collect();
        let odd = seconds[..seconds.len().saturating_sub(1)].to_vec();
        prop_oneof![Just(seconds), Just(odd)]
    })
}

proptest! {
    #[test]
    fn segments_hold_each_token_once_but_for_an_unfinished_end(tokens in written(), seek in 0_usize..5000) {
        let split = split_at_timestamps(&special(), &tokens, seek, 3000);
        let held: Vec<u32> = split.segments.iter().flat_map(|segment| segment.tokens.clone()).collect();
        prop_assert_eq!(&held[..], &tokens[..held.len()]);
        let last_pair = (1..tokens.len()).rfind(|&i| tokens[i - 1] >= BEGIN && tokens[i] >= BEGIN);
        let expected = if split.single_ending { tokens.len() } else { last_pair.unwrap_or(tokens.len()) };
        prop_assert_eq!(held.len(), expected);
        if held.len() < tokens.len() {
            // What is left out is heard again: the next window begins no later.
            let position = (tokens[held.len() - 1] - BEGIN) as usize;
            prop_assert_eq!(split.next_seek, seek + 2 * position);
        }
    }

    #[test]
    fn times_are_ordered_and_within_the_window(tokens in written(), seek in 0_usize..5000, size in 1_usize..=3000) {
        let tokens = within(tokens, size);
        // A segment without a timestamp at its front, which no model's rules allow after a pair, has no start of its own.
        prop_assume!(tokens.first().is_none_or(|&first| first >= BEGIN));
        let split = split_at_timestamps(&special(), &tokens, seek, size);
        let (first, last) = (seek as f64 / 100.0, (seek + size) as f64 / 100.0);
        let mut before = first - 1e-9;
        for segment in &split.segments {
            prop_assert!(before <= segment.start + 1e-9 && segment.start <= segment.end, "{split:?}");
            before = segment.start;
            prop_assert!(segment.end <= last + 1e-9, "{split:?}");
        }
        prop_assert!(split.next_seek <= seek + size);
    }

    #[test]
    fn the_walk_advances_stays_within_its_clips_and_remembers_what_was_said(
        content in 0_usize..20_000,
        seconds in clip_seconds(),
        chunk_length in 1_usize..=30,
        condition in any::<bool>(),
        windows in vec((written(), any::<bool>(), 0_u8..=10), 1..20),
    ) {
        let options = TranscribeOptions {
            clip_timestamps: seconds.clone(),
            chunk_length: Some(chunk_length),
            condition_on_previous_text: condition,
            ..TranscribeOptions::sequential()
        };
        let expected = clips(&seconds, content);
        let frames: usize = expected.iter().map(|clip| clip.end - clip.start).sum();
        let mut walk = Walk::new(content, &options, vec![7]);
        let mut history = vec![7];
        let mut n_windows = 0;
        let mut seeks = Vec::new();
        while let Some(window) = walk.window() {
            let (seek, size) = (window.seek, window.size);
            prop_assert!(size >= 1 && size <= chunk_length * 100);
            prop_assert!(expected.iter().any(|clip| clip.start <= seek && seek + size <= clip.end));
            prop_assert_eq!(window.previous, &history[..]);
            seeks.push(seek);
            let (tokens, silent, temperature) = &windows[n_windows % windows.len()];
            if *silent {
                walk.skip();
            } else {
                let temperature = f64::from(*temperature) / 10.0;
                let split = split_at_timestamps(&special(), tokens, seek, size);
                let Ok(spoken) = walk.accept(split.segments, split.next_seek, temperature, &options, text);
                for (segment, text) in &spoken {
                    prop_assert!(!text.trim().is_empty() && segment.start != segment.end);
                    history.extend(&segment.tokens);
                }
                if !condition || temperature > 0.5 {
                    history.clear();
                }
            }
            n_windows += 1;
            prop_assert!(n_windows <= frames, "it goes on for ever");
        }
        prop_assert_eq!(walk.seek(), content);
        if expected.len() == 1 {
            prop_assert!(seeks.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn words_change_where_the_walk_goes_on_but_never_what_is_kept_before_it(
        times in vec((0.0..30.0_f64, 0.0..3.0_f64, any::<bool>(), any::<bool>()), 0..8),
        tokens in written(),
        threshold in proptest::option::of(0.0..5.0_f64),
    ) {
        let mut split = split_at_timestamps(&special(), &within(tokens, 3000), 1000, 3000);
        for (segment, (start, length, spoken, _)) in split.segments.iter_mut().zip(&times) {
            let start = start + 10.0;
            if *spoken {
                segment.words = vec![Word { start, end: start + length, word: " a".into(), probability: 0.1 }];
            }
        }
        let heard = Heard { seek: 1000, size: 3000, window_frames: 3000, content_frames: 9000, last_speech: 3.0 };
        let settled = settle_words(split.clone(), heard, threshold, |segment| {
            times.iter().any(|time| time.3 && segment.words.first().is_some_and(|word| word.start == time.0 + 10.0))
        });
        match settled {
            Settled::Spoken(settled) => {
                prop_assert_eq!(&settled.segments[..], &split.segments[..settled.segments.len()]);
                if threshold.is_none() {
                    prop_assert_eq!(settled.segments.len(), split.segments.len());
                }
                prop_assert!(settled.next_seek >= 1000);
            }
            Settled::SilenceUntil(frame) => prop_assert!(threshold.is_some() && frame >= 1000),
        }
    }

    #[test]
    fn a_prompt_leaves_room_for_what_is_to_be_generated(
        hotwords in 0_usize..400,
        prefix in 0_usize..400,
        previous in 0_usize..600,
        without_timestamps in any::<bool>(),
        max_new_tokens in proptest::option::of(1_usize..448),
        seek in 0_usize..2,
    ) {
        let texts = PromptTexts {
            hotwords: vec![1; hotwords],
            prefix: vec![2; prefix],
            without_timestamps,
            max_new_tokens,
        };
        let language_and_task = [8, 9];
        prop_assume!(max_new_tokens.unwrap_or(1) <= texts.room(&special(), &language_and_task));
        let prompt = texts.prompt(&special(), seek, &vec![3; previous], &language_and_task);
        prop_assert!(max_length(prompt.len(), max_new_tokens) <= 448);
        prop_assert!(prompt.len() <= 448);
        let kept = prompt.iter().filter(|&&token| token == 3).count();
        prop_assert!(kept <= previous.min(223));
    }
}
