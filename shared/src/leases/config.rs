//! How to reach Redis.

use serde::{Deserialize, Serialize};

/// How to reach Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port/db` or `redis+unix:///path/to/socket`. Redis 6.2 or later.
    pub url: String,
}
