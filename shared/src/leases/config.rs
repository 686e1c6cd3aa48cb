//! How to reach Redis.

use serde::{Deserialize, Serialize};

/// How to reach Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://host:port/db`, `rediss://…` or `redis+unix:///path/to/socket`.
    pub url: String,
}
