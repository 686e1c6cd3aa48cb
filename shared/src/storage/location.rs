//! Names of places: a folder's path or `s3://bucket/prefix`.

use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Action, StorageError};
use super::key::{has_alias_segment, path_in_folder, s3_key_to_read};

/// A place that holds objects under relative, `/`-separated keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Location {
    /// A folder of a file system.
    Folder(PathBuf),
    /// The keys of a bucket that begin with `prefix/`; an empty prefix is the whole bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// Without slashes at its ends.
        prefix: String,
    },
}

/// Why a text names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// Nothing was given.
    #[error("the location is empty; give a folder or s3://bucket/prefix")]
    Empty,
    /// A URL of another kind.
    #[error("{0:?} is not supported; give a folder or s3://bucket/prefix")]
    Scheme(String),
    /// No bucket of that name can exist.
    #[error("{0:?} is not a bucket's name; it has 3 to 63 letters, digits, dots, hyphens or underscores")]
    Bucket(String),
    /// A prefix that some stores read differently from others.
    #[error(
        "the prefix {0:?} has an empty, `.` or `..` segment, which stores read differently; name it plainly"
    )]
    Prefix(String),
}

impl Location {
    /// The same place, independent of the current folder.
    ///
    /// # Errors
    /// When the current folder cannot be told.
    pub fn absolute(self) -> io::Result<Self> {
        match self {
            Self::Folder(path) => Ok(Self::Folder(without_parents(std::path::absolute(path)?))),
            Self::S3 { bucket, prefix } => Ok(Self::S3 { bucket, prefix }),
        }
    }
}

/// A path without `..`, as far as it exists: a place has one name then, whatever folder it was named from. What a `..` after
/// a link leads to, only the file system can tell. A path without `..` keeps the name that its user knows.
fn without_parents(path: PathBuf) -> PathBuf {
    let has_parents = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    if !has_parents(&path) {
        return path;
    }
    let resolved = path.ancestors().find_map(|ancestor| {
        let rest = path.strip_prefix(ancestor).ok().filter(|rest| !has_parents(rest))?;
        Some(ancestor.canonicalize().ok()?.components().chain(rest.components()).collect())
    });
    resolved.unwrap_or(path)
}

impl Location {
    /// Whether an object here may have this name, as far as names tell.
    ///
    /// # Errors
    /// [`super::StorageErrorKind::InvalidKey`], with what is wrong with it.
    pub fn check_name(&self, name: &str) -> Result<(), StorageError> {
        match self {
            Self::Folder(root) => path_in_folder(root, name, Action::Read).map(drop),
            Self::S3 { prefix, .. } => {
                s3_key_to_read(&self.to_string(), prefix, name, Action::Read).map(drop)
            }
        }
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err(InvalidLocation::Empty)
            } else {
                Ok(Self::Folder(PathBuf::from(text)))
            };
        };
        if !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) || scheme.starts_with('.')
        {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        if !scheme.eq_ignore_ascii_case("s3") {
            return Err(InvalidLocation::Scheme(format!("{scheme}://")));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket_name(bucket) {
            return Err(InvalidLocation::Bucket(bucket.to_owned()));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && has_alias_segment(prefix) {
            return Err(InvalidLocation::Prefix(prefix.to_owned()));
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Wider than AWS's rule of today: its older buckets and other stores have capitals and underscores.
fn is_bucket_name(name: &str) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        && ends_well(name.chars().next())
        && ends_well(name.chars().next_back())
        && !name.contains("..")
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl TryFrom<String> for Location {
    type Error = InvalidLocation;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(bucket: &str, prefix: &str) -> Location {
        Location::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn a_prefix_is_the_same_with_and_without_its_last_slash() {
        assert_eq!("s3://calls/2024/may".parse(), Ok(s3("calls", "2024/may")));
        assert_eq!("s3://calls/2024/may/".parse(), Ok(s3("calls", "2024/may")));
        assert_eq!("s3://calls".parse(), Ok(s3("calls", "")));
        assert_eq!("S3://calls/".parse(), Ok(s3("calls", "")));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["s3://calls", "s3://calls/a b/%41+ü", "/srv/calls", "calls", "./a://b"] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
            let json = serde_json::to_string(&location).unwrap();
            assert_eq!(serde_json::from_str::<Location>(&json).unwrap(), location);
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let refused = |text: &str| text.parse::<Location>().unwrap_err();
        assert_eq!(refused(""), InvalidLocation::Empty);
        assert_eq!(refused("gs://calls/x"), InvalidLocation::Scheme("gs://".to_owned()));
        assert_eq!(refused("https://host/x"), InvalidLocation::Scheme("https://".to_owned()));
        for bucket in ["", "ab", "-abc", "a..b", "ab c", "bücket", "a:b@c"] {
            assert_eq!(refused(&format!("s3://{bucket}/x")), InvalidLocation::Bucket(bucket.to_owned()));
        }
        for prefix in ["/x", "a//b", "../x", "a/./b", "x/.."] {
            assert_eq!(refused(&format!("s3://calls/{prefix}")), InvalidLocation::Prefix(prefix.to_owned()));
        }
    }

    #[test]
    fn a_relative_folder_becomes_absolute_and_a_bucket_stays() {
        let folder = Location::Folder(PathBuf::from("x")).absolute().unwrap();
        assert!(matches!(folder, Location::Folder(path) if path.is_absolute()));
        assert_eq!(s3("calls", "x").absolute().unwrap(), s3("calls", "x"));
    }

    #[test]
    fn a_folder_has_one_name_wherever_it_is_named_from() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("in/deep")).unwrap();
        std::os::unix::fs::symlink(root.join("in/deep"), root.join("link")).unwrap();
        let absolute = |path: &str| Location::Folder(root.join(path)).absolute().unwrap().to_string();
        let expected = |path: &str| root.join(path).display().to_string();
        assert_eq!(absolute("in/../in"), expected("in"));
        assert_eq!(absolute("in/deep/../../out/new"), expected("out/new"), "what does not exist yet");
        assert_eq!(absolute("link/.."), expected("in"), "a link is followed, as the system does");
        assert_eq!(absolute("link"), expected("link"), "a link without `..` keeps its name");
        assert_eq!(
            absolute("gone/../in"),
            expected("gone/../in"),
            "what leads nowhere stays, for the message"
        );
    }
}
