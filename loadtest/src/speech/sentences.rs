//! What is said: plain sentences of everyday words, without numbers and names, so that their spelling is not a matter of taste.

use rand::Rng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

/// Of so many sentences one is two of the list, joined.
const ALONE_SHARE: f64 = 0.6;

/// The sentences of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentences {
    /// Language code, as in a transcript.
    pub language: &'static str,
    /// A sentence a line, with a capital letter and a full stop.
    lines: &'static str,
    /// What joins two of them.
    joints: &'static [&'static str],
}

/// All languages that there are sentences in.
pub(super) const ALL: [Sentences; 4] = [
    Sentences { language: "en", lines: include_str!("sentences/en.txt"), joints: &["and", "but"] },
    Sentences { language: "de", lines: include_str!("sentences/de.txt"), joints: &["und", "aber"] },
    Sentences { language: "es", lines: include_str!("sentences/es.txt"), joints: &["y", "pero"] },
    Sentences { language: "fr", lines: include_str!("sentences/fr.txt"), joints: &["et", "mais"] },
];

impl Sentences {
    /// Those of a language; `None` if there are none.
    #[must_use]
    pub fn of(language: &str) -> Option<Self> {
        ALL.into_iter().find(|sentences| sentences.language == language)
    }

    /// Sentences without end. None comes again before all the others have been said.
    pub fn shuffled<R: Rng>(self, mut random: R) -> impl Iterator<Item = String> {
        let mut deck: Vec<&str> = Vec::new();
        let mut next = move |random: &mut R| {
            if deck.is_empty() {
                deck = self.lines.lines().collect();
                deck.shuffle(random);
            }
            deck.pop().unwrap_or_default()
        };
        std::iter::repeat_with(move || {
            let first = next(&mut random);
            if random.random_bool(ALONE_SHARE) {
                return first.to_owned();
            }
            let joint = self.joints.choose(&mut random).copied().unwrap_or_default();
            format!("{}, {joint} {}", first.trim_end_matches('.'), uncapitalised(next(&mut random)))
        })
    }
}

fn uncapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use std::collections::HashSet;

    #[test]
    fn sentences_are_plain_and_each_is_there_once() {
        for Sentences { language, lines, .. } in ALL {
            let all: HashSet<&str> = lines.lines().collect();
            assert!(all.len() >= 40 && all.len() == lines.lines().count(), "{language}");
            for line in all {
                assert!(line.ends_with('.') && line.starts_with(char::is_uppercase), "{line}");
                let is_plain = |c: char| c.is_alphabetic() || " ,.".contains(c) || (c == '\'' || c == '-');
                assert!(line.chars().all(is_plain), "{line}");
            }
        }
        assert_eq!(Sentences::of("xx"), None);
    }

    #[test]
    fn a_seed_says_the_same_and_nothing_twice_before_all_were_said() {
        let said = |seed| Sentences::of("en").unwrap().shuffled(StdRng::seed_from_u64(seed));
        assert!(said(1).take(500).eq(said(1).take(500)));
        assert!(!said(1).take(5).eq(said(2).take(5)));
        // With 120 sentences, 60 are said before one can come again, even if each is two.
        let parts: Vec<String> = said(3)
            .take(60)
            .flat_map(|sentence| {
                let lower = sentence.to_lowercase().trim_end_matches('.').to_owned();
                lower.split(", and ").map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let distinct: HashSet<&String> = parts.iter().collect();
        assert_eq!(distinct.len(), parts.len());
        let joined = said(4).find(|sentence| sentence.contains(", and ")).unwrap();
        assert!(joined.ends_with('.') && joined.matches('.').count() == 1, "{joined}");
    }
}
