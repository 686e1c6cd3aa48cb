//! The state folder: one batch, worked on by one `steno` at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::leases::RedisConfig;
use steno_shared::storage::Location;
use steno_shared::worker_config::WorkerConfig;

use crate::failure::Failure;
use crate::manifest::copy_manifest;

/// The parent of state folders, in the current folder, when the user names none.
const DEFAULT_PARENT: &str = ".steno";

/// Longest path of a Unix socket that every platform takes, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// The copy of the user's manifest.
const MANIFEST: &str = "manifest";

/// Who the runs from a folder are.
const RUN: &str = "run.json";

/// All that Steno puts into a state folder.
const OWN_NAMES: [&str; 11] = [
    "spool",
    "logs",
    "redis",
    "redis.log",
    "redis.sock",
    "redis.json",
    MANIFEST,
    RUN,
    "worker.json",
    "batch.json",
    "lock",
];

/// A state folder. Only its owner may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder {
    path: PathBuf,
}

/// Held while a process works with the state folder; released by the kernel when it dies, however it dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl StateFolder {
    /// The state folder for a new or continued batch: as the user named it, or `.steno/<name>-<hash>`, where the
    /// hash is over everything that makes it this batch.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn for_batch(named: Option<&Path>, input: &str, batch: &str) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => Path::new(DEFAULT_PARENT).join(format!("{}-{batch}", readable(input))),
        };
        let make = || -> std::io::Result<PathBuf> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
            path.canonicalize()
        };
        let path = make().map_err(|error| {
            Failure::unusable(format!(
                "failed to make the state folder {}: {error}; name another with --state",
                path.display()
            ))
        })?;
        Ok(Self { path })
    }

    /// The state folder of an existing batch: as the user named it, or the one batch there is in `.steno`.
    ///
    /// # Errors
    /// If there is none, or more than one to choose from.
    pub fn existing(named: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = named {
            let folder = Self { path: path.to_owned() };
            return match path.canonicalize() {
                Ok(path) if folder.batch_file().is_file() => Ok(Self { path }),
                Ok(_) | Err(_) => {
                    Err(Failure::usage(format!("{} is not the state folder of a batch", path.display())))
                }
            };
        }
        let mut found: Vec<PathBuf> = std::fs::read_dir(DEFAULT_PARENT)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| Self { path: path.clone() }.batch_file().is_file())
            .collect();
        found.sort();
        match found.as_slice() {
            [] => Err(Failure::usage(
                "there is no batch in .steno here; go to the folder where `steno run` was started, or name its state \
                 folder with --state",
            )),
            [one] => Self::existing(Some(one)),
            several => {
                let names: Vec<String> =
                    several.iter().map(|path| format!("  --state {}", path.display())).collect();
                Err(Failure::usage(format!(
                    "there are several batches here; name one:\n{}",
                    names.join("\n")
                )))
            }
        }
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// If another process has it, naming that process.
    pub fn lock(&self) -> Result<Lock, Failure> {
        let path = self.path.join("lock");
        let failed = |error: std::io::Error| {
            Failure::unusable(format!("failed to lock the state folder {}: {error}", self.path.display()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only to name it in the message: an unreadable file is as good as an empty one.
                let _ = file.read_to_string(&mut holder);
                return Err(Failure::in_use(format!(
                    "the state folder {} is in use by another steno (process {}); wait for it, or name another folder \
                     with --state",
                    self.path.display(),
                    holder.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's path as a person would write it here: relative, if it is below the current folder.
    #[must_use]
    pub fn shown(&self) -> String {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
        let relative = here.and_then(|here| self.path.strip_prefix(here).ok().map(Path::to_owned));
        relative.as_deref().unwrap_or(&self.path).display().to_string()
    }

    /// The worker's configuration.
    #[must_use]
    pub fn worker_config(&self) -> PathBuf {
        self.path.join("worker.json")
    }

    /// Where recordings from a bucket lie while they are worked on.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Where a worker's log goes.
    #[must_use]
    pub fn worker_log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(format!("{name}.log"))
    }

    fn batch_file(&self) -> PathBuf {
        self.path.join("batch.json")
    }

    /// Notes which batch this folder belongs to, so that other commands find it without its Redis.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_batch(&self, meta: &BatchMeta) -> Result<(), Failure> {
        self.write("batch.json", meta)
    }

    /// Which batch this folder belongs to.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_batch(&self) -> Result<BatchMeta, Failure> {
        self.noted("batch.json")?.ok_or_else(|| {
            Failure::unusable(format!("failed to read {}: it is not there", self.batch_file().display()))
        })
    }

    /// Writes a JSON file whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, value: &impl serde::Serialize) -> Result<(), Failure> {
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            serde_json::to_writer_pretty(&mut file, value)?;
            file.as_file().sync_all()?;
            file.persist(self.path.join(name))?;
            Ok(())
        };
        write().map_err(|error| {
            Failure::unusable(format!(
                "failed to write {name} in the state folder {}: {error}",
                self.path.display()
            ))
        })
    }

    /// Removes what a killed run left in the spool, and makes the folders of a new one.
    ///
    /// # Errors
    /// If that fails.
    pub fn prepare(&self) -> Result<(), Failure> {
        let prepare = || -> std::io::Result<()> {
            match std::fs::remove_dir_all(self.spool()) {
                // A worker of a killed run, about to end, may still be writing there, in a folder of its own.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "spool.not_emptied");
                }
                Ok(()) | Err(_) => {}
            }
            std::fs::create_dir_all(self.spool())?;
            std::fs::create_dir_all(self.path.join("logs"))?;
            std::fs::create_dir_all(self.redis_folder())
        };
        prepare().map_err(|error| {
            Failure::unusable(format!("failed to prepare the state folder {}: {error}", self.path.display()))
        })
    }

    /// Notes that this batch's leases are in the user's own Redis, or, with `None`, that they are not.
    ///
    /// # Errors
    /// If that cannot be noted.
    pub fn give_redis(&self, given: Option<&RedisConfig>) -> Result<(), Failure> {
        self.note("redis.json", given)
    }

    /// How to reach the user's own Redis, if this batch's leases are there.
    ///
    /// # Errors
    /// If the note of it cannot be read.
    pub fn given_redis(&self) -> Result<Option<RedisConfig>, Failure> {
        Ok(self.noted("redis.json")?.map(RedisConfig::with_environment))
    }

    /// Who the runs from this folder are, one after the other, among those of other folders and machines: made at random once.
    ///
    /// # Errors
    /// If it cannot be read or noted.
    pub fn run_id(&self) -> Result<String, Failure> {
        if let Some(id) = self.noted::<String>(RUN)? {
            return Ok(id);
        }
        let id = format!("{:016x}", rand::random::<u64>());
        self.note(RUN, Some(&id))?;
        Ok(id)
    }

    /// Keeps a copy of the manifest that names the batch's recordings, or, with `None`, none: it is read again when Redis has
    /// lost recordings, and the user's may have changed by then, or be a pipe.
    ///
    /// # Errors
    /// If a line of it is wrong, or it cannot be read or kept.
    pub fn keep_manifest(&self, manifest: Option<&Path>, input: &Location) -> Result<(), Failure> {
        let kept = self.path.join(MANIFEST);
        let Some(path) = manifest else {
            return remove_if_there(&kept);
        };
        let called = path.display().to_string();
        let source = File::open(path)
            .map_err(|error| Failure::usage(format!("failed to open the manifest {called}: {error}")))?;
        let failed = |error: &dyn std::fmt::Display| {
            Failure::unusable(format!(
                "failed to copy the manifest {called} into the state folder {}: {error}",
                self.path.display()
            ))
        };
        let copy = tempfile::NamedTempFile::new_in(&self.path).map_err(|error| failed(&error))?;
        let mut writer = BufWriter::new(copy.as_file());
        copy_manifest(BufReader::new(source), &called, input, &mut writer)?;
        drop(writer);
        copy.persist(&kept).map_err(|error| failed(&error))?;
        Ok(())
    }

    /// The copy of the manifest, if there is one.
    #[must_use]
    pub fn manifest(&self) -> Option<PathBuf> {
        Some(self.path.join(MANIFEST)).filter(|path| path.is_file())
    }

    /// What workers were told last.
    ///
    /// # Errors
    /// If no worker was told anything yet, or it cannot be read.
    pub fn read_worker_config(&self) -> Result<WorkerConfig, Failure> {
        self.noted("worker.json")?.ok_or_else(|| {
            Failure::unusable(format!(
                "no worker was started in {} yet: run the same `steno run` again, which takes the backlog in",
                self.path.display()
            ))
        })
    }

    /// Writes a file, or removes it.
    fn note<T: serde::Serialize>(&self, name: &str, value: Option<&T>) -> Result<(), Failure> {
        let Some(value) = value else {
            return remove_if_there(&self.path.join(name));
        };
        self.write(name, value)
    }

    /// Reads a file that may not be there.
    fn noted<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.path.join(name);
        let failed = |error: &dyn std::fmt::Display| {
            Failure::unusable(format!("failed to read {}: {error}", path.display()))
        };
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| failed(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// How to reach the Redis with this batch's leases.
    ///
    /// # Errors
    /// If it cannot be told.
    pub fn redis(&self) -> Result<RedisConfig, Failure> {
        Ok(self.given_redis()?.unwrap_or_else(|| self.private_redis()))
    }

    /// Removes what Steno put into the folder, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// If that fails.
    pub fn remove(self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::unusable(format!("failed to remove the state folder {}: {error}", self.path.display()))
        };
        // What tells which batch it is comes last, so that it can be repeated.
        for name in OWN_NAMES {
            let path = self.path.join(name);
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                Ok(()) | Err(_) => {}
            }
        }
        match std::fs::remove_dir(&self.path) {
            // Something of the user's own.
            Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(failed(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether nothing more can be written into the folder.
    #[must_use]
    pub fn disk_is_full(&self) -> bool {
        nix::sys::statvfs::statvfs(&self.path).is_ok_and(|disk| disk.blocks_available() == 0)
    }

    /// Where the private Redis keeps its data.
    #[must_use]
    pub fn redis_folder(&self) -> PathBuf {
        self.path.join("redis")
    }

    /// The private Redis's socket: in the state folder, or, where that path is too long for a socket, in a folder
    /// of this user's under the system's temporary one.
    #[must_use]
    pub fn redis_socket(&self) -> PathBuf {
        let inside = self.path.join("redis.sock");
        if inside.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return inside;
        }
        let digest = hex(&Sha256::digest(self.path.as_os_str().as_encoded_bytes())[..8]);
        std::env::temp_dir().join(format!("steno-{}-{digest}", nix::unistd::getuid())).join("redis.sock")
    }

    /// How to reach the private Redis.
    #[must_use]
    pub(super) fn private_redis(&self) -> RedisConfig {
        RedisConfig::new(format!("redis+unix://{}", percent_encoded(&self.redis_socket())))
    }
}

fn remove_if_there(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::unusable(format!("failed to remove {}: {error}", path.display())))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A path as part of a URL: in it `#`, `?` and `%` mean something else.
fn percent_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The last part of an input's name, as far as it is harmless in a file name.
fn readable(input: &str) -> String {
    let last = input.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let kept: String =
        last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    if kept.is_empty() { "batch".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_folder_is_refused_by_name_of_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = StateFolder::for_batch(Some(dir.path()), "in", "1").unwrap();
        let held = folder.lock().unwrap();
        let refused = folder.lock().unwrap_err();
        assert_eq!(refused.exit, steno_shared::exit::Exit::InUse);
        assert!(refused.message.contains(&std::process::id().to_string()), "{}", refused.message);
        drop(held);
        folder.lock().unwrap();
    }

    #[test]
    fn a_deep_folder_still_gives_a_short_socket() {
        let deep = StateFolder { path: PathBuf::from(format!("/{}", "x/".repeat(100))) };
        assert!(deep.redis_socket().as_os_str().len() <= SOCKET_PATH_BYTES_MAX);
    }

    #[test]
    fn a_state_folder_may_have_any_name() {
        let folder = StateFolder { path: PathBuf::from("/home/a b/Podcast #3?%41") };
        assert_eq!(folder.private_redis().url, "redis+unix:///home/a%20b/Podcast%20%233%3F%2541/redis.sock");
    }

    #[test]
    fn hostile_inputs_give_harmless_folder_names() {
        assert_eq!(readable("s3://bucket/a b/../%2e"), "2e");
        assert_eq!(readable("/tmp/podcasts/"), "podcasts");
        assert_eq!(readable("/"), "batch");
    }
}
