//! A transcript for the tests of the formats.

use steno_shared::fingerprint::Fingerprint;
use steno_shared::transcript::{Provenance, SCHEMA_VERSION, Segment, Transcript};

pub(super) fn transcript(segments: &[(f64, f64, &str)]) -> Transcript {
    Transcript {
        filename: "a.mp3".into(),
        language: "en".into(),
        language_probability: 1.0,
        segments: segments
            .iter()
            .map(|&(start, end, text)| Segment {
                start,
                end,
                text: text.into(),
                avg_logprob: -0.1,
                no_speech_prob: 0.0,
                compression_ratio: 1.0,
                temperature: 0.0,
                words: None,
            })
            .collect(),
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
