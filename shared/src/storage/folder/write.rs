//! Writing a folder's objects: a temporary file beside the target, synced, then given its name in one step.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::read::{FolderStore, blocking, missing_root};
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::{TEMPORARY_PREFIX, is_abandoned, path_in_folder};
use crate::storage::store::Put;

/// Whether a name that is taken may be taken over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfTaken {
    Leave,
    Replace,
}

impl FolderStore {
    /// Creates the location's own folder, and those above it. Objects never do: a disk that was unmounted under a
    /// run must not be replaced by an empty folder on another disk.
    pub(in crate::storage) async fn create(&self) -> Result<(), StorageError> {
        let root = Arc::clone(&self.root);
        blocking(Action::CreateFolder, move || {
            std::fs::create_dir_all(&root).map_err(|error| {
                if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) {
                    let cause = "it, or something above it, is a file";
                    StorageError::new(
                        StorageErrorKind::BucketMissing,
                        Action::CreateFolder,
                        root.display(),
                        cause,
                    )
                    .with_remedy("choose another folder")
                } else {
                    StorageError::from_io(Action::CreateFolder, root.display(), &error)
                }
            })
        })
        .await
    }

    pub(in crate::storage) async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, StorageError> {
        self.write(key, body, IfTaken::Leave).await
    }

    pub(in crate::storage) async fn put(&self, key: &str, body: Bytes) -> Result<(), StorageError> {
        let _created = self.write(key, body, IfTaken::Replace).await?;
        Ok(())
    }

    async fn write(&self, key: &str, body: Bytes, if_taken: IfTaken) -> Result<Put, StorageError> {
        let path = path_in_folder(&self.root, key, Action::Write)?;
        let root = Arc::clone(&self.root);
        blocking(Action::Write, move || {
            let folder = path.parent().unwrap_or(&root);
            if if_taken == IfTaken::Leave
                && let Some(put) = taken(&path)?
            {
                return Ok(put);
            }
            ensure_folder(&root, folder)?;
            let failed = |error: &io::Error| StorageError::from_io(Action::Write, path.display(), error);
            let mut file = tempfile::Builder::new()
                .prefix(TEMPORARY_PREFIX)
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)
                .map_err(|error| failed(&error))?;
            file.write_all(&body).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
            let persisted = match if_taken {
                IfTaken::Leave => file.persist_noclobber(&path),
                IfTaken::Replace => file.persist(&path),
            };
            match persisted {
                Ok(_) => {}
                Err(lost)
                    if if_taken == IfTaken::Leave && lost.error.kind() == io::ErrorKind::AlreadyExists =>
                {
                    return Ok(taken(&path)?.unwrap_or(Put::Exists));
                }
                Err(lost) => return Err(failed(&lost.error)),
            }
            sync_folder(folder).map_err(|error| failed(&error))?;
            Ok(Put::Created)
        })
        .await
    }

    pub(in crate::storage) async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let path = path_in_folder(&self.root, key, Action::Delete)?;
        blocking(Action::Delete, move || match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(())
            }
            Err(error) => Err(StorageError::from_io(Action::Delete, path.display(), &error)),
        })
        .await
    }

    pub(in crate::storage) async fn sweep_temporaries(&self) -> Result<u64, StorageError> {
        let root = Arc::clone(&self.root);
        blocking(Action::Delete, move || {
            let mut removed = 0;
            let mut folders = vec![root.to_path_buf()];
            while let Some(folder) = folders.pop() {
                let Ok(entries) = std::fs::read_dir(&folder) else { continue };
                for entry in entries.flatten() {
                    let Ok(metadata) = entry.metadata() else { continue };
                    if metadata.is_dir() {
                        folders.push(entry.path());
                    } else if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
                        && metadata.modified().is_ok_and(is_abandoned)
                    {
                        std::fs::remove_file(entry.path()).map_err(|error| {
                            StorageError::from_io(Action::Delete, entry.path().display(), &error)
                        })?;
                        removed += 1;
                    }
                }
            }
            Ok(removed)
        })
        .await
    }
}

/// What stands at a target already. A folder, or a link that leads nowhere, can be no object's earlier version.
fn taken(path: &Path) -> Result<Option<Put>, StorageError> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(Put::Exists)),
        Ok(_) | Err(_) => Err(StorageError::new(
            StorageErrorKind::InvalidKey,
            Action::Write,
            path.display(),
            "something that is not a file stands there",
        )
        .with_remedy("remove it, or rename the recording")),
    }
}

/// Makes the folders between the root and an object's, each one durable in its parent.
fn ensure_folder(root: &Path, folder: &Path) -> Result<(), StorageError> {
    if folder.is_dir() {
        return Ok(());
    }
    if folder == root {
        let absent = io::Error::from(io::ErrorKind::NotFound);
        return Err(missing_root(Action::Write, root, &absent));
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    ensure_folder(root, parent)?;
    match std::fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StorageError::new(
                StorageErrorKind::InvalidKey,
                Action::CreateFolder,
                folder.display(),
                "a file of that name stands there",
            )
            .with_remedy("remove it, or choose another output"));
        }
        Err(error) => return Err(StorageError::from_io(Action::CreateFolder, folder.display(), &error)),
    }
    sync_folder(parent).map_err(|error| StorageError::from_io(Action::CreateFolder, folder.display(), &error))
}

/// Makes names durable. Some network file systems cannot, and say so: their close already did what can be done.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[tokio::test]
    async fn only_abandoned_temporaries_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let sub = folder.path().join("sub");
        std::fs::create_dir(&sub).unwrap();
        let (old, new, other) =
            (sub.join(".steno-tmp-old"), sub.join(".steno-tmp-new"), sub.join("steno-tmp-old"));
        for path in [&old, &new, &other] {
            std::fs::write(path, "x").unwrap();
        }
        let long_ago = SystemTime::now() - Duration::from_secs(3660);
        for path in [&old, &other] {
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let store = FolderStore::new(folder.path().to_path_buf());
        assert_eq!(store.sweep_temporaries().await.unwrap(), 1);
        assert!(!old.exists() && new.exists() && other.exists());
    }

    #[tokio::test]
    async fn a_failed_write_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        let store = FolderStore::new(folder.path().to_path_buf());
        let error = store.put("taken", Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::InvalidKey, "{error}");
        let error = store.put_new("taken", Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::InvalidKey, "{error}");
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["taken"]);
    }

    #[tokio::test]
    async fn a_vanished_root_is_not_made_anew_by_a_put() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path().join("mount"));
        let error = store.put_new("a/b", Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::BucketMissing, "{error}");
        assert!(!folder.path().join("mount").exists());
    }
}
