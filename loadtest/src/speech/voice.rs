//! Who speaks.

use std::fmt;
use std::str::FromStr;

use super::sentences::{ALL, Sentences};

/// A voice of espeak-ng: `en-us`, `de`, `en-gb+f3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    name: String,
    sentences: Sentences,
}

impl Voice {
    /// As espeak-ng calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it can say.
    #[must_use]
    pub fn sentences(&self) -> Sentences {
        self.sentences
    }
}

impl FromStr for Voice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_+".contains(c);
        let language = text.split(['-', '_', '+']).next().unwrap_or_default();
        match Sentences::of(language).filter(|_| text.chars().all(is_plain)) {
            Some(sentences) => Ok(Self { name: text.to_owned(), sentences }),
            None => Err(format!(
                "there are no sentences for a voice {text:?}; a voice of espeak-ng is wanted whose name begins with one of {}, such as \
                 en-us, de or en-gb+f3",
                ALL.map(|sentences| sentences.language).join(", ")
            )),
        }
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_speaks_the_language_that_its_name_begins_with() {
        for (name, language) in
            [("en-us", "en"), ("de", "de"), ("fr-be", "fr"), ("es-419", "es"), ("en+f3", "en")]
        {
            let voice: Voice = name.parse().unwrap();
            assert_eq!((voice.to_string().as_str(), voice.sentences().language), (name, language));
        }
        for wrong in ["", "ru", "eng", "en us", "en;ls", "../en"] {
            assert!(wrong.parse::<Voice>().unwrap_err().contains("de, es, fr"), "{wrong}");
        }
    }
}
