//! How to reach an S3-compatible store.

use serde::{Deserialize, Serialize};

/// How to reach an S3-compatible store. Credentials are not part of it: the SDK's usual chain finds them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Endpoint URL; `None` leaves it to the SDK (`AWS_ENDPOINT_URL`, profile, AWS itself).
    pub endpoint: Option<String>,
    /// Region; `None` leaves it to the SDK, and `us-east-1` when that knows none.
    pub region: Option<String>,
}
