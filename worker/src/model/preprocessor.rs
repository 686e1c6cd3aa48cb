//! `preprocessor_config.json`: how the model wants its audio.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// The fields that matter here; absent ones have Whisper's usual values.
#[derive(Debug, Deserialize)]
struct PreprocessorConfig {
    feature_size: Option<usize>,
    sampling_rate: Option<usize>,
    hop_length: Option<usize>,
    chunk_length: Option<usize>,
    n_fft: Option<usize>,
}

/// Why a model's wishes for its audio cannot be met.
#[derive(Debug, Error)]
pub enum PreprocessorError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; check its permissions")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no JSON of the kind.
    #[error("{path} is not a preprocessor configuration: {source}; fetch the model's own file again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file asks for something that this version does not compute, or that does not fit the weights.
    #[error(
        "{path} asks for {name} {wanted}, but this model takes {provided}; \
         the file and model.bin belong to different models"
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The setting.
        name: &'static str,
        /// What the file says.
        wanted: usize,
        /// What there is.
        provided: usize,
    },
}

/// Checks that the file's wishes are those that every Whisper model has, with `n_mels` bins.
///
/// # Errors
/// When the file cannot be read, or asks for other features.
pub fn check_preprocessor(path: &Path, n_mels: usize) -> Result<(), PreprocessorError> {
    let text = std::fs::read(path)
        .map_err(|source| PreprocessorError::Unreadable { path: path.to_owned(), source })?;
    let config: PreprocessorConfig = serde_json::from_slice(&text)
        .map_err(|source| PreprocessorError::Malformed { path: path.to_owned(), source })?;
    let wishes = [
        ("feature_size", config.feature_size, n_mels),
        ("sampling_rate", config.sampling_rate, 16_000),
        ("hop_length", config.hop_length, 160),
        ("chunk_length", config.chunk_length, 30),
        ("n_fft", config.n_fft, 400),
    ];
    for (name, wanted, provided) in wishes {
        if let Some(wanted) = wanted.filter(|&wanted| wanted != provided) {
            return Err(PreprocessorError::Unsupported { path: path.to_owned(), name, wanted, provided });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_features_that_do_not_fit_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preprocessor_config.json");
        std::fs::write(&path, r#"{"feature_size": 128, "hop_length": 160, "return_attention_mask": false}"#)
            .unwrap();
        check_preprocessor(&path, 128).unwrap();
        let message = check_preprocessor(&path, 80).unwrap_err().to_string();
        assert!(message.contains("feature_size 128, but this model takes 80"), "{message}");
        std::fs::write(&path, "hello").unwrap();
        assert!(matches!(check_preprocessor(&path, 80), Err(PreprocessorError::Malformed { .. })));
    }
}
