//! Errors added up over a batch. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::distance::{distance, units};
use super::reference::Reference;

/// Errors of some recordings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Errors {
    /// Recordings.
    pub recordings: u64,
    /// Those that have no transcript: all of their words are errors.
    pub missing: u64,
    /// Words of the references; characters in languages without spaces.
    pub words: u64,
    /// Words put in, left out or exchanged.
    pub errors: u64,
    /// The word error rate: errors over words; 0.1 is one word in ten.
    pub rate: f64,
}

/// Errors of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ErrorRates {
    /// Of all recordings.
    pub all: Errors,
    /// By their languages.
    pub by_language: BTreeMap<String, Errors>,
    /// By their conditions, as far as the references tell one.
    pub by_condition: BTreeMap<String, Errors>,
}

impl Errors {
    /// Of one recording; the text is `None` where it has no transcript.
    #[must_use]
    pub fn of(reference: &Reference, transcript: Option<&str>) -> Self {
        let expected = units(&reference.text, &reference.language);
        let given = units(transcript.unwrap_or_default(), &reference.language);
        let sum = Self {
            recordings: 1,
            missing: u64::from(transcript.is_none()),
            words: expected.len() as u64,
            ..Self::default()
        };
        sum.with_errors(distance(&expected, &given) as u64)
    }

    fn with_errors(self, errors: u64) -> Self {
        Self { errors, rate: errors as f64 / self.words.max(1) as f64, ..self }
    }

    fn add(&mut self, other: &Self) {
        let sum = Self {
            recordings: self.recordings + other.recordings,
            missing: self.missing + other.missing,
            words: self.words + other.words,
            ..*self
        };
        *self = sum.with_errors(self.errors + other.errors);
    }
}

impl ErrorRates {
    /// Adds a recording's.
    pub fn add(&mut self, reference: &Reference, errors: &Errors) {
        self.all.add(errors);
        self.by_language.entry(reference.language.clone()).or_default().add(errors);
        if let Some(condition) = &reference.condition {
            self.by_condition.entry(condition.clone()).or_default().add(errors);
        }
    }

    /// All rows with their names: of all recordings, of each language, of each condition. What is the same as all is left out.
    #[must_use]
    pub fn rows(&self) -> Vec<(&str, &Errors)> {
        let several = [&self.by_language, &self.by_condition].into_iter().filter(|kinds| kinds.len() > 1);
        let kinds = several.flatten().map(|(name, errors)| (name.as_str(), errors));
        std::iter::once(("all", &self.all)).chain(kinds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(language: &str, condition: Option<&str>, text: &str) -> Reference {
        Reference {
            name: "a".into(),
            language: language.into(),
            text: text.into(),
            condition: condition.map(str::to_owned),
            voice: None,
            seconds: None,
        }
    }

    #[test]
    fn rates_are_those_of_all_words_together() {
        let mut rates = ErrorRates::default();
        for (language, condition, text, given) in [
            ("en", Some("clean"), "one word only here", Some("One word only, here.")),
            ("en", Some("noise:10"), "the cat sat on the mat", Some("the bat sat on a mat")),
            ("de", None, "guten Tag", None),
        ] {
            let reference = reference(language, condition, text);
            rates.add(&reference, &Errors::of(&reference, given));
        }
        assert_eq!(rates.all, Errors { recordings: 3, missing: 1, words: 12, errors: 4, rate: 4.0 / 12.0 });
        assert_eq!(
            rates.by_language["de"],
            Errors { recordings: 1, missing: 1, words: 2, errors: 2, rate: 1.0 }
        );
        assert_eq!(rates.by_condition["noise:10"].rate, 2.0 / 6.0);
        let names: Vec<&str> = rates.rows().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["all", "de", "en", "clean", "noise:10"]);
    }

    #[test]
    fn a_batch_of_one_kind_has_one_row() {
        let mut rates = ErrorRates::default();
        let reference = reference("en", Some("clean"), "");
        rates.add(&reference, &Errors::of(&reference, Some("noise where nobody speaks")));
        assert_eq!((rates.rows().len(), rates.all.errors, rates.all.rate), (1, 4, 4.0));
    }
}
