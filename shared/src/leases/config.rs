//! How to reach Redis.

use serde::{Deserialize, Serialize};

/// The variable with the password, for a URL that has none: a configuration file holds no secrets.
pub const PASSWORD_VARIABLE: &str = "STENO_REDIS_PASSWORD";

/// How to reach Redis.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port/db` or `redis+unix:///path/to/socket`. Redis 6.2 or later.
    pub url: String,
    /// The password, if the URL has none. Never written to a file.
    #[serde(skip)]
    pub password: Option<String>,
}

impl RedisConfig {
    /// An address, with the password in it or none.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), password: None }
    }

    /// The same with the password from the environment, if one is set there.
    #[must_use]
    pub fn with_password_from_environment(self) -> Self {
        let password = std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty());
        Self { password: password.or(self.password), ..self }
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
        let config =
            RedisConfig { url: "redis://worker:planted@redis:6379/0".into(), password: Some("sown".into()) };
        let debug = format!("{config:?}");
        assert!(
            debug.contains("redis://…@redis:6379/0") && !debug.contains("planted") && !debug.contains("sown"),
            "{debug}"
        );
        assert!(!serde_json::to_string(&config).unwrap().contains("sown"));
    }
}
