//! The engine's vocabulary: token strings by id.
//!
//! The engine takes prompts as strings and silently reads an unknown one as the end of text, so ids are
//! turned into strings here, and unknown ones refused.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::tokenizer::SpecialTokens;

/// Token strings by id.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
}

/// Why a vocabulary or a token of it cannot be used.
#[derive(Debug, Error)]
pub enum VocabularyError {
    /// The file cannot be read.
    #[error("cannot read vocabulary {path}: {source}; check its permissions and that it is UTF-8")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no JSON list of strings.
    #[error("vocabulary {path} is not a JSON list of tokens: {source}; fetch the model's own file again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A special token is not where the tokenizer says.
    #[error(
        "the model's vocabulary has {found:?} where tokenizer.json has {token} (id {id}); \
         they belong to different models: fetch both again"
    )]
    OtherToken {
        /// The token's id in the tokenizer.
        id: u32,
        /// Its name.
        token: String,
        /// What the vocabulary has there.
        found: Option<String>,
    },
    /// The model has no such token, or its string stands for another one.
    #[error(
        "token {id} is not in the model's vocabulary of {size} tokens; \
         tokenizer.json and the vocabulary belong to different models"
    )]
    UnknownToken {
        /// The token's id.
        id: u32,
        /// How many the model has.
        size: usize,
    },
}

impl Vocabulary {
    /// Reads `vocabulary.json` (a list of strings) or `vocabulary.txt` (one a line).
    ///
    /// # Errors
    /// When the file cannot be read or is no list.
    pub fn load(path: &Path) -> Result<Self, VocabularyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| VocabularyError::Unreadable { path: path.to_owned(), source })?;
        let tokens = if path.extension().is_some_and(|extension| extension == "json") {
            serde_json::from_str(&text)
                .map_err(|source| VocabularyError::Malformed { path: path.to_owned(), source })?
        } else {
            // Only the line feed ends a line: tokens may hold a carriage return.
            text.strip_suffix('\n').unwrap_or(&text).split('\n').map(str::to_owned).collect()
        };
        Ok(Self::new(tokens))
    }

    fn new(tokens: Vec<String>) -> Self {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in (0..).zip(&tokens) {
            ids.entry(token.clone()).or_insert(id);
        }
        Self { tokens, ids }
    }

    /// Checks that the special tokens, timestamps among them, are where the tokenizer has them: the engine goes by the
    /// vocabulary, prompts and text by the tokenizer.
    ///
    /// # Errors
    /// The first one that is elsewhere or missing.
    pub fn check(&self, special: &SpecialTokens) -> Result<(), VocabularyError> {
        for (names, id) in special.names() {
            let found = self.tokens.get(id as usize);
            if !found.is_some_and(|found| names.iter().any(|name| name == found)) {
                let token = names.first().cloned().unwrap_or_default();
                return Err(VocabularyError::OtherToken { id, token, found: found.cloned() });
            }
        }
        Ok(())
    }

    /// The token's string, if the engine reads that string as this token.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn token(&self, id: u32) -> Result<&str, VocabularyError> {
        self.tokens
            .get(id as usize)
            .filter(|token| self.ids.get(*token) == Some(&id))
            .map(String::as_str)
            .ok_or(VocabularyError::UnknownToken { id, size: self.tokens.len() })
    }

    /// The strings of several tokens.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn strings(&self, ids: &[u32]) -> Result<Vec<&str>, VocabularyError> {
        ids.iter().map(|&id| self.token(id)).collect()
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token's id, if there is such a token.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_and_unknown_or_ambiguous_ids_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (text, json) = (folder.path().join("vocabulary.txt"), folder.path().join("vocabulary.json"));
        std::fs::write(&text, "a\nb\r\na\nc\n").unwrap();
        std::fs::write(&json, r#"["a", "b\r", "a", "c"]"#).unwrap();
        for path in [text, json] {
            let vocabulary = Vocabulary::load(&path).unwrap();
            assert_eq!(vocabulary.strings(&[0, 1, 3]).unwrap(), ["a", "b\r", "c"]);
            assert_eq!(vocabulary.id("c"), Some(3));
            for id in [2, 4] {
                let message = vocabulary.token(id).unwrap_err().to_string();
                assert!(message.contains(&format!("token {id} is not in")), "{message}");
            }
        }
    }
}
