//! Which keys may be used: names come from strangers.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::{Action, StorageError, StorageErrorKind};

/// How a name begins that is ours and no one's object: files being written, probes of [`super::Store::check_writable`].
pub(crate) const TEMPORARY_PREFIX: &str = ".steno-tmp-";

/// A temporary this old has no living writer: bodies are in memory before it is made.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// Longest key of S3, in bytes, the prefix included.
const S3_KEY_BYTES_MAX: usize = 1024;

/// Whether a temporary that was last written then has been left by a process that was killed.
pub(super) fn is_abandoned(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED_AFTER)
}

/// Whether some segment is empty, `.` or `..`, so that a file system, and some S3 servers, take the key for another.
pub(super) fn has_alias_segment(key: &str) -> bool {
    key.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

/// Whether an object under this key is one of our own temporaries.
pub(super) fn is_temporary(key: &str) -> bool {
    key.rsplit('/').next().is_some_and(|name| name.starts_with(TEMPORARY_PREFIX))
}

/// The path of a key in a folder: always below `root`, as far as names tell.
pub(super) fn path_in_folder(root: &Path, key: &str, action: Action) -> Result<PathBuf, StorageError> {
    match unusable_anywhere(key) {
        Some(cause) => Err(invalid(action, &root.display(), key, cause)),
        None => Ok(root.join(key)),
    }
}

/// The full key in a bucket, for writing: exactly the keys that a folder takes too, since some servers make paths
/// of keys and would let `a/../b` overwrite `b`.
pub(super) fn s3_key_to_write(
    shown_root: &str,
    prefix: &str,
    key: &str,
    action: Action,
) -> Result<String, StorageError> {
    match unusable_anywhere(key) {
        Some(cause) => Err(invalid(action, &shown_root, key, cause)),
        None => s3_key_to_read(shown_root, prefix, key, action),
    }
}

/// The full key in a bucket, for reading: whatever a listing may give, but for `..`. That is a name like any other on
/// most servers; those that make paths of keys would read outside the prefix.
pub(super) fn s3_key_to_read(
    shown_root: &str,
    prefix: &str,
    key: &str,
    action: Action,
) -> Result<String, StorageError> {
    let full = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
    if key.is_empty() {
        return Err(invalid(action, &shown_root, key, "the name is empty"));
    }
    if key.split('/').any(|segment| segment == "..") {
        return Err(invalid(
            action,
            &shown_root,
            key,
            "the name has a `..` segment, which could lead out of the location",
        ));
    }
    if full.len() > S3_KEY_BYTES_MAX {
        return Err(invalid(action, &shown_root, key, "the key is longer than S3's 1,024 bytes"));
    }
    Ok(full)
}

fn unusable_anywhere(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        Some("the name is empty")
    } else if has_alias_segment(key) {
        Some("the name has an empty, `.` or `..` segment, which could lead out of the location")
    } else if key.contains('\0') {
        Some("the name has a NUL character")
    } else {
        None
    }
}

fn invalid(action: Action, root: &dyn std::fmt::Display, key: &str, cause: &str) -> StorageError {
    StorageError::new(StorageErrorKind::InvalidKey, action, format!("{root}/{key}"), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_a_folder() {
        let root = Path::new("/srv/out");
        for key in ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/.", "a\0b"] {
            let error = path_in_folder(root, key, Action::Read).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::InvalidKey, "{key:?}");
        }
        for key in ["a", "a/b", "...", "..a", "a\nb", "a\\..\\b", " ", "~", "%2e%2e/x"] {
            assert!(path_in_folder(root, key, Action::Read).unwrap().starts_with(root), "{key:?}");
        }
    }

    #[test]
    fn a_bucket_takes_for_writing_what_a_folder_takes_and_reads_what_it_lists() {
        for key in ["", "../x", "a//b", "/a", "a/./b", "a\0"] {
            assert!(s3_key_to_write("s3://b", "p", key, Action::Write).is_err(), "{key:?}");
        }
        assert_eq!(s3_key_to_write("s3://b", "p", "a/b", Action::Write).unwrap(), "p/a/b");
        assert_eq!(s3_key_to_read("s3://b", "p", "/a//b", Action::Read).unwrap(), "p//a//b");
        for key in ["", "..", "../x", "a/../x", "x/.."] {
            assert!(s3_key_to_read("s3://b", "p", key, Action::Read).is_err(), "{key:?}");
        }
        assert_eq!(s3_key_to_read("s3://b", "", "..a/./b", Action::Read).unwrap(), "..a/./b");
        assert!(s3_key_to_read("s3://b", "p", &"x".repeat(1023), Action::Read).is_err());
    }

    #[test]
    fn temporaries_are_told_by_their_last_segment() {
        assert!(is_temporary(".steno-tmp-x") && is_temporary("a/.steno-tmp-x"));
        assert!(!is_temporary("a.steno-tmp-x") && !is_temporary(".steno-tmp-x/a"));
    }
}
