//! A model where it comes from: which files it has, and its hash if they are listed with checksums.

use std::collections::HashMap;

use futures::TryStreamExt as _;

use super::PullError;
use crate::model_folder::{ModelFile, SUMS, identity, is_model_file, missing_files, parse_sums};
use crate::storage::{Entry, Store};

/// The largest list of checksums read, in bytes.
const SUMS_BYTES_MAX: u64 = 1 << 20;

/// A model in a folder or bucket.
#[derive(Debug, Clone)]
pub struct RemoteModel {
    /// The place, as text.
    pub place: String,
    /// Its files.
    pub(super) files: Vec<Entry>,
    /// SHA-256 in hex by file name, as far as they are listed there.
    pub(super) sums: HashMap<String, String>,
}

/// Looks at a model: a listing and its checksums, none of its contents.
///
/// # Errors
/// When the place does not answer or lacks files.
pub async fn look(source: &Store) -> Result<RemoteModel, PullError> {
    let place = source.location().to_string();
    // The whole place is listed; what is no part of a model, or lies in folders below, does not count.
    let listed: Vec<Entry> = source
        .list()
        .try_filter(|entry| std::future::ready(is_model_file(&entry.key) && entry.size_bytes > 0))
        .try_collect()
        .await?;
    let missing = missing_files(|name| listed.iter().any(|entry| entry.key == name));
    if !missing.is_empty() {
        return Err(PullError::Incomplete { place, missing });
    }
    let sums = match source.read(SUMS, SUMS_BYTES_MAX).await? {
        Some(text) => parse_sums(&String::from_utf8_lossy(&text)),
        None => HashMap::new(),
    };
    Ok(RemoteModel { place, files: listed, sums })
}

impl RemoteModel {
    /// The model's [`identity`], from its checksums.
    ///
    /// # Errors
    /// When one is not listed.
    pub fn hash(&self) -> Result<String, PullError> {
        let files = self.files.iter().map(|entry| match self.sums.get(&entry.key) {
            Some(sha256) => {
                Ok(ModelFile { name: entry.key.clone(), bytes: entry.size_bytes, sha256: sha256.clone() })
            }
            None => Err(PullError::NoChecksum { place: self.place.clone(), file: entry.key.clone() }),
        });
        Ok(identity(files.collect::<Result<_, _>>()?))
    }

    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size_bytes).sum()
    }
}
