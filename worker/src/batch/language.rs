//! Which language each recording is in, where windows of many are heard at once.

use crate::transcribe::{LanguageGuess, LanguageVote};

/// The language of a recording of which nothing says which it is: there is no speech in it.
///
/// The reference asks the model about a window of silence and gets any language. English with probability 0 is what
/// readers of a transcript without text can make most of.
pub const UNHEARD: &str = "en";

/// What is known of a recording's language.
#[derive(Debug, Clone)]
pub enum Tongue {
    /// Given, or decided.
    Known(LanguageGuess),
    /// Its first windows are asked.
    Asking {
        /// What they said.
        vote: LanguageVote,
        /// How many are still to be asked.
        left: usize,
    },
}

impl Tongue {
    /// A language that needs no finding out: it was given, or is the only one.
    #[must_use]
    pub fn given(language: &str) -> Self {
        Self::Known(LanguageGuess { language: language.to_owned(), probability: 1.0 })
    }

    /// One to be found out from the first `segments` of a recording's `n_windows` windows of speech: the first that is
    /// more probable than `certain`, else that of most windows.
    #[must_use]
    pub fn to_be_found(n_windows: usize, segments: usize, certain: f64) -> Self {
        match n_windows.min(segments.max(1)) {
            0 => Self::Known(LanguageGuess { language: UNHEARD.to_owned(), probability: 0.0 }),
            left => Self::Asking { vote: LanguageVote::new(certain), left },
        }
    }

    /// The language, once it is known.
    #[must_use]
    pub fn known(&self) -> Option<&LanguageGuess> {
        match self {
            Self::Known(guess) => Some(guess),
            Self::Asking { .. } => None,
        }
    }

    /// Takes the guess of the next window. A guess that is not needed any more changes nothing.
    pub fn hear(&mut self, guess: LanguageGuess) {
        let Self::Asking { vote, left } = self else { return };
        *left -= 1;
        let decided = match vote.add(guess) {
            Some(certain) => Some(certain),
            None if *left == 0 => vote.clone().majority(),
            None => None,
        };
        if let Some(decided) = decided {
            *self = Self::Known(decided);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(language: &str, probability: f64) -> LanguageGuess {
        LanguageGuess { language: language.into(), probability }
    }

    #[test]
    fn one_window_decides_by_default_however_uncertain() {
        let mut tongue = Tongue::to_be_found(5, 1, 0.5);
        assert_eq!(tongue.known(), None);
        tongue.hear(guess("de", 0.3));
        assert_eq!(tongue.known(), Some(&guess("de", 0.3)));
        tongue.hear(guess("fr", 0.9));
        assert_eq!(tongue.known(), Some(&guess("de", 0.3)), "it is decided");
    }

    #[test]
    fn more_windows_are_asked_until_one_is_certain_or_most_agree() {
        let mut tongue = Tongue::to_be_found(5, 3, 0.5);
        tongue.hear(guess("de", 0.3));
        assert_eq!(tongue.known(), None);
        tongue.hear(guess("fr", 0.9));
        assert_eq!(tongue.known(), Some(&guess("fr", 0.9)));

        let mut tongue = Tongue::to_be_found(3, 9, 0.5);
        for (language, probability) in [("de", 0.3), ("fr", 0.4), ("fr", 0.2)] {
            assert_eq!(tongue.known(), None);
            tongue.hear(guess(language, probability));
        }
        assert_eq!(tongue.known(), Some(&guess("fr", 0.4)), "there are only three windows");
    }

    #[test]
    fn a_recording_without_speech_is_in_no_language_at_random() {
        assert_eq!(Tongue::to_be_found(0, 1, 0.5).known(), Some(&guess("en", 0.0)));
        assert_eq!(Tongue::given("de").known(), Some(&guess("de", 1.0)));
    }
}
