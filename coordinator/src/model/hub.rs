//! Models from the Hugging Face Hub, over its HTTP API: a listing with sizes and SHA-256 sums, then the files.
//!
//! `HF_ENDPOINT` names another server with the same API, `HF_TOKEN` an access token, as in the Hub's own programs.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use steno_shared::fingerprint::hex;
use steno_shared::model_folder::is_model_file;

use crate::failure::{Failure, root_cause};

const ENDPOINT: &str = "https://huggingface.co";
/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Whether the text is an id such as `Systran/faster-whisper-large-v3`: an owner and a name, and no folder of that name here.
pub(super) fn is_id(source: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    source.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
        && !Path::new(source).exists()
}

/// A file of a repository, as the Hub lists it.
#[derive(Debug, Deserialize)]
struct HubFile {
    path: String,
    #[serde(default)]
    lfs: Option<Lfs>,
}

/// A large file's own listing.
#[derive(Debug, Deserialize)]
struct Lfs {
    /// SHA-256 of its content, in hex.
    oid: String,
}

/// Fetches a model's files into an empty folder, and checks those that have a checksum.
/// `progress` is told the bytes so far.
pub(super) async fn download(
    id: &str,
    folder: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Failure> {
    let hub = Hub::new()?;
    let files = hub.files(id).await?;
    let mut before = 0;
    for file in files.iter().filter(|file| is_model_file(&file.path)) {
        before = hub.file(id, file, folder, before, progress).await?;
    }
    Ok(())
}

struct Hub {
    client: reqwest::Client,
    endpoint: String,
    token: Option<String>,
}

impl Hub {
    fn new() -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let client = reqwest::Client::builder().read_timeout(SILENCE).build().map_err(Failure::internal)?;
        Ok(Self { client, endpoint: endpoint.trim_end_matches('/').to_owned(), token: variable("HF_TOKEN") })
    }

    async fn get(&self, doing: &str, url: &str) -> Result<reqwest::Response, Failure> {
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| lost(doing, &error))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            401 | 403 => Err(Failure::unusable(format!(
                "failed to {doing}: the Hub refuses it; there is no such model, or it asks for an access token in HF_TOKEN"
            ))),
            404 => Err(Failure::unusable(format!("failed to {doing}: the Hub has none; check the id"))),
            status => Err(Failure::lost(format!("failed to {doing}: the Hub answers {status}; try again"))),
        }
    }

    async fn files(&self, id: &str) -> Result<Vec<HubFile>, Failure> {
        let doing = format!("list the files of model {id}");
        let url = format!("{}/api/models/{id}/tree/main", self.endpoint);
        let text = self.get(&doing, &url).await?.text().await.map_err(|error| lost(&doing, &error))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::lost(format!("failed to {doing}: the answer is no listing: {error}")))
    }

    async fn file(
        &self,
        id: &str,
        file: &HubFile,
        folder: &Path,
        before: u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, Failure> {
        let name = &file.path;
        let doing = format!("fetch {name} of model {id}");
        let url = format!("{}/{id}/resolve/main/{name}", self.endpoint);
        let response = self.get(&doing, &url).await?;
        let length = response.content_length();
        let path = folder.join(name);
        let unwritten = |error: std::io::Error| {
            Failure::unusable(format!("failed to write {}: {error}; is there room?", path.display()))
        };
        let mut out = std::fs::File::create(&path).map_err(unwritten)?;
        let (mut sum, mut bytes) = (Sha256::new(), 0);
        let mut body = response.bytes_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| lost(&doing, &error))?;
            out.write_all(&piece).map_err(unwritten)?;
            sum.update(&piece);
            bytes += piece.len() as u64;
            progress(before + bytes);
        }
        let sum = hex(&sum.finalize());
        if length.is_some_and(|length| length != bytes) || file.lfs.as_ref().is_some_and(|lfs| lfs.oid != sum)
        {
            return Err(Failure::lost(format!("failed to {doing}: it came damaged; try again")));
        }
        Ok(before + bytes)
    }
}

fn lost(doing: &str, error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    Failure::lost(format!("failed to {doing}: {cause}; check the network and try again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_places() {
        assert!(is_id("Systran/faster-whisper-large-v3"));
        for place in
            ["s3://models/large-v3", "/models/base", "./base", "../models", "base", "a/b/c", "src/model"]
        {
            assert!(!is_id(place), "{place}");
        }
    }
}
