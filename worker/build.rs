//! Lets the worker's programs find CTranslate2's shared library: by a path relative to themselves, so that neither
//! `LD_LIBRARY_PATH` nor `RUSTFLAGS` is needed and the same binary runs from `target/` and from a release folder:
//!
//! - `<target>/debug/steno-worker` and `<release>/bin/steno-worker` look into `../lib`,
//! - `<target>/debug/deps/<test>` looks into `../../lib`,
//!
//! and `<target>/lib` is a link, made here, to the folder that `make setup` filled.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const SETUP_HINT: &str = "run `make setup` in the repository root, or build with \
    `--no-default-features --features engine-from-source`";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_ENGINE_PREBUILT").is_none() {
        return;
    }
    if let Err(message) = find_library_at_run_time() {
        println!("cargo::error={message}");
    }
}

fn find_library_at_run_time() -> Result<(), String> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/lib/libctranslate2.so");
    // A path that does not exist makes Cargo run this again next time: so a missing library or link is noticed.
    println!("cargo::rerun-if-changed={}", library.display());
    // Resolved, because several checkouts may share one target folder, and one of them may be removed.
    let library = fs::canonicalize(&library).map_err(|error| {
        format!("CTranslate2's library is not at {}: {error}; {SETUP_HINT}", library.display())
    })?;
    let folder = library.parent().ok_or("CTranslate2's library lies in no folder")?;

    let link = target_folder()?.join("lib");
    println!("cargo::rerun-if-changed={}", link.join("libctranslate2.so").display());
    link_to(folder, &link)
        .map_err(|error| format!("could not link {} to {}: {error}", link.display(), folder.display()))?;

    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../../lib");
    Ok(())
}

/// The folder that holds the profile's folder (`debug`, `release`): `OUT_DIR` is `<profile>/build/<package>/out`.
fn target_folder() -> Result<PathBuf, String> {
    let out_dir =
        PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this is to be run by Cargo")?);
    out_dir
        .ancestors()
        .nth(4)
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("OUT_DIR {} is not four levels below a target folder", out_dir.display()))
}

fn link_to(folder: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|present| present == folder) {
        return Ok(());
    }
    // Renamed into place: a program that starts meanwhile finds the old link or the new one.
    let fresh = link.with_extension(format!("new.{}", std::process::id()));
    std::os::unix::fs::symlink(folder, &fresh)?;
    fs::rename(&fresh, link)
}
