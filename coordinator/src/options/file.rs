//! Options files: TOML or JSON, by the file's extension.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::table::{OPTIONS, Spec, VAD_PARAMETERS, find};
use super::{Kind, Settings, SettingsError};

/// How like a name must be to be meant, of 1.
const LIKENESS_MIN: f64 = 0.75;

impl Settings {
    /// Reads an options file.
    ///
    /// # Errors
    /// Names the file and the option in it that is unknown or of another kind, or says why it cannot be read.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let parse = match extension.to_str() {
            Some("toml") => toml_object,
            Some("json") => json_object,
            Some(_) | None => return Err(SettingsError::Extension(path.to_owned())),
        };
        let text = fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        Self::from_object(path, parse(&text))
    }

    /// From what a file holds.
    fn from_object(
        path: &Path,
        object: Result<Map<String, Value>, Malformed>,
    ) -> Result<Self, SettingsError> {
        let object = object.map_err(|(format, reason)| SettingsError::Malformed {
            path: path.to_owned(),
            format,
            reason,
        })?;
        let mut settings = Self::default();
        for (name, value) in taken(path, "", &OPTIONS, &object)? {
            settings.set(&name, value);
        }
        Ok(settings)
    }
}

/// An object's values as the options' fields hold them. `within` is put before names in messages.
fn taken(
    path: &Path,
    within: &str,
    specs: &'static [Spec],
    object: &Map<String, Value>,
) -> Result<Map<String, Value>, SettingsError> {
    let mut all = Map::new();
    for (key, value) in object {
        let Some(spec) = find(specs, key) else {
            let key = format!("{within}{key}");
            return Err(SettingsError::Unknown { path: path.to_owned(), nearest: nearest(&key), key });
        };
        let value = spec.kind.from_value(value).map_err(|must| SettingsError::Value {
            path: path.to_owned(),
            key: format!("{within}{key}"),
            value: value.to_string(),
            must,
        })?;
        let value = match (spec.kind, value) {
            (Kind::VadParameters, Value::Object(parameters)) => {
                Value::Object(taken(path, &format!("{key}."), &VAD_PARAMETERS, &parameters)?)
            }
            (_, value) => value,
        };
        all.insert(key.clone(), value);
    }
    Ok(all)
}

/// The option whose name is most like `key`, if one is.
fn nearest(key: &str) -> Option<&'static str> {
    let key = key.replace('-', "_").to_lowercase();
    let own = key.rsplit('.').next().unwrap_or(&key);
    OPTIONS
        .iter()
        .chain(&VAD_PARAMETERS)
        .map(|spec| (strsim::normalized_damerau_levenshtein(own, spec.name), spec.name))
        .filter(|&(likeness, _)| likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// A format's name and what its parser said.
type Malformed = (&'static str, String);

fn json_object(text: &str) -> Result<Map<String, Value>, Malformed> {
    serde_json::from_str(text).map_err(|error| ("JSON object", error.to_string()))
}

fn toml_object(text: &str) -> Result<Map<String, Value>, Malformed> {
    let malformed = |reason| ("TOML of options", reason);
    let table: toml::Table = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
    object(table).map_err(malformed)
}

fn object(table: toml::Table) -> Result<Map<String, Value>, String> {
    table.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect()
}

/// A TOML value as JSON, which has no infinity: there it is the text `inf`.
fn json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(f64::INFINITY) => "inf".into(),
        toml::Value::Float(number) => return Err(format!("no option may be {number}")),
        toml::Value::Boolean(is_true) => is_true.into(),
        toml::Value::Datetime(time) => return Err(format!("no option may be a date ({time})")),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(object(table)?),
    })
}

#[cfg(test)]
mod tests {
    use steno_shared::options::{Mode, Task, TranscribeOptions, VadParameters};

    use proptest::prelude::*;

    use super::*;

    fn read(name: &str, text: &str) -> Result<TranscribeOptions, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Settings::read(&path)?.options()
    }

    const TOML: &str = r#"
        mode = "batched"
        language = "none"
        task = "translate"
        temperature = 0
        log_prob_threshold = "none"
        suppress_tokens = "-1,50"
        clip_timestamps = [{ start = 0, end = 2.5 }, { start = 3, end = 4 }]
        initial_prompt = "Steno, \"the\" runner."

        [vad_parameters]
        threshold = 0.6
        max_speech_duration_s = inf
        min_silence_duration_ms = 500
    "#;

    const JSON: &str = r#"{
        "mode": "batched", "language": null, "task": "translate", "temperature": [0],
        "log_prob_threshold": null, "suppress_tokens": [-1, 50], "clip_timestamps": "0,2.5,3,4",
        "initial_prompt": "Steno, \"the\" runner.",
        "vad_parameters": {"threshold": 0.6, "max_speech_duration_s": null, "min_silence_duration_ms": 500}
    }"#;

    #[test]
    fn both_formats_say_the_same() {
        let expected = TranscribeOptions {
            mode: Mode::Batched,
            task: Task::Translate,
            temperature: vec![0.0],
            log_prob_threshold: None,
            suppress_tokens: vec![-1, 50],
            clip_timestamps: vec![0.0, 2.5, 3.0, 4.0],
            initial_prompt: Some("Steno, \"the\" runner.".into()),
            vad_parameters: VadParameters {
                threshold: 0.6,
                min_silence_duration_ms: Some(500),
                ..VadParameters::default()
            },
            ..TranscribeOptions::default()
        };
        assert_eq!(read("options.toml", TOML).unwrap(), expected);
        assert_eq!(read("options.JSON", JSON).unwrap(), expected);
        assert_eq!(read("empty.toml", "").unwrap(), TranscribeOptions::default());
    }

    #[test]
    fn each_refusal_names_file_and_option() {
        let cases = [
            ("a.toml", "beam-size = 5", "\"beam-size\", which is no option; did you mean beam_size?"),
            ("a.toml", "logprob_threshold = 1", "did you mean log_prob_threshold?"),
            ("a.toml", "colour = 1", "\"colour\", which is no option; docs/options.md"),
            ("a.json", r#"{"vad_parameters": {"treshold": 1}}"#, "\"vad_parameters.treshold\""),
            ("a.json", r#"{"vad_parameters": {"treshold": 1}}"#, "did you mean threshold?"),
            ("a.toml", "vad_parameters = 1", "vad_parameters = 1, but vad_parameters must be a table"),
            (
                "a.toml",
                "[vad_parameters]\nspeech_pad_ms = 0.5",
                "vad_parameters.speech_pad_ms = 0.5, but vad_parameters.speech_pad_ms must be a whole number",
            ),
            ("a.toml", "beam_size = \"5\"", "beam_size = \"5\", but beam_size must be a whole number"),
            ("a.toml", "patience = nan", "no option may be NaN"),
            ("a.toml", "log_prob_threshold = -inf", "no option may be -inf"),
            ("a.toml", "log_prob_threshold = inf", "must be a number, or none"),
            ("a.toml", "task = \"summarise\"", "must be one of transcribe, translate"),
            ("a.toml", "language = 1999-12-31", "no option may be a date (1999-12-31)"),
            ("a.json", "[]", "no JSON object"),
            ("a.json", "{", "no JSON object"),
            ("a.toml", "beam_size", "no TOML"),
            ("a.toml", "beam_size = 1\nbeam_size = 2", "duplicate"),
            ("a.yaml", "beam_size: 5", "named .toml or .json"),
        ];
        for (name, text, words) in cases {
            let message = read(name, text).map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains(name), "{words:?} is not in {message:?}");
        }
        let message = Settings::read(Path::new("/nowhere/a.toml")).unwrap_err().to_string();
        assert!(message.contains("/nowhere/a.toml") && message.contains("check its path"), "{message}");
    }

    fn text() -> impl Strategy<Value = String> {
        let pieces: Vec<String> = OPTIONS
            .iter()
            .chain(&VAD_PARAMETERS)
            .map(|spec| spec.name.to_owned())
            .chain(
                [
                    "=",
                    ":",
                    ",",
                    "{",
                    "}",
                    "[",
                    "]",
                    "\"",
                    "'",
                    "\n",
                    " ",
                    "true",
                    "null",
                    "-1",
                    "1e999",
                    "nan",
                    "inf",
                    "0.5",
                    "\"inf\"",
                    "1979-05-27",
                    "[vad_parameters]",
                    "\\u0000",
                    "\u{feff}",
                    "en",
                    "#",
                ]
                .map(str::to_owned),
            )
            .collect();
        let pair = (
            prop::sample::select(pieces.clone()),
            prop::sample::select(vec!["= ", ": "]),
            prop::sample::select(pieces.clone()),
        );
        let piece = prop_oneof![
            6 => prop::sample::select(pieces),
            3 => pair.prop_map(|(key, between, value)| format!("{key} {between}{value}\n")),
            1 => ".{0,4}",
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

        #[test]
        fn fuzz_options_file(text in text()) {
            for (name, object) in [("o.toml", toml_object(&text)), ("o.json", json_object(&format!("{{{text}}}")))] {
                match Settings::from_object(Path::new(name), object) {
                    // What is taken makes options, or contradicts itself.
                    Ok(settings) => drop(settings.options()),
                    Err(error) => prop_assert!(error.to_string().contains(name), "{}", error),
                }
            }
        }
    }
}
