//! What can go wrong with a store, in the words of who must act on it.

use std::fmt;
use std::io;

/// A failed operation on a store.
///
/// Its text says what was being done, to what, why it failed and what to do. The small [`StorageErrorKind`] is for
/// programs; the details behind it are private.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    kind: StorageErrorKind,
    action: Action,
    target: String,
    cause: String,
    remedy: String,
    one_entry: bool,
}

/// What kind of failure it is, by what one does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageErrorKind {
    /// The object is not there.
    NotFound,
    /// These credentials, or this user, may not do that.
    Denied,
    /// There are no credentials, or the store does not accept them.
    Credentials,
    /// The bucket or the folder itself is not there, or is no folder.
    BucketMissing,
    /// The object is no longer the version that was asked for.
    Changed,
    /// The object is larger than the caller's limit.
    TooLarge,
    /// The disk or the quota is full.
    NoSpace,
    /// The store cannot hold an object of this name.
    InvalidKey,
    /// The store does not answer, or answers that it cannot now.
    Unreachable,
    /// Anything else.
    Other,
}

/// Whether trying the same again later can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// It may.
    Yes,
    /// Something must change first.
    No,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Open,
    List,
    Inspect,
    Read,
    Download,
    Write,
    Delete,
    CreateFolder,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Inspect => "inspect",
            Self::Read => "read",
            Self::Download => "download",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::CreateFolder => "create the folder",
        })
    }
}

impl StorageError {
    /// `target` is the full name of the object or place; target and cause may come from strangers.
    pub(super) fn new(
        kind: StorageErrorKind,
        action: Action,
        target: impl fmt::Display,
        cause: impl fmt::Display,
    ) -> Self {
        Self(Box::new(Failure {
            kind,
            action,
            target: printable(&target.to_string()),
            cause: printable(&cause.to_string()),
            remedy: default_remedy(kind).to_owned(),
            one_entry: false,
        }))
    }

    /// From a failed call on the file system.
    pub(super) fn from_io(action: Action, target: impl fmt::Display, error: &io::Error) -> Self {
        let kind = io_kind(error);
        let failure = Self::new(kind, action, target, error);
        match kind {
            StorageErrorKind::Denied => failure.with_remedy(folder_permission(action)),
            StorageErrorKind::NotFound
            | StorageErrorKind::Credentials
            | StorageErrorKind::BucketMissing
            | StorageErrorKind::Changed
            | StorageErrorKind::TooLarge
            | StorageErrorKind::NoSpace
            | StorageErrorKind::InvalidKey
            | StorageErrorKind::Unreachable
            | StorageErrorKind::Other => failure,
        }
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = remedy.into();
        self
    }

    /// Marks an error item of a listing that goes on.
    pub(super) fn of_one_entry(mut self) -> Self {
        self.0.one_entry = true;
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> StorageErrorKind {
        self.0.kind
    }

    /// Whether trying the same again later can help. The store's own short retries are already behind it.
    #[must_use]
    pub fn disposition(&self) -> Retryable {
        match self.0.kind {
            StorageErrorKind::Unreachable | StorageErrorKind::Other => Retryable::Yes,
            StorageErrorKind::NotFound
            | StorageErrorKind::Denied
            | StorageErrorKind::Credentials
            | StorageErrorKind::BucketMissing
            | StorageErrorKind::Changed
            | StorageErrorKind::TooLarge
            | StorageErrorKind::NoSpace
            | StorageErrorKind::InvalidKey => Retryable::No,
        }
    }

    /// In a listing: true when only this entry or subfolder is lost and the listing goes on, false when it ends here.
    #[must_use]
    pub fn concerns_one_entry(&self) -> bool {
        self.0.one_entry
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {} {}: {}", self.action, self.target, self.cause)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

fn default_remedy(kind: StorageErrorKind) -> &'static str {
    match kind {
        StorageErrorKind::NotFound => "it may have been deleted or renamed since it was listed",
        StorageErrorKind::Denied => "grant these credentials access to it",
        StorageErrorKind::Credentials => {
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names"
        }
        StorageErrorKind::BucketMissing => "create it, or correct its name",
        StorageErrorKind::Changed => "it was replaced after it was listed; run again to take the new version",
        StorageErrorKind::TooLarge => "",
        StorageErrorKind::NoSpace => "free some space or choose another place, then run again",
        StorageErrorKind::InvalidKey => "rename it",
        StorageErrorKind::Unreachable => "check the endpoint and the network, then run again",
        StorageErrorKind::Other => "",
    }
}

fn folder_permission(action: Action) -> &'static str {
    match action {
        Action::Open | Action::List | Action::Inspect | Action::Read | Action::Download => {
            "give this user permission to read it and to enter the folders above it"
        }
        Action::Write | Action::Delete | Action::CreateFolder => {
            "give this user permission to write there, or choose another folder"
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the standard library names dozens of kinds, and more to come"
)]
fn io_kind(error: &io::Error) -> StorageErrorKind {
    use io::ErrorKind as E;
    match error.kind() {
        E::NotFound => StorageErrorKind::NotFound,
        E::PermissionDenied | E::ReadOnlyFilesystem => StorageErrorKind::Denied,
        E::StorageFull | E::QuotaExceeded | E::FileTooLarge => StorageErrorKind::NoSpace,
        E::InvalidFilename | E::NotADirectory | E::IsADirectory => StorageErrorKind::InvalidKey,
        E::TimedOut | E::NetworkDown | E::HostUnreachable | E::StaleNetworkFileHandle => {
            StorageErrorKind::Unreachable
        }
        _ => StorageErrorKind::Other,
    }
}

/// Names and server messages are hostile: what could forge a line of a log or drive a terminal is escaped.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_space_and_says_what_to_do() {
        for code in [28, 122] {
            let full = io::Error::from_raw_os_error(code);
            let error = StorageError::from_io(Action::Write, "/out/a.json", &full);
            assert_eq!(error.kind(), StorageErrorKind::NoSpace);
            assert_eq!(error.disposition(), Retryable::No);
            let text = error.to_string();
            assert!(text.starts_with("failed to write /out/a.json: "), "{text}");
            assert!(text.contains("free some space"), "{text}");
        }
    }

    #[test]
    fn a_refused_file_says_which_permission_is_missing() {
        let refused = io::Error::from_raw_os_error(13);
        let read = StorageError::from_io(Action::Read, "/in/a.mp3", &refused);
        let write = StorageError::from_io(Action::Write, "/out/a.json", &refused);
        assert_eq!((read.kind(), write.kind()), (StorageErrorKind::Denied, StorageErrorKind::Denied));
        assert!(read.to_string().contains("permission to read"), "{read}");
        assert!(write.to_string().contains("permission to write"), "{write}");
    }

    #[test]
    fn hostile_names_stay_on_one_line() {
        let error = StorageError::new(StorageErrorKind::Other, Action::Read, "a\nb\u{1b}[2J", "x\r\u{202e}y");
        assert_eq!(error.to_string(), r"failed to read a\nb\u{1b}[2J: x\r\u{202e}y");
    }
}
