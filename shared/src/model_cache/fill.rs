//! Filling the cache: one writer at a time, and a rename when everything is there and right.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::remote::RemoteModel;
use super::{PullError, look};
use crate::model_folder::{ModelFile, ModelFolder, ModelFolderError, SUMS, identity, sums_text};
use crate::storage::Store;

/// How often it is looked whether another writer has finished.
const LOCK_CHECK: Duration = Duration::from_millis(200);

/// What pulling did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The model's hash.
    pub hash: String,
    /// Bytes that were fetched; 0 when the cache had the model.
    pub fetched_bytes: u64,
}

/// Brings a model into the folder `to`, which is then whole and has the checksums that its source lists; whoever opens it sees
/// the former state or the new one. Several processes may do so at once: one fetches, the others wait and find it there. What
/// an earlier writer left half done, or has been damaged since, is replaced.
///
/// `wanted` is the hash that the model must have; `progress` is told the bytes so far.
///
/// # Errors
/// When the source lacks files, does not answer, has another hash, or the folder cannot be written.
pub async fn pull(
    source: &Store,
    to: &Path,
    wanted: Option<&str>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Pulled, PullError> {
    let cache = Cache::of(to)?;
    let _lock = cache.lock().await?;
    // A whole one that is wanted needs no look at the source, which may be away meanwhile.
    let there = cache.there(wanted).await?;
    if let (Some(hash), true) = (&there, wanted.is_some()) {
        return Ok(Pulled { hash: hash.clone(), fetched_bytes: 0 });
    }
    let model = look(source).await?;
    if let Some(hash) = there.filter(|hash| model.hash().is_ok_and(|listed| listed == *hash)) {
        return Ok(Pulled { hash, fetched_bytes: 0 });
    }
    let hash = cache.fetch(source, &model, wanted, progress).await?;
    Ok(Pulled { hash, fetched_bytes: model.bytes() })
}

/// A model's place in the cache, and the names beside it that filling needs.
struct Cache {
    folder: PathBuf,
    parent: PathBuf,
    name: String,
}

impl Cache {
    fn of(folder: &Path) -> Result<Self, PullError> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let (Some(parent), Some(name)) = (folder.parent(), name) else {
            let source = io::Error::from(io::ErrorKind::InvalidInput);
            return Err(PullError::Cache {
                doing: "use as a model's folder",
                path: folder.to_owned(),
                source,
            });
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        fs::create_dir_all(parent).map_err(failed("make the folder", parent))?;
        Ok(Self { folder: folder.to_owned(), parent: parent.to_owned(), name })
    }

    fn beside(&self, kind: &str) -> PathBuf {
        self.parent.join(format!(".{}.{kind}", self.name))
    }

    /// Waits for the lock, which the kernel frees when its holder dies.
    async fn lock(&self) -> Result<File, PullError> {
        let path = self.beside("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("open the lock", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_CHECK).await,
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
            }
        }
    }

    /// The hash of the model that is there, if it is whole, undamaged and the wanted one.
    async fn there(&self, wanted: Option<&str>) -> Result<Option<String>, PullError> {
        let hash = match files(&self.folder).await {
            Ok(files) => identity(files),
            Err(ModelFolderError::Unreachable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                tracing::warn!(%error, "model.cached_copy_damaged");
                return Ok(None);
            }
        };
        Ok(Some(hash).filter(|hash| wanted.is_none_or(|wanted| wanted == hash)))
    }

    async fn fetch(
        &self,
        source: &Store,
        model: &RemoteModel,
        wanted: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<String, PullError> {
        let part = self.beside("part");
        // Only the lock's holder is here: what is there was left by one that died.
        remove(&part)?;
        fs::create_dir(&part).map_err(failed("make the folder", &part))?;
        let mut before = 0;
        for entry in &model.files {
            let path = part.join(&entry.key);
            let so_far = |bytes: u64| progress(before + bytes);
            source.download(&entry.key, &entry.etag, entry.size_bytes, &path, &so_far).await?;
            before += entry.size_bytes;
        }
        write_sums(&part, model)?;
        let files = files(&part).await?;
        // The checksums of a source without any are taken of the copy, so that later damage is noticed.
        let sums = sums_text(&files);
        let hash = identity(files);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != hash) {
            remove(&part)?;
            return Err(PullError::Other {
                place: model.place.clone(),
                found: hash,
                wanted: wanted.to_owned(),
            });
        }
        write_file(&part.join(SUMS), &sums)?;
        sync(&part)?;
        let old = self.beside("old");
        remove(&old)?;
        match fs::rename(&self.folder, &old) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("move away", &self.folder)(error)),
        }
        fs::rename(&part, &self.folder).map_err(failed("move into place", &self.folder))?;
        remove(&old)?;
        Ok(hash)
    }
}

/// The files of a model, hashed on a thread of its own: that reads gigabytes.
async fn files(folder: &Path) -> Result<Vec<ModelFile>, ModelFolderError> {
    let path = folder.to_owned();
    let hashed = tokio::task::spawn_blocking(move || ModelFolder::open(&path)?.files()).await;
    hashed.unwrap_or_else(|error| {
        Err(ModelFolderError::Unreadable { path: folder.to_owned(), source: io::Error::other(error) })
    })
}

/// The checksums that the source lists, for the copy to be checked against.
fn write_sums(part: &Path, model: &RemoteModel) -> Result<(), PullError> {
    let lines = model.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    write_file(&part.join(SUMS), &lines.collect::<String>())
}

fn write_file(path: &Path, text: &str) -> Result<(), PullError> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(failed("write", path))
}

/// Brings the files to the disk before the rename does.
fn sync(folder: &Path) -> Result<(), PullError> {
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let path = entry.map_err(failed("list", folder))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed("write to the disk", &path))?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), PullError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PullError {
    let path = path.to_owned();
    move |source| PullError::Cache { doing, path, source }
}
