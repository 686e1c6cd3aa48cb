//! Publishing a transcript: JSON first and only if no other is there, then the other formats from it.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::{Fingerprint, hex};
use steno_shared::output_name::transcript_key;
use steno_shared::recording::Recording;
use steno_shared::storage::{Put, StorageError, Store};
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::{Format, Transcript};

use crate::formats;
use crate::stage_error::{Side, StageError};

/// The largest transcript read back, in bytes.
pub(crate) const TRANSCRIPT_BYTES_MAX: u64 = 1 << 30;

/// How often a transcript made with other settings is replaced before the worker gives up racing for it.
const REPLACE_ATTEMPTS: u32 = 3;

/// Writes the transcripts of one batch.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub(crate) output: Store,
    formats: Vec<Format>,
    subtitles: SubtitleLayout,
    model_hash: String,
    options_hash: String,
    replace_existing: bool,
}

/// A transcript that lies in the output now.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// SHA-256 in hex of the JSON's bytes.
    pub digest: String,
    /// Whether this worker wrote it; otherwise another worker was first.
    pub ours: bool,
}

enum Existing {
    None,
    Same { transcript: Box<Transcript>, digest: String },
    Other,
}

impl Publisher {
    /// A publisher for one batch.
    ///
    /// # Errors
    /// If the options cannot be hashed.
    pub fn new(output: Store, meta: &BatchMeta, replace_existing: bool) -> Result<Self, serde_json::Error> {
        Ok(Self {
            output,
            formats: meta.formats.clone(),
            subtitles: meta.subtitles,
            model_hash: meta.model.hash.clone(),
            options_hash: meta.options.hash()?,
            replace_existing,
        })
    }

    /// The fingerprint of a recording's transcript in this batch.
    #[must_use]
    pub fn fingerprint(&self, recording: &Recording) -> Fingerprint {
        Fingerprint::new(&recording.etag, recording.size_bytes, &self.model_hash, &self.options_hash)
    }

    /// The hash of the batch's options.
    #[must_use]
    pub fn options_hash(&self) -> &str {
        &self.options_hash
    }

    /// The transcript of this very recording, model and options, if it is already published.
    ///
    /// # Errors
    /// If the output cannot be read, or holds something else in its place that may not be replaced.
    pub async fn find_published(&self, recording: &Recording) -> Result<Option<Transcript>, StageError> {
        match self.existing(recording).await? {
            Existing::Same { transcript, .. } => Ok(Some(*transcript)),
            Existing::Other if !self.replace_existing => Err(self.occupied(recording)),
            Existing::None | Existing::Other => Ok(None),
        }
    }

    /// Something else lies where the transcript should go.
    fn occupied(&self, recording: &Recording) -> StageError {
        StageError::Poison(format!(
            "{}/{} exists and was made from another version of the recording, with other settings, or of a recording whose name \
             this file system does not tell from this one's; use another --out, or --existing replace",
            self.output.location(),
            transcript_key(&recording.name, Format::Json.extension())
        ))
    }

    /// Publishes `transcript`, unless somebody else has published one with the same fingerprint: then that one
    /// stands. The other formats are written from the one that stands.
    ///
    /// # Errors
    /// If the output cannot be written, or holds something that was not made with these settings.
    pub async fn publish(
        &self,
        recording: &Recording,
        transcript: &Transcript,
    ) -> Result<Published, StageError> {
        let key = transcript_key(&recording.name, Format::Json.extension());
        let body = transcript.to_json().map_err(|error| {
            StageError::Poison(format!("failed to write the transcript as JSON: {error}"))
        })?;
        let body = Bytes::from(body);
        let own_digest = hex(&Sha256::digest(&body));
        for _ in 0..REPLACE_ATTEMPTS {
            let put = self.output.put_new(&key, body.clone(), Format::Json.content_type()).await;
            match put.map_err(|error| output_error(&error))? {
                Put::Created => {
                    self.write_formats(recording, transcript).await?;
                    return Ok(Published { digest: own_digest, ours: true });
                }
                Put::Exists => {}
            }
            match self.existing(recording).await? {
                Existing::Same { transcript: standing, digest } => {
                    self.write_formats(recording, &standing).await?;
                    return Ok(Published { ours: digest == own_digest, digest });
                }
                Existing::Other if self.replace_existing => {
                    self.output.delete(&key).await.map_err(|error| output_error(&error))?;
                }
                Existing::Other => return Err(self.occupied(recording)),
                Existing::None => {}
            }
        }
        Err(StageError::Retry(format!(
            "{key} keeps being written by somebody else; is another batch using this output?"
        )))
    }

    /// Writes the formats beside JSON from the transcript that stands. Repeating it changes nothing.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub async fn write_formats(
        &self,
        recording: &Recording,
        standing: &Transcript,
    ) -> Result<(), StageError> {
        for &format in &self.formats {
            let Some(text) = formats::render(format, standing, &self.subtitles) else { continue };
            let key = transcript_key(&recording.name, format.extension());
            let put = self.output.put(&key, Bytes::from(text), format.content_type()).await;
            put.map_err(|error| output_error(&error))?;
        }
        Ok(())
    }

    /// The digest of the published JSON, as [`Publisher::publish`] gives it.
    ///
    /// # Errors
    /// If the output cannot be read, or the transcript vanished.
    pub async fn digest_of_published(&self, recording: &Recording) -> Result<String, StageError> {
        match self.existing(recording).await? {
            Existing::Same { digest, .. } => Ok(digest),
            Existing::None | Existing::Other => Err(StageError::Retry(format!(
                "the transcript of {:?} vanished from {} while it was being completed",
                recording.name,
                self.output.location()
            ))),
        }
    }

    async fn existing(&self, recording: &Recording) -> Result<Existing, StageError> {
        let key = transcript_key(&recording.name, Format::Json.extension());
        let bytes =
            self.output.read(&key, TRANSCRIPT_BYTES_MAX).await.map_err(|error| output_error(&error))?;
        let Some(bytes) = bytes else { return Ok(Existing::None) };
        let Ok(transcript) = serde_json::from_slice::<Transcript>(&bytes) else { return Ok(Existing::Other) };
        // The name too: some file systems take two names for one.
        if transcript.provenance.fingerprint == self.fingerprint(recording)
            && transcript.filename == recording.name
        {
            let digest = hex(&Sha256::digest(&bytes));
            Ok(Existing::Same { transcript: Box::new(transcript), digest })
        } else {
            Ok(Existing::Other)
        }
    }
}

pub(crate) fn output_error(error: &StorageError) -> StageError {
    StageError::from_storage(Side::Output, error)
}
