//! Which language a recording is in, from guesses at its windows.

use crate::features::FRAMES_PER_SECOND;

/// A window's most probable language.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageGuess {
    /// Language code.
    pub language: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// Gathers guesses until one is certain.
#[derive(Debug)]
pub struct LanguageVote {
    certain: f64,
    guesses: Vec<LanguageGuess>,
}

/// The windows `(first frame, frames)` that the language is looked for in: `segments` of `window_frames` each from the
/// first clip's start on, that of the recording if the clip starts behind its end.
///
/// The reference counts one frame behind the content, which comes from the zeros it appends. So does this, but for the
/// first window, which so is the one that text is generated from.
#[must_use]
pub fn detection_windows(
    clip_start: Option<f64>,
    content_frames: usize,
    window_frames: usize,
    segments: usize,
) -> Vec<(usize, usize)> {
    let first = clip_start
        .map(|seconds| seconds * FRAMES_PER_SECOND as f64)
        .filter(|&frame| frame < content_frames as f64)
        .map_or(0, |frame| frame.max(0.0) as usize);
    (first..content_frames + 1)
        .step_by(window_frames)
        .take(segments)
        .map(|start| {
            let end = if start == first { content_frames.max(start + 1) } else { content_frames + 1 };
            (start, window_frames.min(end - start))
        })
        .collect()
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

    #[test]
    fn the_language_is_looked_for_from_the_first_clip_on() {
        assert_eq!(detection_windows(None, 7000, 3000, 1), [(0, 3000)]);
        assert_eq!(detection_windows(None, 7000, 3000, 9), [(0, 3000), (3000, 3000), (6000, 1001)]);
        assert_eq!(detection_windows(None, 500, 3000, 2), [(0, 500)]);
        assert_eq!(detection_windows(None, 0, 3000, 1), [(0, 1)], "silence is asked too");
        assert_eq!(detection_windows(None, 3000, 3000, 2), [(0, 3000), (3000, 1)]);
        assert_eq!(detection_windows(Some(12.349), 7000, 1500, 2), [(1234, 1500), (2734, 1500)]);
        assert_eq!(detection_windows(Some(70.0), 7000, 3000, 1), [(0, 3000)], "behind the end");
    }
}
