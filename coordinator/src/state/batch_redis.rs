//! The Redis of a local batch: a private server of its own, or one that the user has.

use std::path::PathBuf;

use steno_shared::leases::{RedisConfig, check_redis_url};

use super::{RedisServer, StateFolder};
use crate::failure::Failure;
use crate::programs::Programs;

/// A Redis that is there for as long as the value is used.
#[derive(Debug)]
pub enum BatchRedis {
    /// Started for this batch.
    Private {
        /// The running server.
        server: RedisServer,
        /// What to start again when it ends.
        program: PathBuf,
    },
    /// The user's own.
    Given(RedisConfig),
}

impl BatchRedis {
    /// Starts the private server of a state folder, which must be locked by this process, or takes the one that was
    /// given for it.
    ///
    /// # Errors
    /// If the private server is missing or does not start.
    pub async fn open(folder: &StateFolder) -> Result<Self, Failure> {
        if let Some(config) = folder.given_redis()? {
            return Ok(Self::Given(config));
        }
        let program = Programs::find_redis_server()?;
        let server = RedisServer::start(&program, folder).await?;
        Ok(Self::Private { server, program })
    }

    /// How to reach it.
    #[must_use]
    pub fn config(&self) -> RedisConfig {
        match self {
            Self::Private { server, .. } => server.config(),
            Self::Given(config) => config.clone(),
        }
    }

    /// Whether nobody but this batch uses it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Private { .. })
    }

    /// Waits until a private server ends by itself, which it should not; for ever with another one.
    pub async fn ended(&mut self) -> String {
        match self {
            Self::Private { server, .. } => server.ended().await,
            Self::Given(_) => std::future::pending().await,
        }
    }

    /// Starts a private server that has ended again, on its data.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_again(&mut self, folder: &StateFolder) -> Result<(), Failure> {
        if let Self::Private { server, program } = self {
            *server = RedisServer::start(program, folder).await?;
        }
        Ok(())
    }

    /// Stops what was started.
    pub async fn stop(self) {
        match self {
            Self::Private { server, .. } => server.stop().await,
            Self::Given(_) => {}
        }
    }
}

/// Checks the address of a Redis on a command line, where everybody on the machine can read it.
///
/// # Errors
/// If it is none, or holds a password.
pub fn check_public_redis_url(text: &str) -> Result<(), String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    // Passwords have been seen with any character in them, unencoded.
    let has_password = (!scheme.ends_with("unix")
        && rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')))
        || rest
            .split_once('?')
            .is_some_and(|(_, query)| query.split('&').any(|part| part.starts_with("pass=")));
    if has_password {
        return Err(format!(
            "a password on a command line can be read by everybody on the machine: put it into the variable {}",
            steno_shared::leases::PASSWORD_VARIABLE
        ));
    }
    check_redis_url(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_refused_where_everybody_reads_them() {
        for fine in [
            "redis://cache:6379",
            "redis://worker@cache:6380/2",
            "redis+unix:///run/redis.sock?db=3",
            "redis://[::1]:1/",
            "rediss://worker@cache",
            "rediss+sentinel://worker@a:26379,b:26379/calls",
            "redis+cluster://a:6379,b:6379",
        ] {
            assert_eq!(check_public_redis_url(fine), Ok(()), "{fine}");
        }
        for secret in [
            "redis://:planted@cache",
            "redis://:plan/ted#=?planted@cache",
            "redis://worker:planted@cache:1/0",
            "unix:///s?db=1&pass=planted",
            "rediss+sentinel://worker:planted@a,b/calls",
        ] {
            let refused = check_public_redis_url(secret).unwrap_err();
            assert!(refused.contains("STENO_REDIS_PASSWORD") && !refused.contains("planted"), "{refused}");
        }
        for none in ["cache:6379", "http://cache", "", "redis"] {
            assert!(check_public_redis_url(none).unwrap_err().contains("it is none of redis://"));
        }
    }
}
