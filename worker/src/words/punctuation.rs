//! Punctuation belongs to the word that it stands at.

use steno_shared::options::TranscribeOptions;

use super::AlignedWord;
use crate::tokenizer::trim_white_space;

/// Which punctuation belongs to which neighbour. A run of marks counts when it stands in the text as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Punctuation<'a> {
    /// Marks of the word after them.
    pub prepended: &'a str,
    /// Marks of the word before them.
    pub appended: &'a str,
}

impl<'a> Punctuation<'a> {
    /// The marks that the options name.
    #[must_use]
    pub fn of(options: &'a TranscribeOptions) -> Self {
        Self { prepended: &options.prepend_punctuations, appended: &options.append_punctuations }
    }
}

/// Merges marks into their words, which keep their times; what was merged away stays in its place with no text and no
/// tokens.
pub fn merge_punctuation(words: &mut [AlignedWord], punctuation: Punctuation<'_>) {
    let mut following = words.len().saturating_sub(1);
    for i in (0..following).rev() {
        let mark = &words[i].word;
        if mark.starts_with(' ') && punctuation.prepended.contains(trim_white_space(mark)) {
            let (mark, mut tokens) = take(&mut words[i]);
            words[following].word.insert_str(0, &mark);
            tokens.append(&mut words[following].tokens);
            words[following].tokens = tokens;
        } else {
            following = i;
        }
    }
    let mut previous = 0;
    for i in 1..words.len() {
        if !words[previous].word.ends_with(' ') && punctuation.appended.contains(&words[i].word) {
            let (mark, tokens) = take(&mut words[i]);
            words[previous].word.push_str(&mark);
            words[previous].tokens.extend(tokens);
        } else {
            previous = i;
        }
    }
}

fn take(word: &mut AlignedWord) -> (String, Vec<u32>) {
    (std::mem::take(&mut word.word), std::mem::take(&mut word.tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Vec<String> {
        let options = TranscribeOptions::default();
        let mut words: Vec<AlignedWord> = (0..)
            .zip(texts)
            .map(|(i, &text)| AlignedWord {
                word: text.into(),
                tokens: vec![i],
                start: 0.0,
                end: 1.0,
                probability: 1.0,
            })
            .collect();
        merge_punctuation(&mut words, Punctuation::of(&options));
        let tokens: Vec<u32> = words.iter().flat_map(|word| word.tokens.clone()).collect();
        assert_eq!(tokens, (0..texts.len() as u32).collect::<Vec<_>>(), "tokens keep their order");
        words.into_iter().map(|word| word.word).collect()
    }

    #[test]
    fn marks_go_to_their_words() {
        assert_eq!(merged(&[" \"", "Hello", ",", "\"", " he", "."]), ["", " \"Hello,\"", "", "", " he.", ""]);
        assert_eq!(merged(&[" (", " [", "a", "]", ")"]), ["", "", " ( [a])", "", ""]);
    }

    #[test]
    fn marks_without_a_word_stay() {
        assert_eq!(merged(&[]), [""; 0]);
        assert_eq!(merged(&["."]), ["."]);
        assert_eq!(merged(&[" a", " ("]), [" a", " ("]);
        assert_eq!(merged(&[" a ", "."]), [" a ", "."], "not after a space");
        assert_eq!(merged(&["(", "a"]), ["(", "a"], "not without a space");
    }
}
