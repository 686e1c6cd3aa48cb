//! Transcripts that are in the output already.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::{Fingerprint, hex};
use steno_shared::output_name::transcript_key;
use steno_shared::recording::Recording;
use steno_shared::storage::{StorageError, Store};
use steno_shared::transcript::{Format, PublishedHead};

use crate::failure::Failure;

/// The largest transcript looked at, in bytes.
const BYTES_MAX: u64 = 1 << 30;

/// What the output holds for a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// Its transcript, in all formats.
    Whole {
        /// SHA-256 in hex of the JSON's bytes.
        digest: String,
    },
    /// Its transcript, but not in all formats: the others are written from it, without transcribing again.
    Partial,
    /// Something else.
    OtherSettings,
}

/// The output of a batch.
pub(super) struct Transcripts<'a> {
    pub(super) output: &'a Store,
    pub(super) meta: &'a BatchMeta,
    options_hash: String,
}

impl<'a> Transcripts<'a> {
    pub(super) fn new(output: &'a Store, meta: &'a BatchMeta) -> Result<Self, Failure> {
        let options_hash = meta.options.hash().map_err(Failure::usage)?;
        Ok(Self { output, meta, options_hash })
    }

    /// The fingerprint of a recording's transcript in this batch.
    pub(super) fn fingerprint(&self, recording: &Recording) -> Fingerprint {
        let Recording { etag, size_bytes, .. } = recording;
        Fingerprint::new(etag, *size_bytes, &self.meta.model.hash, &self.options_hash)
    }

    /// What the output, whose keys are these, holds for a recording.
    pub(super) async fn look(
        &self,
        recording: &Recording,
        keys: &HashSet<String>,
    ) -> Result<There, StorageError> {
        let key = transcript_key(&recording.name, Format::Json.extension());
        if !keys.contains(&key) {
            // A file of the user's own where one of the other formats should go is not overwritten either.
            let mut others =
                self.meta.formats.iter().map(|format| transcript_key(&recording.name, format.extension()));
            return Ok(if others.any(|key| keys.contains(&key)) {
                There::OtherSettings
            } else {
                There::Nothing
            });
        }
        let Some(bytes) = self.output.read(&key, BYTES_MAX).await? else {
            return Ok(There::Nothing);
        };
        let Ok(head) = serde_json::from_slice::<PublishedHead>(&bytes) else {
            return Ok(There::OtherSettings);
        };
        // The name too: some file systems take two names for one.
        if head.provenance.fingerprint != self.fingerprint(recording) || head.filename != recording.name {
            return Ok(There::OtherSettings);
        }
        let is_whole = self
            .meta
            .formats
            .iter()
            .all(|format| keys.contains(&transcript_key(&recording.name, format.extension())));
        Ok(if is_whole { There::Whole { digest: hex(&Sha256::digest(&bytes)) } } else { There::Partial })
    }
}
