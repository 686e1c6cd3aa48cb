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

/// The header of a FLAC file of so many seconds, with bytes of its own where the sum over the audio is, and zeros where the audio
/// should be: as few as a header of that length is believed for.
#[must_use]
pub fn flac_header(seconds: u32, own: &[u8]) -> Vec<u8> {
    const RATE: u64 = 16_000;
    // The last block of metadata, STREAMINFO, of 34 bytes; blocks of 4,096 samples, frames of unknown size (RFC 9639, section 8.2).
    let mut header = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    // 20 bits of sample rate, 3 of channels less one, 5 of bits a sample less one, 36 of samples.
    let packed = (RATE << 44) | (15 << 36) | (u64::from(seconds) * RATE);
    header.extend_from_slice(&packed.to_be_bytes());
    header.extend((0..16).map(|index| own.get(index).copied().unwrap_or_default()));
    header.resize(header.len() + 13 * seconds as usize, 0);
    header
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
