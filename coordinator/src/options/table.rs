//! All transcription options: name, kind, and what they do. Flags, options files and their help are made from this.

use serde_json::Value;

use super::Kind;

/// An option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its name: that of the reference, and of the field of `TranscribeOptions` or `VadParameters`.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Under which heading its flag stands.
    pub group: Group,
    /// What it does, and what `none` stands for.
    pub help: &'static str,
}

impl Spec {
    /// A default as a user writes it.
    #[must_use]
    pub fn default_text(&self, default: &Value) -> String {
        match default {
            Value::Null => "none".to_owned(),
            Value::Bool(_) | Value::Number(_) => default.to_string(),
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
            Value::Object(_) => "see below".to_owned(),
        }
    }
}

/// What options are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say what they are")]
pub enum Group {
    Language,
    Search,
    Fallback,
    Prompt,
    Tokens,
    Times,
    Silence,
    Device,
}

impl Group {
    /// The heading in help.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Language => "Language",
            Self::Search => "Search for the text",
            Self::Fallback => "When a window is tried again, or is silence",
            Self::Prompt => "What the model is told beforehand",
            Self::Tokens => "What may be written",
            Self::Times => "Windows and times",
            Self::Silence => "Leaving out silence",
            Self::Device => "Computation",
        }
    }
}

/// The option of a name.
#[must_use]
pub fn find(specs: &'static [Spec], name: &str) -> Option<&'static Spec> {
    specs.iter().find(|spec| spec.name == name)
}

const fn spec(group: Group, name: &'static str, kind: Kind, help: &'static str) -> Spec {
    Spec { name, kind, group, help }
}

/// CTranslate2's names.
const COMPUTE_TYPES: &[&str] = &[
    "default",
    "auto",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
];

/// The fields of `TranscribeOptions`.
#[rustfmt::skip]
pub const OPTIONS: [Spec; 36] = {
    use Group::*;
    [
        spec(Times, "mode", Kind::Choice(&["batched", "sequential"]), "Windows of speech of all recordings side by side, each for itself; or one after the other, each with the text before it, exactly as faster-whisper does"),
        spec(Language, "language", Kind::TextOrNone, "Language of the recordings, such as en or de; none detects it for each"),
        spec(Language, "task", Kind::Choice(&["transcribe", "translate"]), "Write the spoken language, or English"),
        spec(Language, "multilingual", Kind::Bool, "Detect the language anew in each window"),
        spec(Language, "language_detection_threshold", Kind::Number, "A language more probable than this in one window is the recording's"),
        spec(Language, "language_detection_segments", Kind::Count, "How many windows are looked at for the language; none above the threshold, the majority counts"),
        spec(Device, "compute_type", Kind::Choice(COMPUTE_TYPES), "Numeric type of weights and computation; default is what the model was saved in, auto the fastest"),
        spec(Search, "beam_size", Kind::Count, "Beam size at temperature 0"),
        spec(Search, "best_of", Kind::Count, "Hypotheses sampled at temperatures above 0"),
        spec(Search, "patience", Kind::Number, "Beam search goes on until beam_size x patience hypotheses are finished"),
        spec(Search, "length_penalty", Kind::Number, "Exponent of the length by which hypotheses' scores are divided"),
        spec(Search, "repetition_penalty", Kind::Number, "Above 1, tokens that were written become less probable"),
        spec(Search, "no_repeat_ngram_size", Kind::Count, "No sequence of so many tokens is written twice in a window; 0 allows all"),
        spec(Fallback, "temperature", Kind::Numbers, "Temperatures to try in turn, with commas between, until a window's text passes"),
        spec(Fallback, "compression_ratio_threshold", Kind::NumberOrNone, "Text that compresses better is a repetition and tried again; none never is"),
        spec(Fallback, "log_prob_threshold", Kind::NumberOrNone, "Text of a lower average log probability is tried again; none never is"),
        spec(Fallback, "no_speech_threshold", Kind::NumberOrNone, "A window above this no-speech probability is silence, unless its log probability passes; none never is"),
        spec(Prompt, "condition_on_previous_text", Kind::Bool, "Tell each window the text before it (sequential mode)"),
        spec(Prompt, "prompt_reset_on_temperature", Kind::Number, "Forget the text before a window that needed a temperature above this"),
        spec(Prompt, "initial_prompt", Kind::TextOrNone, "Text that the first window is told as what came before; in batched mode, each window"),
        spec(Prompt, "prefix", Kind::TextOrNone, "Text that the first window begins with"),
        spec(Prompt, "hotwords", Kind::TextOrNone, "Words to expect, told to each window but one with a prefix"),
        spec(Tokens, "suppress_blank", Kind::Bool, "Begin no window with a blank"),
        spec(Tokens, "suppress_tokens", Kind::TokenIds, "Ids of tokens never to write, with commas between; -1 stands for symbols that are not spoken, none for no token"),
        spec(Tokens, "max_new_tokens", Kind::CountOrNone, "Most tokens written for a window; none is as many as the model can"),
        spec(Times, "without_timestamps", Kind::Bool, "Let the model write no times within a window"),
        spec(Times, "segment_times", Kind::Choice(&["generated", "aligned"]), "Where segments' times come from: timestamps that the model writes, or its words aligned with the audio, a sentence a segment (batched mode; made for GPUs)"),
        spec(Times, "max_initial_timestamp", Kind::Number, "Latest time of a window's first word, in seconds"),
        spec(Times, "word_timestamps", Kind::Bool, "Find the time of each word"),
        spec(Times, "prepend_punctuations", Kind::Text, "Punctuation that belongs to the word after it"),
        spec(Times, "append_punctuations", Kind::Text, "Punctuation that belongs to the word before it"),
        spec(Times, "chunk_length", Kind::CountOrNone, "Length of a window in seconds, 1 to 30; none is 30"),
        spec(Times, "clip_timestamps", Kind::Clips, "Parts to transcribe, as start,end,start,end,… in seconds; the last end may be left out; none is all"),
        spec(Silence, "vad_filter", Kind::BoolOrNone, "Leave out what holds no speech; none does so in batched mode only"),
        spec(Silence, "vad_parameters", Kind::VadParameters, "How speech is told from silence"),
        spec(Silence, "hallucination_silence_threshold", Kind::NumberOrNone, "With word_timestamps, pass over longer silences, in seconds, around text that is probably made up; none never does (sequential mode)"),
    ]
};

/// The fields of `VadParameters`.
#[rustfmt::skip]
pub const VAD_PARAMETERS: [Spec; 6] = {
    use Group::Silence;
    [
        spec(Silence, "threshold", Kind::Number, "A speech probability of at least this begins speech"),
        spec(Silence, "neg_threshold", Kind::NumberOrNone, "A lower probability ends it; none is max(threshold - 0.15, 0.01)"),
        spec(Silence, "min_speech_duration_ms", Kind::Count, "Shorter speech is left out"),
        spec(Silence, "max_speech_duration_s", Kind::NumberOrInfinity, "Longer speech is cut; none never is; batched mode always takes the length of a window"),
        spec(Silence, "min_silence_duration_ms", Kind::CountOrNone, "Shorter silence does not end speech; none is 160 in batched mode, 2000 in sequential mode"),
        spec(Silence, "speech_pad_ms", Kind::Count, "Added to speech at both ends"),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use steno_shared::options::{TranscribeOptions, VadParameters};

    use super::*;

    fn names_of(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    /// Every field has its option, under its own name, once, with a default of its kind.
    #[test]
    fn the_table_is_that_of_the_fields() {
        let options = serde_json::to_value(TranscribeOptions::default()).unwrap();
        let vad = serde_json::to_value(VadParameters::default()).unwrap();
        for (specs, defaults) in [(&OPTIONS[..], &options), (&VAD_PARAMETERS, &vad)] {
            assert_eq!(specs.iter().map(|spec| spec.name).collect::<BTreeSet<_>>(), names_of(defaults));
            assert_eq!(specs.len(), names_of(defaults).len(), "an option stands there twice");
            for spec in specs {
                let default = &defaults[spec.name];
                assert_eq!(spec.kind.from_value(default).as_ref(), Ok(default), "{}", spec.name);
            }
        }
    }

    /// `docs/options.md` has a row for each, with its default.
    #[test]
    fn each_option_is_documented() {
        let page = include_str!("../../../docs/options.md");
        let options = serde_json::to_value(TranscribeOptions::default()).unwrap();
        let vad = serde_json::to_value(VadParameters::default()).unwrap();
        for (specs, defaults) in [(&OPTIONS[..], &options), (&VAD_PARAMETERS, &vad)] {
            for spec in specs {
                let row = format!("| `{}` | {} |", spec.name, spec.default_text(&defaults[spec.name]));
                assert!(page.contains(&row), "docs/options.md lacks {row:?}");
            }
        }
    }
}
