//! Transcripts in an output folder, as bytes and as what they say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;
use steno_shared::part_key::PART_PREFIX;

/// A file: its bytes and when it was last written.
pub type Written = (Vec<u8>, SystemTime);

/// All files below a folder by their names relative to it. An absent folder has none.
///
/// # Errors
/// When one cannot be read.
pub fn files(root: &Path) -> anyhow::Result<BTreeMap<String, Written>> {
    let mut found = BTreeMap::new();
    for path in paths(root)? {
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        match std::fs::read(&path).and_then(|bytes| Ok((bytes, path.metadata()?.modified()?))) {
            Ok(written) => {
                found.insert(name, written);
            }
            // A temporary that got its name meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
        }
    }
    Ok(found)
}

/// The files whose names end with `.extension`.
///
/// # Errors
/// When one cannot be read.
pub fn with_extension(root: &Path, extension: &str) -> anyhow::Result<BTreeMap<String, Written>> {
    let suffix = format!(".{extension}");
    Ok(files(root)?.into_iter().filter(|(name, _)| name.ends_with(&suffix)).collect())
}

/// How many transcripts there are, whatever waits for other parts.
///
/// # Errors
/// When the folder cannot be listed.
pub fn count(root: &Path) -> anyhow::Result<usize> {
    let is_transcript = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".json") && !name.starts_with(PART_PREFIX)
    };
    Ok(paths(root)?.iter().filter(is_transcript).count())
}

fn paths(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// Checks a transcript against the published schema and gives it as JSON.
///
/// # Errors
/// When it is not valid.
pub fn valid(name: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let path = crate::audio::repository().join("schema/transcript-1.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| anyhow!("the schema: {error}"))?;
    let transcript: Value =
        serde_json::from_slice(bytes).with_context(|| format!("{name:?} is not whole JSON"))?;
    let faults: Vec<String> = validator.iter_errors(&transcript).map(|error| error.to_string()).collect();
    ensure!(faults.is_empty(), "{name:?} is not as the schema says: {faults:?}");
    Ok(transcript)
}

/// The texts of a transcript's segments.
#[must_use]
pub fn texts(transcript: &Value) -> Vec<&str> {
    let segments = transcript["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    segments.iter().filter_map(|segment| segment["text"].as_str()).collect()
}

/// All of it, in lower case.
#[must_use]
pub fn text(transcript: &Value) -> String {
    texts(transcript).concat().to_lowercase()
}
