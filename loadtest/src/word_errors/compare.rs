//! Transcripts of an output, compared with the reference texts of its recordings.

use futures::TryStreamExt as _;
use serde::de::DeserializeOwned;
use steno_coordinator::failure::Failure;
use steno_shared::output_name::transcript_key;
use steno_shared::part_key::PART_PREFIX;
use steno_shared::storage::Store;
use steno_shared::transcript::Transcript;

use super::rates::{ErrorRates, Errors};
use super::reference::{Known, NOTE_KEY, Reference, text_of};

/// Recordings that are compared at once.
const AT_ONCE: usize = 32;
const TRANSCRIPT_BYTES_MAX: u64 = 1 << 30;

/// Compares. Transcripts without a reference are passed over.
///
/// # Errors
/// If a store cannot be read, a file is not what it should be, or there are no references.
pub async fn compare(transcripts: &Store, references: &Store) -> Result<ErrorRates, Failure> {
    transcripts.check_readable().await?;
    references.check_readable().await?;
    // Parts say less than the recording that they are of.
    let is_reference =
        |key: &String| key.ends_with(".json") && key != NOTE_KEY && !key.starts_with(PART_PREFIX);
    let keys =
        references.list().map_ok(|entry| entry.key).try_filter(|key| std::future::ready(is_reference(key)));
    let compared = keys
        .map_err(Failure::from)
        .map_ok(|key| compare_one(key, transcripts, references))
        .try_buffer_unordered(AT_ONCE);
    let mut compared = std::pin::pin!(compared);
    let mut rates = ErrorRates::default();
    while let Some((reference, errors)) = compared.try_next().await? {
        rates.add(&reference, &errors);
    }
    if rates.all.recordings == 0 {
        return Err(Failure::usage(format!(
            "{} holds no reference texts; `steno-loadtest generate --speech` writes them, and an output of Steno's is taken for such",
            references.location()
        )));
    }
    Ok(rates)
}

async fn compare_one(
    key: String,
    transcripts: &Store,
    references: &Store,
) -> Result<(Reference, Errors), Failure> {
    let known: Option<Known> = read(references, &key, "reference text").await?;
    let reference = known
        .map(Reference::from)
        .ok_or_else(|| Failure::unusable(format!("{key:?} has gone from {}", references.location())))?;
    let transcript: Option<Transcript> =
        read(transcripts, &transcript_key(&reference.name, "json"), "transcript").await?;
    let compared = tokio::task::spawn_blocking(move || {
        let text = transcript.as_ref().map(text_of);
        let errors = Errors::of(&reference, text.as_deref());
        (reference, errors)
    });
    compared.await.map_err(|error| Failure::internal(format!("failed to compare {key:?}: {error}")))
}

async fn read<T: DeserializeOwned>(store: &Store, key: &str, what: &str) -> Result<Option<T>, Failure> {
    let Some(body) = store.read(key, TRANSCRIPT_BYTES_MAX).await? else { return Ok(None) };
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| Failure::unusable(format!("{key:?} in {} is no {what}: {error}", store.location())))
}
