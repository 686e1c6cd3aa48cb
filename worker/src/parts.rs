//! Parts of recordings: each is published under a name of its own, and whoever publishes the last one joins them to the transcript.
//!
//! A part's lease is completed only when the part is there, and either others are missing or the transcript stands. So there is always
//! somebody left to join them, whoever dies when: who finds the own part published already looks again whether all are there.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::part_key::PartKeys;
use steno_shared::recording::Recording;
use steno_shared::storage::{Put, Store};
use steno_shared::transcript::{Format, Transcript};

use crate::publish::{Publisher, TRANSCRIPT_BYTES_MAX, output_error};
use crate::stage_error::StageError;

/// What stands in the output for a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The recording's transcript.
    Whole(Transcript),
    /// The part's own text, while others may be missing.
    Part {
        /// SHA-256 in hex of its bytes.
        digest: String,
    },
}

/// A part as it is published: the transcript of the recording as far as this part goes, with the recording's times; its durations are
/// the part's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PublishedPart {
    index: u32,
    count: u32,
    transcript: Transcript,
}

/// Where the parts of one batch's recordings lie.
#[derive(Debug, Clone)]
pub struct Parts {
    output: Store,
    keys: PartKeys,
}

impl Parts {
    /// In this output.
    ///
    /// # Errors
    /// If the batch's options cannot be hashed.
    pub fn new(output: Store, meta: &BatchMeta) -> Result<Self, serde_json::Error> {
        Ok(Self { output, keys: PartKeys::new(meta)? })
    }

    /// What is there already for a recording, or part of one.
    ///
    /// # Errors
    /// As [`Publisher::find_published`].
    pub async fn find(
        &self,
        publisher: &Publisher,
        recording: &Recording,
    ) -> Result<Option<Standing>, StageError> {
        if let Some(transcript) = publisher.find_published(recording).await? {
            return Ok(Some(Standing::Whole(transcript)));
        }
        let Some(key) = self.keys.of(recording) else { return Ok(None) };
        let part = self.read(&key).await?;
        Ok(part.map(|(_, digest)| Standing::Part { digest }))
    }

    /// Publishes a part, if it is not there yet, and the whole transcript, if all parts are. Gives the digest of what was published
    /// last.
    ///
    /// # Errors
    /// If the output cannot be written, or holds something in the transcript's place that may not be replaced.
    pub async fn publish(
        &self,
        publisher: &Publisher,
        recording: &Recording,
        transcript: &Transcript,
    ) -> Result<String, StageError> {
        let (Some(part), Some(key)) = (recording.part, self.keys.of(recording)) else {
            return Err(StageError::Retry(
                "it is no part; this is a defect of Steno, please report it".to_owned(),
            ));
        };
        let published =
            PublishedPart { index: part.index, count: part.count, transcript: transcript.clone() };
        let body = serde_json::to_vec(&published)
            .map_err(|error| StageError::Poison(format!("failed to write the part as JSON: {error}")))?;
        let mut digest = hex(&Sha256::digest(&body));
        let put = self.output.put_new(&key, Bytes::from(body), Format::Json.content_type()).await;
        // If another attempt was first, its text stands: somebody may have joined it with others already.
        if put.map_err(|error| output_error(&error))? == Put::Exists
            && let Some((_, standing)) = self.read(&key).await?
        {
            digest = standing;
        }
        Ok(self.join_if_all(publisher, recording).await?.unwrap_or(digest))
    }

    /// Joins the parts and publishes the transcript, if all are there, and clears them away; gives the transcript's digest. `None`
    /// while some are missing.
    ///
    /// # Errors
    /// As [`Parts::publish`].
    pub async fn join_if_all(
        &self,
        publisher: &Publisher,
        recording: &Recording,
    ) -> Result<Option<String>, StageError> {
        let Some(parts) = self.all(recording).await? else {
            // They may be missing because another worker has joined and cleared them meanwhile.
            let Some(standing) = publisher.find_published(recording).await? else { return Ok(None) };
            publisher.write_formats(recording, &standing).await?;
            self.clear(recording).await?;
            return Ok(Some(publisher.digest_of_published(recording).await?));
        };
        let Some(transcript) = join(parts) else { return Ok(None) };
        let published = publisher.publish(recording, &transcript).await?;
        tracing::info!(
            name = ?recording.name,
            ours = published.ours,
            segments = transcript.segments.len(),
            "transcript.joined"
        );
        self.clear(recording).await?;
        Ok(Some(published.digest))
    }

    /// Removes the parts of a recording whose transcript stands.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub async fn clear(&self, recording: &Recording) -> Result<(), StageError> {
        for key in self.keys.siblings(recording).into_iter().flatten() {
            self.output.delete(&key).await.map_err(|error| output_error(&error))?;
        }
        Ok(())
    }

    /// All parts of the recording that this is a part of, in order; `None` if one is missing.
    async fn all(&self, recording: &Recording) -> Result<Option<Vec<PublishedPart>>, StageError> {
        let keys: Vec<String> = self.keys.siblings(recording).into_iter().flatten().collect();
        // Looked for before they are read, the neighbour first: where one is missing it is most likely not done yet.
        let after = recording.part.map_or(0, |part| part.index as usize + 1);
        for key in keys.iter().cycle().skip(after).take(keys.len()) {
            if self.output.head(key).await.map_err(|error| output_error(&error))?.is_none() {
                return Ok(None);
            }
        }
        let mut parts = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some((part, _)) = self.read(key).await? else { return Ok(None) };
            parts.push(part);
        }
        Ok(Some(parts))
    }

    /// A part and its digest. What cannot be read as one is removed, so that it is made anew.
    async fn read(&self, key: &str) -> Result<Option<(PublishedPart, String)>, StageError> {
        let failed = |error: &_| output_error(error);
        let bytes = self.output.read(key, TRANSCRIPT_BYTES_MAX).await.map_err(|error| failed(&error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        if let Ok(part) = serde_json::from_slice::<PublishedPart>(&bytes) {
            return Ok(Some((part, hex(&Sha256::digest(&bytes)))));
        }
        tracing::warn!(key, "part.unreadable");
        self.output.delete(key).await.map_err(|error| failed(&error))?;
        Ok(None)
    }
}

/// The transcript of a recording from those of its parts, in order; `None` for none. The language is that of the first part in which
/// somebody speaks.
fn join(parts: Vec<PublishedPart>) -> Option<Transcript> {
    let mut parts = parts.into_iter().map(|part| part.transcript);
    let mut whole = parts.next()?;
    for part in parts {
        if whole.segments.is_empty() && !part.segments.is_empty() {
            whole.language = part.language;
            whole.language_probability = part.language_probability;
        }
        whole.segments.extend(part.segments);
        whole.duration = (whole.duration + part.duration).max(0.0);
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
