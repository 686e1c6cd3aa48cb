//! Which language a recording is in, from guesses at its windows.

/// A window's most probable language.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageGuess {
    /// Language code.
    pub language: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// Gathers guesses until one is certain.
#[derive(Debug, Clone)]
pub struct LanguageVote {
    certain: f64,
    guesses: Vec<LanguageGuess>,
}

impl LanguageVote {
    /// A vote that a guess above the probability `certain` ends.
    #[must_use]
    pub fn new(certain: f64) -> Self {
        Self { certain, guesses: Vec::new() }
    }

    /// Adds a window's guess; returns it when it is certain and no other is needed.
    pub fn add(&mut self, guess: LanguageGuess) -> Option<LanguageGuess> {
        if guess.probability > self.certain {
            return Some(guess);
        }
        self.guesses.push(guess);
        None
    }

    /// The language of most guesses, of equals the one that came first, with its highest probability.
    #[must_use]
    pub fn majority(self) -> Option<LanguageGuess> {
        let votes = |language: &str| self.guesses.iter().filter(|guess| guess.language == language).count();
        let mut winner: Option<&str> = None;
        for guess in &self.guesses {
            if winner.is_none_or(|winner| votes(&guess.language) > votes(winner)) {
                winner = Some(&guess.language);
            }
        }
        let language = winner?.to_owned();
        let probability = self
            .guesses
            .iter()
            .filter(|guess| guess.language == language)
            .fold(0.0, |highest: f64, guess| highest.max(guess.probability));
        Some(LanguageGuess { language, probability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(language: &str, probability: f64) -> LanguageGuess {
        LanguageGuess { language: language.into(), probability }
    }

    #[test]
    fn a_certain_guess_stands_and_uncertain_ones_vote() {
        let mut vote = LanguageVote::new(0.5);
        assert_eq!(vote.add(guess("de", 0.5)), None);
        assert_eq!(vote.add(guess("en", 0.2)), None);
        assert_eq!(vote.add(guess("en", 0.4)), None);
        assert_eq!(vote.add(guess("fr", 0.6)), Some(guess("fr", 0.6)));
        assert_eq!(vote.majority(), Some(guess("en", 0.4)));

        let mut tie = LanguageVote::new(0.5);
        tie.add(guess("de", 0.1));
        tie.add(guess("en", 0.4));
        assert_eq!(tie.majority(), Some(guess("de", 0.1)));
        assert_eq!(LanguageVote::new(0.5).majority(), None);
    }
}
