//! How to reach S3, for the commands that open a location.

use clap::Args;
use steno_shared::storage::S3Config;

/// How to reach S3, where a location is `s3://bucket/prefix`.
#[derive(Debug, Args)]
pub struct S3Arguments {
    /// S3 endpoint, for stores other than AWS [default: AWS_ENDPOINT_URL, or the profile's].
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// S3 region [default: AWS_REGION, or the profile's, or us-east-1].
    #[arg(long, value_name = "NAME")]
    s3_region: Option<String>,
}

impl S3Arguments {
    /// As the storage layer takes it.
    #[must_use]
    pub fn config(&self) -> S3Config {
        S3Config { endpoint: self.s3_endpoint.clone(), region: self.s3_region.clone() }
    }
}
