//! Where the programs are that `steno run` starts: beside its own executable, else on the PATH.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The programs that every local run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The worker, always of this very version.
    pub worker: PathBuf,
    /// The decoder.
    pub ffmpeg: PathBuf,
}

impl Programs {
    /// Finds them.
    ///
    /// # Errors
    /// If one is missing, with what to do.
    pub fn find() -> Result<Self, Failure> {
        let own = std::env::current_exe().map_err(|error| {
            Failure::internal(format!("failed to find the steno executable itself: {error}"))
        })?;
        let beside = own.parent().map(Path::to_owned).unwrap_or_default();
        let search: Vec<PathBuf> = std::iter::once(beside.clone())
            .chain(std::env::var_os("PATH").iter().flat_map(std::env::split_paths))
            .collect();
        let worker = first_executable(std::slice::from_ref(&beside), "steno-worker").ok_or_else(|| {
            Failure::unusable(format!(
                "steno-worker is not beside steno in {}; the two belong together: install both, or run `cargo build`",
                beside.display()
            ))
        })?;
        Ok(Self { worker, ffmpeg: Self::ffmpeg_in(&search)? })
    }

    /// Finds redis-server, which a batch with a Redis of its own needs.
    ///
    /// # Errors
    /// If it is missing, with what to do.
    pub fn find_redis_server() -> Result<PathBuf, Failure> {
        Self::redis_server_in(&beside_and_path())
    }

    /// Finds ffmpeg alone.
    ///
    /// # Errors
    /// If it is missing, with what to do.
    pub fn find_ffmpeg() -> Result<PathBuf, Failure> {
        Self::ffmpeg_in(&beside_and_path())
    }

    fn redis_server_in(search: &[PathBuf]) -> Result<PathBuf, Failure> {
        first_executable(search, "redis-server").ok_or_else(|| {
            Failure::unusable(
                "redis-server is neither beside steno nor on the PATH; install it (Debian, Ubuntu: `apt install \
                 redis-server`), or run `make setup` in a checkout",
            )
        })
    }

    fn ffmpeg_in(search: &[PathBuf]) -> Result<PathBuf, Failure> {
        first_executable(search, "ffmpeg").ok_or_else(|| {
            Failure::unusable(
                "ffmpeg is neither beside steno nor on the PATH; install it (Debian, Ubuntu: `apt install ffmpeg`), \
                 or run `make setup` in a checkout",
            )
        })
    }
}

/// Where programs are looked for.
fn beside_and_path() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    beside.into_iter().chain(std::env::var_os("PATH").iter().flat_map(std::env::split_paths)).collect()
}

fn first_executable(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    folders.iter().map(|folder| folder.join(name)).find(|path| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}
