//! Splitting tokens into words, by faster-whisper 1.2.1's rules (`split_to_word_tokens`).

use super::{TextTokenizer, TokenizerError, trim_white_space};

/// Languages that are written without spaces between words: each character, or token of characters, is a word.
const WITHOUT_SPACES: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];
/// ASCII punctuation in order of its codes; runs of it that stand here as such begin a word too.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
/// What bytes that are no character decode to.
const REPLACEMENT: char = '\u{fffd}';
/// Bytes of the longest character, and so the most tokens that one character can need.
const LONGEST_CHARACTER: usize = 4;

/// A word and the tokens that spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWord {
    /// The word, with the leading space that Whisper writes where its language has spaces.
    pub text: String,
    /// Its tokens, all of text.
    pub tokens: Vec<u32>,
}

impl TextTokenizer {
    /// Splits tokens into the words of a language; timestamps and other special tokens are left out.
    ///
    /// The words' texts together are the tokens' text, and their tokens together are the tokens of text. Where
    /// characters are cut off in the middle, the reference can drop what follows; nothing is dropped here.
    ///
    /// # Errors
    /// When the tokenizer refuses the tokens.
    pub fn split_to_words(&self, tokens: &[u32], language: &str) -> Result<Vec<TokenWord>, TokenizerError> {
        let text: Vec<u32> = tokens.iter().copied().filter(|&token| token < self.special().eot).collect();
        let pieces = split_at_characters(&text, |tokens| self.decode(tokens))?;
        Ok(if WITHOUT_SPACES.contains(&language) { pieces } else { join_at_spaces(pieces) })
    }
}

/// The smallest runs of tokens that hold whole characters.
fn split_at_characters<E>(
    tokens: &[u32],
    decode: impl Fn(&[u32]) -> Result<String, E>,
) -> Result<Vec<TokenWord>, E> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for end in 1..=tokens.len() {
        let text = decode(&tokens[begin..end])?;
        if text.ends_with(REPLACEMENT) {
            // Bytes that never become a character are a piece of their own; those that only begin one are not.
            let ahead = (end + LONGEST_CHARACTER).min(tokens.len());
            let apart = format!("{text}{}", decode(&tokens[end..ahead])?);
            if decode(&tokens[begin..ahead])? != apart {
                continue;
            }
        }
        pieces.push(TokenWord { text, tokens: tokens[begin..end].to_vec() });
        begin = end;
    }
    Ok(pieces)
}

/// Joins what neither begins with a space nor is punctuation to the piece before it.
fn join_at_spaces(pieces: Vec<TokenWord>) -> Vec<TokenWord> {
    let mut words: Vec<TokenWord> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let begins = piece.text.starts_with(' ') || PUNCTUATION.contains(trim_white_space(&piece.text));
        match words.last_mut() {
            Some(word) if !begins => {
                word.text.push_str(&piece.text);
                word.tokens.extend(piece.tokens);
            }
            Some(_) | None => words.push(piece),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Tokens that are bytes.
    fn split(bytes: &[u8]) -> Vec<String> {
        let tokens: Vec<u32> = bytes.iter().map(|&byte| byte.into()).collect();
        let Ok(pieces) = split_at_characters(&tokens, |tokens| -> Result<String, Infallible> {
            let bytes: Vec<u8> = tokens.iter().map(|&token| token as u8).collect();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        assert_eq!(pieces.iter().flat_map(|piece| piece.tokens.clone()).collect::<Vec<_>>(), tokens);
        let texts: Vec<String> = pieces.into_iter().map(|piece| piece.text).collect();
        assert_eq!(texts.concat(), String::from_utf8_lossy(bytes));
        texts
    }

    #[test]
    fn characters_of_several_tokens_stay_whole() {
        assert_eq!(split("你a😀".as_bytes()), ["你", "a", "😀"]);
        assert_eq!(split(&[]), [""; 0]);
    }

    #[test]
    fn bytes_that_are_no_character_are_pieces_and_take_nothing_with_them() {
        assert_eq!(split(b"a\xe4\xbd b"), ["a", "\u{fffd}", " ", "b"], "cut off in the middle");
        assert_eq!(split(b"a\xe4\xbd"), ["a", "\u{fffd}"], "cut off at the end");
        assert_eq!(split(b"\xff\xf0\x9f\xff"), ["\u{fffd}", "\u{fffd}", "\u{fffd}"]);
        assert_eq!(split("\u{fffd}→".as_bytes()), ["\u{fffd}", "→"], "the replacement character itself");
    }

    #[test]
    fn spaces_and_punctuation_begin_words() {
        let pieces = [" He", "llo", ",", " wor", "ld", "...", "()", "\n", "é"];
        let pieces = (0..).zip(pieces).map(|(i, text)| TokenWord { text: text.into(), tokens: vec![i] });
        let words = join_at_spaces(pieces.collect());
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, [" Hello", ",", " world...", "()", "\né"]);
        assert_eq!(words[2].tokens, [3, 4, 5]);
    }
}
