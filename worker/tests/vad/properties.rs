//! What holds for any probabilities and any spans.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use steno_shared::options::{Mode, TranscribeOptions, VadParameters};
use steno_worker::pcm::Pcm;
use steno_worker::vad::{Span, SpanRules, TimeMap, WINDOW_SAMPLES, group_spans, speech_only, speech_spans};

/// Probabilities in runs, and a length in samples that fits them.
fn any_recording() -> impl Strategy<Value = (Vec<f32>, usize)> {
    let run = (0.0_f32..1.0, 1_usize..40).prop_map(|(probability, n)| vec![probability; n]);
    (prop::collection::vec(run, 1..40), 0..WINDOW_SAMPLES).prop_map(|(runs, rest)| {
        let probabilities = runs.concat();
        let n_samples = (probabilities.len() - 1) * WINDOW_SAMPLES + rest;
        (probabilities, n_samples)
    })
}

prop_compose! {
    fn any_options()(
        batched in any::<bool>(),
        chunk_length in 1_usize..=30,
        threshold in 0.0..1.0,
        neg_threshold in prop::option::of(0.0..1.0),
        min_speech_duration_ms in 0_u32..3000,
        max_speech_duration_s in prop::option::of(0.0..40.0),
        min_silence_duration_ms in prop::option::of(0_u32..3000),
        speech_pad_ms in 0_u32..1500,
    ) -> TranscribeOptions {
        TranscribeOptions {
            mode: if batched { Mode::Batched } else { Mode::Sequential },
            chunk_length: Some(chunk_length),
            vad_parameters: VadParameters {
                threshold,
                neg_threshold,
                min_speech_duration_ms,
                max_speech_duration_s,
                min_silence_duration_ms,
                speech_pad_ms,
            },
            ..TranscribeOptions::default()
        }
    }
}

prop_compose! {
    /// Spans in order that may touch, given as silence and speech in turn.
    fn any_spans()(lengths in prop::collection::vec((0_usize..200_000, 1_usize..600_000), 0..30)) -> Vec<Span> {
        let mut end = 0;
        lengths.into_iter().map(|(silence, speech)| {
            let start = end + silence;
            end = start + speech;
            Span { start, end }
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Cases that once failed are kept and tried first.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/vad/properties.regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn spans_are_in_order_within_the_recording_and_apart((probabilities, n_samples) in any_recording(), options in any_options()) {
        let spans = speech_spans(&probabilities, n_samples, &SpanRules::new(&options));
        prop_assert!(spans.iter().all(|span| span.start < span.end && span.end <= n_samples), "{spans:?}");
        prop_assert!(spans.is_sorted_by(|a, b| a.end <= b.start), "{spans:?}");
    }

    #[test]
    fn in_batched_mode_a_span_with_its_padding_fits_a_window((probabilities, n_samples) in any_recording(), options in any_options()) {
        let mut options = TranscribeOptions { mode: Mode::Batched, ..options };
        let window_ms = 1000 * options.window_seconds() as u32;
        // More padding than this leaves no speech between it, and a span is what its padding makes it.
        let most_padding_ms = (window_ms - 32) / 2;
        options.vad_parameters.speech_pad_ms = options.vad_parameters.speech_pad_ms.min(most_padding_ms);
        for span in speech_spans(&probabilities, n_samples, &SpanRules::new(&options)) {
            prop_assert!(span.n_samples() <= options.window_seconds() * 16_000, "{span:?}");
        }
    }

    #[test]
    fn chunks_hold_each_span_once_and_keep_to_the_bound(spans in any_spans(), max_samples in 1_usize..1_000_000) {
        let chunks = group_spans(&spans, max_samples);
        let held: Vec<Span> = chunks.iter().flat_map(|chunk| chunk.spans.clone()).collect();
        prop_assert_eq!(held, spans);
        for chunk in &chunks {
            prop_assert!(!chunk.spans.is_empty());
            prop_assert!(chunk.n_samples() <= max_samples || chunk.spans.len() == 1);
        }
        for pair in chunks.windows(2) {
            prop_assert!(pair[0].n_samples() + pair[1].spans[0].n_samples() > max_samples, "no room is left unused");
        }
    }

    #[test]
    fn times_grow_and_stay_within_speech(spans in any_spans(), shares in prop::collection::vec(0.0..=1.0, 2..20), is_end in any::<bool>()) {
        prop_assume!(!spans.is_empty());
        let speech: usize = spans.iter().map(|span| span.n_samples()).sum();
        let mut shares: Vec<f64> = shares;
        shares.sort_by(f64::total_cmp);
        let map = TimeMap::new(&spans);
        let times: Vec<f64> =
            shares.iter().map(|share| map.original_time(share * speech as f64 / 16_000.0, None, is_end)).collect();
        prop_assert!(times.is_sorted(), "{times:?}");
        for time in times {
            let near = |span: &Span| span.start as f64 / 16_000.0 - 0.006 <= time && time <= span.end as f64 / 16_000.0 + 0.006;
            prop_assert!(spans.iter().any(near), "{time} is no speech");
        }
    }

    #[test]
    fn speech_alone_is_what_its_chunk_holds(spans in any_spans()) {
        let spans = &spans[..spans.len().min(3)];
        let n_samples = spans.last().map_or(0, |span| span.end);
        let pcm = Pcm::from((0..n_samples).map(|n| (n % 30_011) as i16).collect::<Vec<_>>());
        let speech = speech_only(&pcm, spans, &std::env::temp_dir()).unwrap();
        let chunks = group_spans(spans, usize::MAX);
        let held = chunks.first().map_or_else(Vec::new, |chunk| chunk.read(&pcm).unwrap());
        prop_assert_eq!(speech.read(0..usize::MAX).unwrap(), held);
    }
}
