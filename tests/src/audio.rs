//! Recordings for a scenario, made from the real speech in `samples/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The repository's root.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Eleven seconds of clear speech that every model transcribes alike: "… ask not what your country can do for you …".
#[must_use]
pub fn speech() -> PathBuf {
    repository().join("samples/jfk inaugural address.flac")
}

/// A program or folder that `make setup-tests` puts into `.local`.
///
/// # Errors
/// When it is missing.
pub fn fetched(path: &str) -> anyhow::Result<PathBuf> {
    let full = repository().join(".local").join(path);
    ensure!(full.exists(), "{} is missing: run make setup-tests", full.display());
    // By the name that a user gives: what the link leads to is called otherwise.
    Ok(std::path::absolute(full)?)
}

/// Copies the speech.
///
/// # Errors
/// When it cannot be copied.
pub fn copy_speech(to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // Read and written, so that the copy has a time of its own.
    std::fs::write(to, std::fs::read(speech())?).with_context(|| format!("failed to write {}", to.display()))
}

/// Converts the speech with these arguments of ffmpeg for its output.
///
/// # Errors
/// When ffmpeg refuses.
pub fn convert_speech(arguments: &[&str], to: &Path) -> anyhow::Result<()> {
    let speech = speech();
    ffmpeg(&[&["-i", &speech.to_string_lossy()], arguments].concat(), to)
}

/// A FLAC file without audio that says to be so long, with bytes of its own.
#[must_use]
pub fn flac_header(seconds: u32, own: &[u8]) -> Vec<u8> {
    let bytes = std::array::from_fn(|index| own.get(index).copied().unwrap_or_default());
    steno_shared::flac::header_only(f64::from(seconds), bytes)
}

/// Makes a file with ffmpeg.
///
/// # Errors
/// When ffmpeg refuses.
pub fn ffmpeg(arguments: &[&str], to: &Path) -> anyhow::Result<()> {
    let made = Command::new(fetched("bin/ffmpeg")?)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        .args(arguments)
        .arg(to)
        .output()
        .context("failed to start ffmpeg")?;
    ensure!(made.status.success(), "ffmpeg {arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
