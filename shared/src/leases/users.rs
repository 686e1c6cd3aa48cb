//! The user of Redis that the workers of one batch come as: the protocol's commands on the batch's keys, and nothing else.

use redis::cmd;
use sha2::{Digest as _, Sha256};

use super::error::LeaseError;
use super::queue::Leases;
use super::request::Request;
use crate::fingerprint::hex;
use crate::ids::BatchId;

/// What workers send, and what the scripts that they send run.
const COMMANDS: [&str; 22] = [
    "ping",
    "select",
    "info",
    "evalsha",
    "script|load",
    "time",
    "hdel",
    "hget",
    "hincrby",
    "hlen",
    "hmget",
    "hset",
    "zadd",
    "zcard",
    "zcount",
    "zrange",
    "zrangebyscore",
    "zrem",
    "zremrangebyscore",
    "zrevrange",
    "zrevrangebyscore",
    "zscore",
];

/// Name of the user that a batch's workers come as.
#[must_use]
pub fn worker_user(batch: &BatchId) -> String {
    format!("steno-worker-{batch}")
}

/// The rules of a batch's workers as `ACL SETUSER` takes them, all that may have been said of the user before undone; how it
/// shows who it is must be added.
#[must_use]
pub fn worker_rules(batch: &BatchId) -> Vec<String> {
    let first = ["reset".to_owned(), "on".to_owned()];
    let keys = [format!("~steno:{{{batch}}}:*"), format!("~steno:{{{batch}:*")];
    let nothing_else = ["resetchannels".to_owned(), "-@all".to_owned()];
    let commands = COMMANDS.map(|command| format!("+{command}"));
    first.into_iter().chain(keys).chain(nothing_else).chain(commands).collect()
}

impl Leases {
    /// Lets the batch's workers in, by this password: makes their user, or makes it what it should be. A server forgets its
    /// users when it restarts, so this is said again and again. The caller needs the right to `ACL SETUSER`.
    ///
    /// # Errors
    /// As any call.
    pub async fn admit_workers(&self, password: &str) -> Result<(), LeaseError> {
        let mut set = cmd("ACL");
        set.arg("SETUSER").arg(worker_user(&self.batch)).arg(worker_rules(&self.batch));
        // Redis gets its digest, as its own files have it: what is logged there tells no password.
        set.arg(format!("#{}", hex(&Sha256::digest(password))));
        let doing = format!("let the workers of batch {} in", self.batch);
        self.request(&doing, Request::EachServer(set)).await.map(|_| ())
    }

    /// Takes their user away, and with it their connections.
    ///
    /// # Errors
    /// As any call.
    pub async fn dismiss_workers(&self) -> Result<(), LeaseError> {
        let mut delete = cmd("ACL");
        delete.arg("DELUSER").arg(worker_user(&self.batch));
        let doing = format!("take away the user of the workers of batch {}", self.batch);
        self.request(&doing, Request::EachServer(delete)).await.map(|_| ())
    }
}
