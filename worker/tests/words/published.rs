//! Words in the published transcript.

use serde_json::{Value, json};
use steno_tests::transcripts;

fn transcript(words: &Value) -> Vec<u8> {
    let hash = "0".repeat(64);
    let transcript = json!({
        "filename": "a.flac", "language": "en", "language_probability": 1, "schema_version": 1, "duration": 1,
        "warnings": [],
        "segments": [{
            "start": 0, "end": 1, "text": " a b.", "avg_logprob": -0.5, "no_speech_prob": 0.1,
            "compression_ratio": 1, "temperature": 0, "words": words,
        }],
        "provenance": {
            "fingerprint": hash, "audio_etag": "e", "audio_bytes": 1, "model": "m", "model_hash": hash,
            "options_hash": hash, "engine": "e", "device": "cpu", "attempt": 1,
        },
    });
    transcript.to_string().into_bytes()
}

/// What the worker writes is what the schema asks for, word for word.
#[test]
fn the_schema_knows_words() {
    let words =
        [steno_shared::transcript::Word { start: 0.0, end: 0.5, word: " a".into(), probability: 0.25 }];
    transcripts::valid("words", &transcript(&serde_json::to_value(&words).unwrap())).unwrap();
    transcripts::valid("no words", &transcript(&json!([]))).unwrap();

    let word = json!({ "start": 0, "end": 0.5, "word": " a", "probability": 0.25 });
    for name in ["start", "end", "word", "probability"] {
        let mut without = word.clone();
        without.as_object_mut().unwrap().remove(name).unwrap();
        let error = transcripts::valid("a part is missing", &transcript(&json!([without]))).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    for (name, value) in [("start", json!(-1)), ("probability", json!(1.5)), ("word", json!(""))] {
        let mut wrong = word.clone();
        wrong[name] = value;
        transcripts::valid("a part is wrong", &transcript(&json!([wrong]))).unwrap_err();
    }
}
