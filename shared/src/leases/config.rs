//! How to reach Redis.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The variable with the password, for a URL that has none: a configuration file holds no secrets.
pub const PASSWORD_VARIABLE: &str = "STENO_REDIS_PASSWORD";

/// The variable with the password of Sentinels, where they have one.
pub const SENTINEL_PASSWORD_VARIABLE: &str = "STENO_REDIS_SENTINEL_PASSWORD";
/// The variable that names a file with the authority (PEM) that signed Redis's certificate, where the system does not know it.
pub const CA_VARIABLE: &str = "STENO_REDIS_CA";
/// The variables that name files with the certificate and the key (PEM) that Redis asks its clients for.
pub const CLIENT_CERTIFICATE_VARIABLES: [&str; 2] = ["STENO_REDIS_CERT", "STENO_REDIS_KEY"];

/// How to reach Redis.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port/db`, `rediss://…` for TLS, `redis+unix:///path/to/socket`,
    /// `redis+sentinel://host:port,…/service/db` or `redis+cluster://host:port,…`, these two with `rediss` too. Redis 6.2 or
    /// later.
    pub url: String,
    /// The password, if the URL has none. Never written to a file.
    #[serde(skip)]
    pub password: Option<String>,
    /// The password of Sentinels. Never written to a file.
    #[serde(skip)]
    pub sentinel_password: Option<String>,
    /// Certificates. Named by the environment of each process, as the password is.
    #[serde(skip)]
    pub tls: RedisTls,
    /// Whether somebody makes the user anew when Redis has restarted and forgotten it: a login that is refused is waited for, as
    /// a server that is away.
    #[serde(default)]
    pub awaits_user: bool,
}

/// Files with certificates, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedisTls {
    /// Authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// This client's certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl RedisConfig {
    /// An address, with the password in it or none.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// The same with the passwords and the names of certificates from the environment, as far as they are set there.
    #[must_use]
    pub fn with_environment(self) -> Self {
        Self {
            password: set(PASSWORD_VARIABLE).or(self.password.clone()),
            ..self.with_way_from_environment()
        }
    }

    /// The same with what the environment tells of the way there, not of who comes: the Sentinels' password, certificates.
    #[must_use]
    pub fn with_way_from_environment(self) -> Self {
        Self {
            sentinel_password: set(SENTINEL_PASSWORD_VARIABLE).or(self.sentinel_password),
            tls: RedisTls::from_environment(),
            ..self
        }
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl RedisTls {
    /// The files that the environment names.
    fn from_environment() -> Self {
        let file = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let [cert, key] = CLIENT_CERTIFICATE_VARIABLES;
        Self { ca: file(CA_VARIABLE), cert: file(cert), key: file(key) }
    }
}

impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password as well.
        let url = match (self.url.split_once("://"), self.url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
            _ => self.url.clone(),
        };
        f.debug_struct("RedisConfig").field("url", &url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_printed_or_written() {
        let config = RedisConfig {
            password: Some("sown".into()),
            ..RedisConfig::new("redis://worker:planted@redis:6379/0")
        };
        let debug = format!("{config:?}");
        assert!(
            debug.contains("redis://…@redis:6379/0") && !debug.contains("planted") && !debug.contains("sown"),
            "{debug}"
        );
        assert!(!serde_json::to_string(&config).unwrap().contains("sown"));
    }
}
