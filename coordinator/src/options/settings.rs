//! Options that a user has set, from wherever they come.

use serde_json::{Map, Value};
use steno_shared::options::TranscribeOptions;

use super::SettingsError;

/// The options that a user has set, by name; all others have their defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// Sets an option to a value that [`super::Kind`] gave.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Sets what `other` sets, and leaves the rest; parameters of voice activity detection each for itself.
    pub fn overlay(&mut self, other: Self) {
        for (name, value) in other.0 {
            match (self.0.get_mut(&name), value) {
                (Some(Value::Object(parameters)), Value::Object(others)) => parameters.extend(others),
                (_, value) => self.set(&name, value),
            }
        }
    }

    /// The options, checked.
    ///
    /// # Errors
    /// When a value is out of range or does not go with the others.
    pub fn options(self) -> Result<TranscribeOptions, SettingsError> {
        let options: TranscribeOptions = serde_json::from_value(Value::Object(self.0))?;
        options.check()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steno_shared::options::VadParameters;

    use super::*;

    fn settings(value: Value) -> Settings {
        Settings(value.as_object().unwrap().clone())
    }

    #[test]
    fn what_is_laid_over_wins_option_by_option() {
        let mut both = settings(json!({
            "beam_size": 3, "language": "de", "vad_parameters": {"threshold": 0.4, "speech_pad_ms": 100},
        }));
        both.overlay(settings(
            json!({"beam_size": 7, "word_timestamps": true, "vad_parameters": {"threshold": 0.6}}),
        ));
        let expected = TranscribeOptions {
            beam_size: 7,
            language: Some("de".into()),
            word_timestamps: true,
            vad_parameters: VadParameters { threshold: 0.6, speech_pad_ms: 100, ..VadParameters::default() },
            ..TranscribeOptions::default()
        };
        assert_eq!(both.options().unwrap(), expected);
    }

    #[test]
    fn defaults_that_are_said_hash_as_nothing_said() {
        let said = settings(json!({"beam_size": 5, "patience": 1, "temperature": [0, 0.2, 0.4, 0.6, 0.8, 1],
            "log_prob_threshold": -1, "language": null, "clip_timestamps": [], "vad_parameters": {"threshold": 0.5}}));
        let said = said.options().unwrap();
        assert_eq!(said.hash().unwrap(), TranscribeOptions::default().hash().unwrap());
    }

    #[test]
    fn options_are_checked() {
        let error = settings(json!({"beam_size": 0})).options().unwrap_err();
        assert_eq!(error.to_string(), "option beam_size is 0, but must be at least 1");
    }
}
