//! Parts of recordings: each is published under a name of its own, and whoever publishes the last one joins them to the transcript.
//!
//! A part's lease is completed only when the part is there, and either others are missing or the transcript stands. So there is always
//! somebody left to join them, whoever dies when: who finds the own part published already looks again whether all are there.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use steno_shared::fingerprint::hex;
use steno_shared::part_key::{part_key, part_keys};
use steno_shared::recording::Recording;
use steno_shared::storage::Put;
use steno_shared::transcript::{Format, Transcript};

use crate::publish::{Publisher, TRANSCRIPT_BYTES_MAX, output_error};
use crate::stage_error::StageError;

/// What stands in the output for a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The recording's transcript.
    Whole(Box<Transcript>),
    /// The part's own text, while others may be missing.
    Part {
        /// SHA-256 in hex of its bytes.
        digest: String,
    },
}

/// Of a part is published the transcript of the recording as far as the part goes, with the recording's times; its durations are the
/// part's own.
impl Publisher {
    /// What is there already for a recording, or part of one.
    ///
    /// # Errors
    /// As [`Publisher::find_published`].
    pub async fn find_standing(&self, recording: &Recording) -> Result<Option<Standing>, StageError> {
        if let Some(transcript) = self.find_published(recording).await? {
            return Ok(Some(Standing::Whole(Box::new(transcript))));
        }
        let Some(key) = part_key(recording, &self.fingerprint(recording)) else { return Ok(None) };
        let part = self.read_part(&key).await?;
        Ok(part.map(|(_, digest)| Standing::Part { digest }))
    }

    /// Publishes a part, if it is not there yet, and the whole transcript, if all parts are. Gives the digest of what was published
    /// last.
    ///
    /// # Errors
    /// If the output cannot be written, or holds something in the transcript's place that may not be replaced.
    pub async fn publish_part(
        &self,
        recording: &Recording,
        transcript: &Transcript,
    ) -> Result<String, StageError> {
        let Some(key) = part_key(recording, &self.fingerprint(recording)) else {
            return Err(StageError::Retry(
                "it is no part; this is a defect of Steno, please report it".to_owned(),
            ));
        };
        let body = transcript
            .to_json()
            .map_err(|error| StageError::Poison(format!("failed to write the part as JSON: {error}")))?;
        let mut digest = hex(&Sha256::digest(&body));
        let put = self.output.put_new(&key, Bytes::from(body), Format::Json.content_type()).await;
        // If another attempt was first, its text stands: somebody may have joined it with others already.
        if put.map_err(|error| output_error(&error))? == Put::Exists
            && let Some((_, standing)) = self.read_part(&key).await?
        {
            digest = standing;
        }
        Ok(self.join_if_all(recording).await?.unwrap_or(digest))
    }

    /// Joins the parts and publishes the transcript, if all are there, and clears them away; gives the transcript's digest. `None`
    /// while some are missing.
    ///
    /// # Errors
    /// As [`Publisher::publish_part`].
    pub async fn join_if_all(&self, recording: &Recording) -> Result<Option<String>, StageError> {
        let Some(transcript) = self.all_parts(recording).await?.and_then(join) else {
            // They may be missing because another worker has joined and cleared them meanwhile.
            let Some(standing) = self.find_published(recording).await? else { return Ok(None) };
            return self.complete_standing(recording, &standing).await.map(Some);
        };
        let published = self.publish(recording, &transcript).await?;
        tracing::info!(
            name = ?recording.name,
            ours = published.ours,
            segments = transcript.segments.len(),
            "transcript.joined"
        );
        self.clear_parts(recording).await?;
        Ok(Some(published.digest))
    }

    /// Writes what is missing beside the transcript that stands, and clears its parts away. Gives its digest.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub async fn complete_standing(
        &self,
        recording: &Recording,
        standing: &Transcript,
    ) -> Result<String, StageError> {
        self.write_formats(recording, standing).await?;
        self.clear_parts(recording).await?;
        self.digest_of_published(recording).await
    }

    /// Removes the parts of a recording whose transcript stands.
    async fn clear_parts(&self, recording: &Recording) -> Result<(), StageError> {
        for key in part_keys(recording, &self.fingerprint(recording)) {
            self.output.delete(&key).await.map_err(|error| output_error(&error))?;
        }
        Ok(())
    }

    /// All parts of the recording that this is a part of, in order; `None` if one is missing.
    async fn all_parts(&self, recording: &Recording) -> Result<Option<Vec<Transcript>>, StageError> {
        let keys = part_keys(recording, &self.fingerprint(recording));
        // Looked for before they are read, the neighbour first: where one is missing it is most likely not done yet.
        let after = recording.part.map_or(0, |part| part.index as usize + 1);
        for key in keys.iter().cycle().skip(after).take(keys.len()) {
            if self.output.head(key).await.map_err(|error| output_error(&error))?.is_none() {
                return Ok(None);
            }
        }
        let mut parts = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some((part, _)) = self.read_part(key).await? else { return Ok(None) };
            parts.push(part);
        }
        Ok(Some(parts))
    }

    /// A part and its digest. What cannot be read as one is removed, so that it is made anew.
    async fn read_part(&self, key: &str) -> Result<Option<(Transcript, String)>, StageError> {
        let bytes = self.output.read(key, TRANSCRIPT_BYTES_MAX).await;
        let Some(bytes) = bytes.map_err(|error| output_error(&error))? else { return Ok(None) };
        if let Ok(part) = serde_json::from_slice(&bytes) {
            return Ok(Some((part, hex(&Sha256::digest(&bytes)))));
        }
        tracing::warn!(key, "part.unreadable");
        self.output.delete(key).await.map_err(|error| output_error(&error))?;
        Ok(None)
    }
}

/// The transcript of a recording from those of its parts, in order; `None` for none. The language is that of the first part in which
/// somebody speaks.
fn join(parts: Vec<Transcript>) -> Option<Transcript> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next()?;
    for part in parts {
        if whole.segments.is_empty() && !part.segments.is_empty() {
            whole.language = part.language;
            whole.language_probability = part.language_probability;
        }
        whole.segments.extend(part.segments);
        whole.duration += part.duration;
        whole.duration_after_vad = match (whole.duration_after_vad, part.duration_after_vad) {
            (Some(before), Some(more)) => Some(before + more),
            (before, more) => before.or(more),
        };
        whole.provenance.attempt = whole.provenance.attempt.max(part.provenance.attempt);
        for warning in part.warnings {
            if !whole.warnings.contains(&warning) {
                whole.warnings.push(warning);
            }
        }
    }
    Some(whole)
}
