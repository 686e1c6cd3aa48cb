//! Models on their way into a cache: from a bucket, a folder, a hub; once, whole, undamaged.

mod cache;
mod hub;

use std::path::Path;

use sha2::{Digest as _, Sha256};
use steno_shared::fingerprint::hex;

/// Files of a model's shape: nothing here looks into them.
const FILES: [(&str, &str); 4] = [
    ("config.json", "{}"),
    ("model.bin", "weights, weights, weights"),
    ("tokenizer.json", "{\"tokens\": []}"),
    ("vocabulary.json", "[\"a\", \"b\"]"),
];

fn sums() -> String {
    FILES.iter().map(|(name, text)| format!("{}  {name}\n", hex(&Sha256::digest(text)))).collect()
}

/// Checks that a folder holds the model, its checksums, and nothing else.
fn is_whole(folder: &Path) -> anyhow::Result<()> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<_>>()?;
    names.sort();
    anyhow::ensure!(
        names == ["SHA256SUMS", "config.json", "model.bin", "tokenizer.json", "vocabulary.json"],
        "the folder holds {names:?}"
    );
    for (name, text) in FILES {
        anyhow::ensure!(std::fs::read_to_string(folder.join(name))? == text, "{name} is not the source's");
    }
    anyhow::ensure!(std::fs::read_to_string(folder.join("SHA256SUMS"))? == sums());
    Ok(())
}
