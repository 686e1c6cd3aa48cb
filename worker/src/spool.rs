//! The folder where recordings from a bucket lie while they are decoded.

use std::path::{Path, PathBuf};

use steno_shared::ids::{ItemId, WorkerId};

/// This worker's own folder inside the spool; removed with all it holds when the worker ends.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// A recording's local file.
#[derive(Debug)]
pub struct SpooledFile {
    path: PathBuf,
    owned: bool,
}

impl Spool {
    /// Makes the worker's folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(spool: &Path, worker: &WorkerId) -> std::io::Result<Self> {
        let folder = spool.join(worker.as_str());
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The worker's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an item's recording goes. The name comes from the item's id alone: the recording's own is hostile.
    #[must_use]
    pub fn path_for(&self, id: &ItemId) -> PathBuf {
        self.folder.join(id.as_str())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "spool.not_removed");
        }
    }
}

impl SpooledFile {
    /// A file of this worker's, removed when dropped.
    #[must_use]
    pub fn owned(path: PathBuf) -> Self {
        Self { path, owned: true }
    }

    /// A file of the user's, left alone.
    #[must_use]
    pub fn borrowed(path: PathBuf) -> Self {
        Self { path, owned: false }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpooledFile {
    fn drop(&mut self) {
        if self.owned
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "spool.not_removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_behind_and_nothing_of_the_users_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let users = dir.path().join("mine.wav");
        std::fs::write(&users, b"x").unwrap();
        let spool = Spool::create(&dir.path().join("spool"), &WorkerId::new("w")).unwrap();
        let path = spool.path_for(&ItemId::from_text("abc"));
        std::fs::write(&path, b"y").unwrap();
        drop(SpooledFile::owned(path.clone()));
        drop(SpooledFile::borrowed(users.clone()));
        assert!(!path.exists() && users.exists());
        let folder = path.parent().unwrap().to_owned();
        drop(spool);
        assert!(!folder.exists());
    }
}
