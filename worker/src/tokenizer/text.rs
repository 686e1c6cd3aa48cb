//! The tokenizer of the model folder.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::non_speech::non_speech_tokens;
use super::{SpecialTokens, trim_white_space};

/// Why the tokenizer cannot be used.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// `tokenizer.json` cannot be read or is none.
    #[error("cannot load tokenizer {path}: {reason}; fetch the model's own tokenizer.json again")]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A token that every Whisper model has is missing.
    #[error("tokenizer {path} has no token {token}; this is not a Whisper model's tokenizer.json")]
    MissingToken {
        /// The file.
        path: PathBuf,
        /// The token.
        token: &'static str,
    },
    /// Text could not be turned into tokens.
    #[error("cannot turn text into tokens: {reason}; fetch the model's own tokenizer.json again")]
    Encode {
        /// What the tokenizer said.
        reason: String,
    },
    /// Tokens could not be turned into text.
    #[error("cannot turn tokens into text: {reason}; fetch the model's own tokenizer.json again")]
    Decode {
        /// What the tokenizer said.
        reason: String,
    },
}

/// Turns text into tokens and back.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    tokenizer: tokenizers::Tokenizer,
    special: SpecialTokens,
    non_speech: Vec<u32>,
}

impl TextTokenizer {
    /// Loads `tokenizer.json`.
    ///
    /// # Errors
    /// When the file cannot be read or is not Whisper's.
    pub fn load(path: &Path) -> Result<Self, TokenizerError> {
        let tokenizer = tokenizers::Tokenizer::from_file(path).map_err(|reason| {
            TokenizerError::Unloadable { path: path.to_owned(), reason: reason.to_string() }
        })?;
        let special = SpecialTokens::find(|token| tokenizer.token_to_id(token))
            .map_err(|token| TokenizerError::MissingToken { path: path.to_owned(), token })?;
        let non_speech = non_speech_tokens(|text| encode(&tokenizer, text))?;
        Ok(Self { tokenizer, special, non_speech })
    }

    /// Whisper's special tokens.
    #[must_use]
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// Tokens of text as it stands, without special ones.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(&self.tokenizer, text)
    }

    /// Tokens of a prompt: the text without outer white space, after one space.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode(&format!(" {}", trim_white_space(text)))
    }

    /// The text of tokens; timestamps and other special tokens leave nothing.
    ///
    /// # Errors
    /// When the tokenizer refuses the tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let text: Vec<u32> = tokens.iter().copied().filter(|&token| token < self.special.eot).collect();
        self.decode_run(&text)
    }

    /// The text of tokens with timestamps as `<|1.20|>`.
    ///
    /// # Errors
    /// When the tokenizer refuses the tokens.
    pub fn decode_with_timestamps(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let mut text = String::new();
        for run in tokens.chunk_by(|a, b| !self.special.is_timestamp(*a) && !self.special.is_timestamp(*b)) {
            match run {
                [token] if self.special.is_timestamp(*token) => {
                    let hundredths = (token - self.special.timestamp_begin) * 2;
                    text.push_str(&format!("<|{}.{:02}|>", hundredths / 100, hundredths % 100));
                }
                run => text.push_str(&self.decode_run(run)?),
            }
        }
        Ok(text)
    }

    /// The tokens that the engine shall never write, sorted: `-1` stands for the symbols that are no speech.
    ///
    /// No ids at all suppress nothing, special tokens neither; that is the reference's reading.
    #[must_use]
    pub fn suppressed(&self, wanted: &[i32]) -> Vec<i32> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut suppressed: Vec<u32> = wanted.iter().filter_map(|&id| u32::try_from(id).ok()).collect();
        if wanted.contains(&-1) {
            suppressed.extend(&self.non_speech);
        }
        suppressed.extend(self.special.never_written());
        suppressed.sort_unstable();
        suppressed.dedup();
        suppressed.into_iter().filter_map(|id| i32::try_from(id).ok()).collect()
    }

    fn decode_run(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        self.tokenizer
            .decode(tokens, true)
            .map_err(|reason| TokenizerError::Decode { reason: reason.to_string() })
    }
}

fn encode(tokenizer: &tokenizers::Tokenizer, text: &str) -> Result<Vec<u32>, TokenizerError> {
    let encoding = tokenizer
        .encode(text, false)
        .map_err(|reason| TokenizerError::Encode { reason: reason.to_string() })?;
    Ok(encoding.get_ids().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny_en() -> TextTokenizer {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/models/tiny.en/tokenizer.json");
        TextTokenizer::load(Path::new(path)).unwrap_or_else(|error| panic!("{error} (run make setup)"))
    }

    #[test]
    fn text_and_timestamps_come_back() {
        let tokenizer = tiny_en();
        let mut tokens = tokenizer.encode_prompt("  Hello, world.\n").unwrap();
        assert_eq!(tokenizer.decode(&tokens).unwrap(), " Hello, world.");
        let begin = tokenizer.special().timestamp_begin;
        tokens.insert(0, begin);
        tokens.extend([begin + 61, begin + 61]);
        assert_eq!(tokenizer.decode(&tokens).unwrap(), " Hello, world.");
        let text = tokenizer.decode_with_timestamps(&tokens).unwrap();
        assert_eq!(text, "<|0.00|> Hello, world.<|1.22|><|1.22|>");
    }

    /// The reference's set for tiny.en, by `tools/reference/suppressed.py`.
    #[test]
    fn suppressed_tokens_are_those_of_the_reference() {
        let tokenizer = tiny_en();
        let expected: Vec<i32> =
            serde_json::from_str(include_str!("../../tests/data/suppressed-tiny.en.json")).unwrap();
        assert_eq!(tokenizer.suppressed(&[-1]), expected);
        assert_eq!(tokenizer.suppressed(&[]), [0; 0]);
        let special = tokenizer.suppressed(&[7]);
        assert!(special.contains(&7) && special.len() == 7, "{special:?}");
    }

    #[test]
    fn something_else_than_a_tokenizer_is_named() {
        let message = TextTokenizer::load(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(message.contains("cannot load tokenizer /dev/null"), "{message}");
    }
}
