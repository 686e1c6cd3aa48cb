//! Reading a folder's objects.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::path_in_folder;
use crate::storage::location::Location;
use crate::storage::store::Entry;

const COPY_BYTES: usize = 1 << 20;

/// Objects as files below a folder. Links inside it are followed: whoever may place a link there may also place or
/// read what it leads to.
#[derive(Debug, Clone)]
pub struct FolderStore {
    pub(super) root: Arc<Path>,
    location: Arc<Location>,
}

impl FolderStore {
    pub(in crate::storage) fn new(root: PathBuf) -> Self {
        Self { location: Arc::new(Location::Folder(root.clone())), root: root.into() }
    }

    pub(in crate::storage) fn location(&self) -> &Location {
        &self.location
    }

    pub(in crate::storage) fn local_path(&self, key: &str) -> Option<PathBuf> {
        path_in_folder(&self.root, key, Action::Read).ok()
    }

    pub(in crate::storage) async fn check_readable(&self) -> Result<(), StorageError> {
        let root = Arc::clone(&self.root);
        blocking(Action::Open, move || {
            let shown = root.display();
            let metadata =
                std::fs::metadata(&root).map_err(|error| missing_root(Action::Open, &root, &error))?;
            if !metadata.is_dir() {
                return Err(StorageError::new(
                    StorageErrorKind::BucketMissing,
                    Action::Open,
                    shown,
                    "it is not a folder",
                )
                .with_remedy("give the folder that holds it"));
            }
            let mut entries = std::fs::read_dir(&root)
                .map_err(|error| StorageError::from_io(Action::List, shown, &error))?;
            match entries.next() {
                Some(Err(error)) => Err(StorageError::from_io(Action::List, root.display(), &error)),
                Some(Ok(_)) | None => Ok(()),
            }
        })
        .await
    }

    pub(in crate::storage) async fn head(&self, key: &str) -> Result<Option<Entry>, StorageError> {
        let path = path_in_folder(&self.root, key, Action::Inspect)?;
        let key = key.to_owned();
        blocking(Action::Inspect, move || {
            let found = present(std::fs::metadata(&path))
                .map_err(|error| StorageError::from_io(Action::Inspect, path.display(), &error))?;
            Ok(found.filter(Metadata::is_file).map(|metadata| entry(key, &metadata)))
        })
        .await
    }

    pub(in crate::storage) async fn read_range(
        &self,
        key: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Bytes, StorageError> {
        let path = path_in_folder(&self.root, key, Action::Read)?;
        let etag = etag.map(str::to_owned);
        blocking(Action::Read, move || {
            let failed = |error: &io::Error| StorageError::from_io(Action::Read, path.display(), error);
            let (mut file, metadata) = open_file(&path, Action::Read)?;
            check_version(&path, Action::Read, &metadata, etag.as_deref())?;
            let end = range.end.min(metadata.len());
            let len = end.saturating_sub(range.start);
            if len == 0 {
                return Ok(Bytes::new());
            }
            file.seek(SeekFrom::Start(range.start)).map_err(|error| failed(&error))?;
            let mut body = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            file.take(len).read_to_end(&mut body).map_err(|error| failed(&error))?;
            Ok(body.into())
        })
        .await
    }

    pub(in crate::storage) async fn read(
        &self,
        key: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, StorageError> {
        let path = path_in_folder(&self.root, key, Action::Read)?;
        blocking(Action::Read, move || {
            let (file, metadata) = match open_file(&path, Action::Read) {
                Err(error) if error.kind() == StorageErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let mut body = Vec::with_capacity(usize::try_from(metadata.len().min(limit_bytes)).unwrap_or(0));
            file.take(limit_bytes.saturating_add(1))
                .read_to_end(&mut body)
                .map_err(|error| StorageError::from_io(Action::Read, path.display(), &error))?;
            if body.len() as u64 > limit_bytes {
                let cause = format!("it has more than {limit_bytes} bytes");
                return Err(StorageError::new(
                    StorageErrorKind::TooLarge,
                    Action::Read,
                    path.display(),
                    cause,
                ));
            }
            Ok(Some(body.into()))
        })
        .await
    }

    pub(in crate::storage) async fn download(
        &self,
        key: &str,
        etag: &str,
        size_bytes: u64,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), StorageError> {
        let from = path_in_folder(&self.root, key, Action::Download)?;
        let (file, source) = {
            let (from, etag) = (from.clone(), etag.to_owned());
            blocking(Action::Download, move || {
                let (file, metadata) = open_file(&from, Action::Download)?;
                check_version(&from, Action::Download, &metadata, Some(&etag))?;
                Ok((file, from))
            })
            .await?
        };
        let mut file = tokio::fs::File::from_std(file);
        let mut copy = tokio::fs::File::create(to)
            .await
            .map_err(|error| StorageError::from_io(Action::Write, to.display(), &error))?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut copied = 0_u64;
        loop {
            let n = file
                .read(&mut buffer)
                .await
                .map_err(|error| StorageError::from_io(Action::Download, source.display(), &error))?;
            if n == 0 {
                break;
            }
            copy.write_all(&buffer[..n])
                .await
                .map_err(|error| StorageError::from_io(Action::Write, to.display(), &error))?;
            copied += n as u64;
            progress(copied);
        }
        copy.flush().await.map_err(|error| StorageError::from_io(Action::Write, to.display(), &error))?;
        // The writer of the source may have been at work all the while.
        let now = file
            .metadata()
            .await
            .map_err(|error| StorageError::from_io(Action::Download, source.display(), &error))?;
        check_version(&from, Action::Download, &now, Some(etag))?;
        if copied != size_bytes {
            let cause = format!("it has {copied} bytes instead of {size_bytes}");
            return Err(StorageError::new(
                StorageErrorKind::Changed,
                Action::Download,
                source.display(),
                cause,
            ));
        }
        Ok(())
    }
}

/// Size and modification time: what tells one version of a file from the next.
pub(super) fn entry(key: String, metadata: &Metadata) -> Entry {
    let mtime_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Entry { key, size_bytes: metadata.len(), etag: format!("{:x}-{mtime_ns:x}", metadata.len()) }
}

/// A place below a file (`NotADirectory`) is as absent as any other.
pub(super) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The location's own folder cannot be reached.
pub(super) fn missing_root(action: Action, root: &Path, error: &io::Error) -> StorageError {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
        StorageError::new(StorageErrorKind::BucketMissing, action, root.display(), "there is no such folder")
    } else {
        StorageError::from_io(action, root.display(), error)
    }
}

/// Opens a regular file. The kind is looked at first: to open a named pipe would wait for its writer.
fn open_file(path: &Path, action: Action) -> Result<(File, Metadata), StorageError> {
    let absent =
        || StorageError::new(StorageErrorKind::NotFound, action, path.display(), "there is no such file");
    let failed = |error: io::Error| StorageError::from_io(action, path.display(), &error);
    if !present(std::fs::metadata(path)).map_err(failed)?.is_some_and(|metadata| metadata.is_file()) {
        return Err(absent());
    }
    let file = present(File::open(path)).map_err(failed)?.ok_or_else(absent)?;
    let metadata = file.metadata().map_err(failed)?;
    Ok((file, metadata))
}

fn check_version(
    path: &Path,
    action: Action,
    now: &Metadata,
    etag: Option<&str>,
) -> Result<(), StorageError> {
    let current = entry(String::new(), now).etag;
    match etag {
        Some(wanted) if wanted != current => {
            let cause = format!("it is no longer the version {wanted} but {current}");
            Err(StorageError::new(StorageErrorKind::Changed, action, path.display(), cause))
        }
        Some(_) | None => Ok(()),
    }
}

/// Runs a file operation where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    action: Action,
    operation: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(operation).await {
        Ok(outcome) => outcome,
        Err(error) => Err(StorageError::new(StorageErrorKind::Other, action, "a file", error)),
    }
}
