//! One door to both kinds of store.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::future::Either;
use futures::stream::{Stream, StreamExt as _};

use super::config::S3Config;
use super::error::{StorageError, StorageErrorKind};
use super::folder::FolderStore;
use super::key::TEMPORARY_PREFIX;
use super::location::Location;
use super::s3::S3Store;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the location, `/`-separated. It comes from whoever may write there: never build a path of it.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// The version: an S3 ETag without its quotes, or size and modification time of a file.
    pub etag: String,
}

/// How a conditional put ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// This call wrote the object.
    Created,
    /// There is one already, and it was left alone. It can be this very call's, when the answer to a first try was
    /// lost: compare the bodies when that matters.
    Exists,
}

/// What the store makes of "only if there is none".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutCondition {
    /// Of many writers exactly one creates the object.
    Honoured,
    /// The store overwrites: two workers that finish the same recording may both write.
    Ignored,
}

/// A folder or a bucket's prefix. Keys are relative to it. Cloning is cheap.
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder.
    Folder(FolderStore),
    /// An S3-compatible bucket.
    S3(S3Store),
}

impl Store {
    /// Prepares access to a location, with credentials and settings of the SDK's usual chain. No request is sent to
    /// the store: [`check_readable`](Self::check_readable) and [`check_writable`](Self::check_writable) do that.
    ///
    /// # Errors
    /// [`StorageErrorKind::Credentials`] when the chain has none, `Other` for an endpoint that is no URL.
    pub async fn open(location: &Location, s3: &S3Config) -> Result<Self, StorageError> {
        Self::open_with(location, s3, aws_config::defaults(aws_config::BehaviorVersion::latest())).await
    }

    /// Like [`open`](Self::open), with a loader that already carries some of the SDK's settings (credentials in tests).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        location: &Location,
        s3: &S3Config,
        loader: aws_config::ConfigLoader,
    ) -> Result<Self, StorageError> {
        Ok(match location {
            Location::Folder(path) => Self::Folder(FolderStore::new(path.clone())),
            Location::S3 { bucket, prefix } => Self::S3(S3Store::open(bucket, prefix, s3, loader).await?),
        })
    }

    /// The location that was opened.
    #[must_use]
    pub fn location(&self) -> &Location {
        match self {
            Self::Folder(folder) => folder.location(),
            Self::S3(s3) => s3.location(),
        }
    }

    /// Checks that the location exists and can be listed.
    ///
    /// # Errors
    /// One that names what is missing: bucket, folder, permission, credentials, or an answer at all.
    pub async fn check_readable(&self) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.check_readable().await,
            Self::S3(s3) => s3.check_readable().await,
        }
    }

    /// Checks that objects can be written, by writing one twice and deleting it; creates a missing folder, but no
    /// bucket.
    ///
    /// # Errors
    /// As [`check_readable`](Self::check_readable).
    pub async fn check_writable(&self) -> Result<PutCondition, StorageError> {
        if let Self::Folder(folder) = self {
            folder.create().await?;
        }
        let probe = format!("{TEMPORARY_PREFIX}probe-{:016x}", rand::random::<u64>());
        let body = Bytes::from_static(b"steno checks that it may write here; this object can be deleted\n");
        let _first = self.put_new(&probe, body.clone(), "text/plain").await?;
        let condition = match self.put_new(&probe, body, "text/plain").await? {
            Put::Created => PutCondition::Ignored,
            Put::Exists => PutCondition::Honoured,
        };
        match self.delete(&probe).await {
            // Transcripts are never deleted, so credentials without that right will do.
            Err(error) if error.kind() == StorageErrorKind::Denied => {
                tracing::warn!(event = "storage.probe_left", key = %probe, "{error}");
            }
            outcome => outcome?,
        }
        Ok(condition)
    }

    /// Streams all objects below the location, in a stable order, without our own temporaries.
    ///
    /// An error that [concerns one entry](StorageError::concerns_one_entry) (an unreadable subfolder, a name that is
    /// not UTF-8) is followed by the rest; after any other the stream ends and the listing is incomplete.
    ///
    /// A folder's listing has regular files, and links to such; it does not follow links to folders, but says so.
    /// A bucket's has no "directory markers" (keys that end with `/`).
    pub fn list(&self) -> impl Stream<Item = Result<Entry, StorageError>> + Send + '_ {
        match self {
            Self::Folder(folder) => folder.list().left_stream(),
            Self::S3(s3) => Either::Right(s3.list()),
        }
    }

    /// The object's size and version now; `None` when there is none.
    ///
    /// # Errors
    /// See [`StorageErrorKind`].
    pub async fn head(&self, key: &str) -> Result<Option<Entry>, StorageError> {
        match self {
            Self::Folder(folder) => folder.head(key).await,
            Self::S3(s3) => s3.head(key).await,
        }
    }

    /// Bytes `range` of an object: fewer where the object ends first, none past its end.
    ///
    /// # Errors
    /// [`StorageErrorKind::Changed`] when `etag` is given and the object has another, `NotFound`, and others.
    pub async fn read_range(
        &self,
        key: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Bytes, StorageError> {
        match self {
            Self::Folder(folder) => folder.read_range(key, range, etag).await,
            Self::S3(s3) => s3.read_range(key, range, etag).await,
        }
    }

    /// A whole small object; `None` when there is none.
    ///
    /// # Errors
    /// [`StorageErrorKind::TooLarge`] when it has more than `limit_bytes`, and others.
    pub async fn read(&self, key: &str, limit_bytes: u64) -> Result<Option<Bytes>, StorageError> {
        match self {
            Self::Folder(folder) => folder.read(key, limit_bytes).await,
            Self::S3(s3) => s3.read(key, limit_bytes).await,
        }
    }

    /// Copies version `etag` of an object into the file `to`, which is replaced, and tells `progress` the bytes so
    /// far. A broken connection is taken up where it broke; when that keeps failing without progress, it is an error.
    /// The file is only complete when this returns `Ok`.
    ///
    /// # Errors
    /// [`StorageErrorKind::Changed`] when the object is not or no longer `etag` of `size_bytes`, `NotFound`,
    /// `NoSpace` for the file's disk, and others.
    pub async fn download(
        &self,
        key: &str,
        etag: &str,
        size_bytes: u64,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.download(key, etag, size_bytes, to, progress).await,
            Self::S3(s3) => s3.download(key, etag, size_bytes, to, progress).await,
        }
    }

    /// Where a folder's object lies, so that it need not be copied; `None` for a bucket and for an invalid key.
    /// Nothing is checked: compare [`head`](Self::head)'s etag before and after the use of the file.
    #[must_use]
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => folder.local_path(key),
            Self::S3(_) => None,
        }
    }

    /// Writes an object if there is none of that key; readers see all of it or nothing.
    ///
    /// # Errors
    /// [`StorageErrorKind::InvalidKey`] for a key that could lead out of the location, `NoSpace`, and others.
    pub async fn put_new(&self, key: &str, body: Bytes, content_type: &str) -> Result<Put, StorageError> {
        match self {
            Self::Folder(folder) => folder.put_new(key, body).await,
            Self::S3(s3) => s3.put_new(key, body, content_type).await,
        }
    }

    /// Writes an object, replacing one of that key; readers see all of the old or all of the new.
    ///
    /// # Errors
    /// As [`put_new`](Self::put_new).
    pub async fn put(&self, key: &str, body: Bytes, content_type: &str) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.put(key, body).await,
            Self::S3(s3) => s3.put(key, body, content_type).await,
        }
    }

    /// Deletes an object; that there is none is fine.
    ///
    /// # Errors
    /// As [`put_new`](Self::put_new).
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.delete(key).await,
            Self::S3(s3) => s3.delete(key).await,
        }
    }

    /// Removes what killed writers left: temporaries older than an hour, so that no living writer's is touched. Tells how
    /// many. In a bucket these are the objects by which [`check_writable`](Self::check_writable) tries the store.
    ///
    /// # Errors
    /// When a temporary cannot be removed; unreadable subfolders are passed over.
    pub async fn sweep_temporaries(&self) -> Result<u64, StorageError> {
        match self {
            Self::Folder(folder) => folder.sweep_temporaries().await,
            Self::S3(s3) => s3.sweep_temporaries().await,
        }
    }
}
