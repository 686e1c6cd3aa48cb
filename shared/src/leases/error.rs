//! Errors of the lease protocol, by what the caller can do next.

use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a call did nothing, as far as is known. Every call may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Redis cannot be reached or cannot serve now; it was tried again for a while. Try again later.
    #[error(
        "failed to {doing}: Redis has not answered for {} s ({source}); is it running, and reachable from here?",
        waited.as_secs()
    )]
    Unavailable {
        /// What was being done.
        doing: String,
        /// How long it was tried.
        waited: Duration,
        /// The last error.
        source: RedisError,
    },
    /// Redis has no memory left; work in flight can still finish.
    #[error(
        "failed to {doing}: Redis is out of memory; raise its `maxmemory` (an item needs about 300 bytes) and try again"
    )]
    OutOfMemory {
        /// What was being done.
        doing: String,
    },
    /// Redis cannot write its data to disk, most often because the disk is full, and therefore changes nothing.
    #[error(
        "failed to {doing}: Redis cannot write its data to disk ({source}); free some space where Redis keeps its data, then \
         run again"
    )]
    DiskFailed {
        /// What was being done.
        doing: String,
        /// What Redis said.
        source: RedisError,
    },
    /// The batch was written by another version of Steno.
    #[error(
        "failed to {doing}: the batch has protocol version {found}, this program speaks {ours}; use the version of Steno \
         that created it, or delete the batch and submit it again (what is transcribed stays)"
    )]
    Mismatch {
        /// What was being done.
        doing: String,
        /// The batch's version.
        found: String,
        /// Ours.
        ours: u32,
    },
    /// Redis does not know the batch.
    #[error(
        "failed to {doing}: Redis does not know the batch (it was deleted, or Redis lost its data); run the batch again: \
         what is transcribed is found in the output"
    )]
    NoBatch {
        /// What was being done.
        doing: String,
    },
    /// Redis refuses us: credentials or permissions.
    #[error(
        "failed to {doing}: Redis refuses it ({source}); check the user and password in the Redis URL and the user's ACL"
    )]
    Refused {
        /// What was being done.
        doing: String,
        /// What Redis said.
        source: RedisError,
    },
    /// The address, the server or a setting cannot work.
    #[error("failed to {doing}: {reason}")]
    Config {
        /// What was being done.
        doing: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// What Redis holds or answered makes no sense.
    #[error(
        "failed to {doing}: {what}; is something else writing to this Redis? Deleting the batch and running it again is safe"
    )]
    Corrupt {
        /// What was being done.
        doing: String,
        /// What is wrong.
        what: String,
    },
}

impl LeaseError {
    /// Whether the same call may work later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::OutOfMemory { .. }
            | Self::DiskFailed { .. }
            | Self::Mismatch { .. }
            | Self::NoBatch { .. }
            | Self::Refused { .. }
            | Self::Config { .. }
            | Self::Corrupt { .. } => false,
        }
    }

    /// Whether it may pass while one waits: the service is away, or Redis has lost the batch, which whoever made it takes in
    /// again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.is_retryable() || matches!(self, Self::NoBatch { .. })
    }

    /// The same for a user that is about to be made: a login that is refused may work later.
    pub(super) fn awaiting_the_user(self, waited: Duration) -> Self {
        let Self::Refused { doing, source } = self else { return self };
        if is_login(&source) {
            return Self::Unavailable { doing, waited, source };
        }
        Self::Refused { doing, source }
    }

    pub(super) fn corrupt(doing: &str, what: impl std::fmt::Display) -> Self {
        Self::Corrupt { doing: doing.to_owned(), what: what.to_string() }
    }

    /// Sorts an error of a cluster's connection: slots that move, or a primary that is being replaced, are waited for.
    pub(super) fn from_cluster(doing: &str, waited: Duration, source: RedisError) -> Self {
        if matches!(
            source.kind(),
            ErrorKind::ClusterConnectionNotFound
                | ErrorKind::Server(
                    ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::ClusterDown
                )
        ) {
            return Self::Unavailable { doing: doing.to_owned(), waited, source };
        }
        Self::from_redis(doing, waited, source)
    }

    /// Sorts an error of the client library; `waited` is how long the call was tried.
    pub(super) fn from_redis(doing: &str, waited: Duration, source: RedisError) -> Self {
        let doing = doing.to_owned();
        let text = source.to_string();
        // A script's own refusals; wrapped by some server versions, so looked for in the whole text.
        if let Some(found) = after(&text, "STENO_SCHEMA") {
            return Self::Mismatch { doing, found, ours: super::SCHEMA_VERSION };
        }
        if text.contains("STENO_NOBATCH") {
            return Self::NoBatch { doing };
        }
        if text.contains("STENO_CORRUPT") {
            return Self::Corrupt { doing, what: text };
        }
        if is_code(&source, &text, "OOM") {
            return Self::OutOfMemory { doing };
        }
        if is_code(&source, &text, "MISCONF") {
            return Self::DiskFailed { doing, source };
        }
        if ["BUSY", "NOREPLICAS", "UNBLOCKED", "READONLY", "MASTERDOWN"]
            .iter()
            .any(|code| is_code(&source, &text, code))
        {
            return Self::Unavailable { doing, waited, source };
        }
        if ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|code| is_code(&source, &text, code)) {
            return Self::Refused { doing, source };
        }
        if let Some(trouble) = certificate_trouble(&source) {
            let reason = format!(
                "{trouble}; STENO_REDIS_CA names a file with the authority that signed its certificate, STENO_REDIS_CERT and \
                 STENO_REDIS_KEY the client's own"
            );
            return Self::Config { doing, reason };
        }
        if text.contains("cluster support disabled") {
            let reason = "the server is no node of a Redis Cluster: name it as redis://host:port".to_owned();
            return Self::Config { doing, reason };
        }
        if text.contains("max number of clients reached") {
            return Self::Unavailable { doing, waited, source };
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's error kinds are non-exhaustive")]
        match source.kind() {
            ErrorKind::AuthenticationFailed => Self::Refused { doing, source },
            ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => {
                Self::Config { doing, reason: format!("the Redis URL cannot be used ({text})") }
            }
            ErrorKind::Io if permission_denied(&source) => Self::Config {
                doing,
                reason: format!("the Redis socket may not be opened ({text}); check its owner and mode"),
            },
            // Sentinels that know no primary now.
            ErrorKind::MasterNameNotFoundBySentinel => Self::Unavailable { doing, waited, source },
            ErrorKind::Io
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown,
            ) => Self::Unavailable { doing, waited, source },
            // A reply cut off in the middle.
            ErrorKind::Parse => Self::Unavailable { doing, waited, source },
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => {
                Self::Config {
                    doing,
                    reason: "this is a node of a Redis Cluster: name it as redis+cluster://host:port"
                        .to_owned(),
                }
            }
            _ => Self::Corrupt { doing, what: format!("Redis answered {text:?}") },
        }
    }
}

/// Whether the server says that it is no primary any more.
pub(super) fn is_replica(error: &RedisError) -> bool {
    let text = error.to_string();
    is_code(error, &text, "READONLY") || is_code(error, &text, "MASTERDOWN")
}

/// Whether it is a login that was refused, and not what a user that is known may not do.
fn is_login(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || is_code(error, &error.to_string(), "WRONGPASS")
}

/// Whether the server's error has this code, be it the reply's own or that of a command inside a script.
fn is_code(error: &RedisError, text: &str, code: &str) -> bool {
    error.code() == Some(code) || text.contains(&format!("-{code} "))
}

fn after(text: &str, marker: &str) -> Option<String> {
    let rest = &text[text.find(marker)? + marker.len()..];
    Some(rest.trim_start_matches([':', ' ', '"']).chars().take_while(char::is_ascii_alphanumeric).collect())
}

fn permission_denied(error: &RedisError) -> bool {
    io_error(error).is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
}

/// The system's error behind one of the library, which keeps it shared.
fn io_error(error: &RedisError) -> Option<&std::io::Error> {
    let source = std::error::Error::source(error)?;
    let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>();
    shared.map_or_else(|| source.downcast_ref(), |shared| shared.downcast_ref())
}

/// What is wrong with a certificate, the server's or ours, if that is it.
pub(super) fn certificate_trouble(error: &RedisError) -> Option<String> {
    use rustls::Error as Tls;
    let tls = io_error(error)?.get_ref()?.downcast_ref::<Tls>()?;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library names dozens of errors, and more to come"
    )]
    match tls {
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => {
            Some(format!("the certificate of Redis is not trusted ({tls})"))
        }
        Tls::AlertReceived(_) => {
            Some(format!("Redis does not take this client's certificate, or wants one ({tls})"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn sorted(error: io::Error) -> LeaseError {
        LeaseError::from_redis("connect", Duration::ZERO, RedisError::from(error))
    }

    #[test]
    fn what_no_waiting_mends_is_told_at_once() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = sorted(io::Error::new(io::ErrorKind::InvalidData, untrusted));
        assert!(!error.is_retryable() && error.to_string().contains("STENO_REDIS_CA"), "{error}");
        let error = sorted(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(!error.is_retryable() && error.to_string().contains("check its owner and mode"), "{error}");
        for passes in
            [io::ErrorKind::ConnectionRefused, io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData]
        {
            assert!(sorted(io::Error::from(passes)).is_retryable(), "{passes}");
        }
    }
}
