//! The two kinds of store, empty, for one test.

use std::path::Path;

use bytes::Bytes;
use futures::TryStreamExt as _;
use steno_shared::storage::{Entry, Location, S3Config, StorageErrorKind, Store};
use steno_tests::s3_server::S3Server;

/// An empty store and what it lives in.
pub(crate) struct World {
    pub(crate) store: Store,
    /// Where its objects lie as files, whichever kind it is.
    pub(crate) files: std::path::PathBuf,
    pub(crate) scratch: tempfile::TempDir,
    _server: Option<S3Server>,
}

impl World {
    pub(crate) fn is_s3(&self) -> bool {
        matches!(self.store, Store::S3(_))
    }
}

/// A folder with a neighbour that nothing may touch.
pub(crate) async fn folder() -> World {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let store = Store::open(&Location::Folder(root.clone()), &S3Config::default()).await.unwrap();
    World { store, files: root, scratch, _server: None }
}

/// A prefix of a bucket.
pub(crate) async fn s3() -> World {
    let server = S3Server::start().await.unwrap();
    let bucket = server.bucket("calls").await.unwrap();
    let location: Location = format!("s3://{bucket}/in/may").parse().unwrap();
    let store = Store::open_with(&location, &server.config(), server.loader()).await.unwrap();
    let files = server.bucket_folder(&bucket).join("in/may");
    World { store, files, scratch: tempfile::tempdir().unwrap(), _server: Some(server) }
}

/// Runs each `async fn(World)` on a folder and on an S3 server, as tests of their own.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod on_a_folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $scenario() { super::$scenario(crate::world::folder().await).await; })+
        }
        mod on_s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $scenario() { super::$scenario(crate::world::s3().await).await; })+
        }
    };
}
pub(crate) use on_both;

pub(crate) async fn list(store: &Store) -> Vec<Entry> {
    store.list().try_collect().await.unwrap()
}

pub(crate) async fn keys(store: &Store) -> Vec<String> {
    let mut keys: Vec<String> = list(store).await.into_iter().map(|entry| entry.key).collect();
    keys.sort();
    keys
}

pub(crate) async fn put(store: &Store, key: &str, body: &[u8]) {
    store.put(key, Bytes::copy_from_slice(body), "application/octet-stream").await.unwrap();
}

pub(crate) async fn read(store: &Store, key: &str) -> Option<Bytes> {
    store.read(key, 1 << 20).await.unwrap()
}

/// The outcome's kind of failure; `None` when it did not fail.
pub(crate) fn kind<T>(outcome: &Result<T, steno_shared::storage::StorageError>) -> Option<StorageErrorKind> {
    outcome.as_ref().err().map(steno_shared::storage::StorageError::kind)
}

pub(crate) fn file_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
