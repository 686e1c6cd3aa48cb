//! Walking a folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::read::{FolderStore, entry, missing_root};
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::is_temporary;
use crate::storage::store::Entry;

/// Entries read ahead of the consumer.
const READ_AHEAD: usize = 1000;

type Item = Result<Entry, StorageError>;

/// The consumer has gone.
struct Gone;

impl FolderStore {
    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Item> + Send + use<> {
        let root = Arc::clone(&self.root);
        stream::once(async move {
            let (sender, receiver) = mpsc::channel(READ_AHEAD);
            let walk = tokio::task::spawn_blocking(move || {
                let _gone = walk_root(&root, &sender);
            });
            stream::unfold((receiver, Some(walk)), next)
        })
        .flatten()
    }
}

/// The next item of the walk; at its end, whether it came to its end.
async fn next(
    (mut receiver, mut walk): (mpsc::Receiver<Item>, Option<JoinHandle<()>>),
) -> Option<(Item, (mpsc::Receiver<Item>, Option<JoinHandle<()>>))> {
    if let Some(item) = receiver.recv().await {
        return Some((item, (receiver, walk)));
    }
    let failure = walk.take()?.await.err()?;
    let error = StorageError::new(StorageErrorKind::Other, Action::List, "a folder", failure);
    Some((Err(error), (receiver, None)))
}

fn walk_root(root: &Path, out: &mpsc::Sender<Item>) -> Result<(), Gone> {
    match Level::read(root.to_path_buf(), String::new()) {
        Ok(level) => walk(level, out),
        Err(error) => send(out, Err(missing_root(Action::List, root, &error))),
    }
}

/// A folder that the walk is in.
struct Level {
    path: PathBuf,
    /// What its entries' keys begin with.
    prefix: String,
    /// What is still to be seen, in order. Names only: a `DirEntry` would keep its folder open.
    names: std::vec::IntoIter<(OsString, IsLink)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct IsLink(bool);

impl Level {
    /// Sorted by name: the order is the same on every walk and every file system.
    fn read(path: PathBuf, prefix: String) -> io::Result<Self> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            names.push((entry.file_name(), IsLink(entry.file_type()?.is_symlink())));
        }
        names.sort_unstable();
        Ok(Self { path, prefix, names: names.into_iter() })
    }
}

/// Depth first, on a stack of its own: folders can be nested deeper than calls.
fn walk(root: Level, out: &mpsc::Sender<Item>) -> Result<(), Gone> {
    let mut levels = vec![root];
    while let Some(level) = levels.last_mut() {
        let Some((name, is_link)) = level.names.next() else {
            levels.pop();
            continue;
        };
        let path = level.path.join(&name);
        let Some(name) = name.to_str() else {
            send(out, skipped(&path, StorageErrorKind::InvalidKey, "its name is not UTF-8", "rename it"))?;
            continue;
        };
        let key = format!("{}{name}", level.prefix);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && is_temporary(name) => {}
            Ok(metadata) if metadata.is_file() => send(out, Ok(entry(key, &metadata)))?,
            Ok(metadata) if metadata.is_dir() && is_link == IsLink(true) => {
                let cause = "links to folders are not followed, since they could go round in circles";
                let remedy = "give the folder it leads to as an input of its own";
                send(out, skipped(&path, StorageErrorKind::Other, cause, remedy))?;
            }
            Ok(metadata) if metadata.is_dir() => match Level::read(path.clone(), format!("{key}/")) {
                Ok(below) => levels.push(below),
                Err(error) => send_io(out, &path, &error)?,
            },
            // Sockets, pipes and devices hold no recordings.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_link == IsLink(true) => {
                let cause = "it is a link that leads nowhere";
                send(
                    out,
                    skipped(
                        &path,
                        StorageErrorKind::NotFound,
                        cause,
                        "restore what it leads to, or remove it",
                    ),
                )?;
            }
            Err(error) => send_io(out, &path, &error)?,
        }
    }
    Ok(())
}

fn skipped(path: &Path, kind: StorageErrorKind, cause: &str, remedy: &str) -> Item {
    Err(StorageError::new(kind, Action::List, path.display(), cause).with_remedy(remedy).of_one_entry())
}

/// What was deleted since its folder was read is as if it had never been there.
fn send_io(out: &mpsc::Sender<Item>, path: &Path, error: &io::Error) -> Result<(), Gone> {
    if error.kind() == io::ErrorKind::NotFound {
        return Ok(());
    }
    send(out, Err(StorageError::from_io(Action::List, path.display(), error).of_one_entry()))
}

fn send(out: &mpsc::Sender<Item>, item: Item) -> Result<(), Gone> {
    out.blocking_send(item).map_err(|_| Gone)
}
