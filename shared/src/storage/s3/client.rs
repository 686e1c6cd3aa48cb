//! The connection to a bucket.

use std::sync::Arc;
use std::time::Duration;

use aws_config::ConfigLoader;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    ProvideCredentials as _, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};

use super::error::chain;
use crate::storage::config::S3Config;
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::{s3_key_to_read, s3_key_to_write};
use crate::storage::location::Location;

/// Most tries of one request; with the back-off below they take up to some 10 s.
const ATTEMPTS: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one try, until its answer's headers are there: a put of a transcript with its body, a get without.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Objects below a prefix of an S3-compatible bucket.
#[derive(Debug, Clone)]
pub struct S3Store(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) bucket: String,
    /// Without slashes at its ends.
    pub(super) prefix: String,
    /// How it is shown: `s3://bucket/prefix`.
    pub(super) shown: String,
    /// The endpoint, for messages.
    pub(super) endpoint: String,
    location: Location,
}

impl S3Store {
    pub(in crate::storage) async fn open(
        bucket: &str,
        prefix: &str,
        config: &S3Config,
        loader: ConfigLoader,
    ) -> Result<Self, StorageError> {
        let prefix = prefix.trim_matches('/').to_owned();
        let location = Location::S3 { bucket: bucket.to_owned(), prefix: prefix.clone() };
        let shown = location.to_string();
        let mut loader = loader
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(FIRST_BACKOFF)
                    .with_max_backoff(LONGEST_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .region(region(config));
        if let Some(endpoint) = &config.endpoint {
            check_endpoint(endpoint, &shown)?;
            loader = loader.endpoint_url(endpoint);
        }
        let sdk = loader.load().await;
        let no_credentials = |cause: String| {
            StorageError::new(StorageErrorKind::Credentials, Action::Open, &shown, cause).with_remedy(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile of ~/.aws",
            )
        };
        match sdk.credentials_provider() {
            None => return Err(no_credentials("no S3 credentials are configured".to_owned())),
            Some(provider) => {
                provider.provide_credentials().await.map_err(|error| {
                    no_credentials(format!("no S3 credentials were found ({})", chain(&error)))
                })?;
            }
        }
        let s3 = aws_sdk_s3::config::Builder::from(&sdk)
            // Path style works everywhere; names like bucket.host need DNS that private stores lack.
            .force_path_style(true)
            // Stores that are not AWS's refuse or ignore the SDK's own default checksums. Content-MD5 does it.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        let endpoint = match config.endpoint.as_deref().or(sdk.endpoint_url()) {
            Some(url) => url.to_owned(),
            None => "the SDK's default endpoint".to_owned(),
        };
        let client = Client::from_conf(s3);
        Ok(Self(Arc::new(Inner { client, bucket: bucket.to_owned(), prefix, shown, endpoint, location })))
    }

    pub(in crate::storage) fn location(&self) -> &Location {
        &self.0.location
    }
}

impl Inner {
    /// What every key of the location begins with.
    pub(super) fn key_prefix(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) }
    }

    pub(super) fn key_to_read(&self, key: &str, action: Action) -> Result<String, StorageError> {
        s3_key_to_read(&self.shown, &self.prefix, key, action)
    }

    pub(super) fn key_to_write(&self, key: &str, action: Action) -> Result<String, StorageError> {
        s3_key_to_write(&self.shown, &self.prefix, key, action)
    }

    pub(super) fn shown_key(&self, key: &str) -> String {
        format!("{}/{key}", self.shown)
    }
}

/// The configured region, else the SDK's, else the one that stores without regions accept. Where an endpoint is
/// given, the metadata service of AWS's machines is not asked: elsewhere that only takes time.
fn region(config: &S3Config) -> RegionProviderChain {
    let configured = RegionProviderChain::first_try(config.region.clone().map(Region::new));
    let usual = if config.endpoint.is_some() {
        configured
            .or_else(aws_config::environment::region::EnvironmentVariableRegionProvider::new())
            .or_else(aws_config::profile::ProfileFileRegionProvider::new())
    } else {
        configured.or_default_provider()
    };
    usual.or_else("us-east-1")
}

/// An endpoint with a user name in it would carry a password into messages, and S3 knows no such thing.
fn check_endpoint(endpoint: &str, shown: &str) -> Result<(), StorageError> {
    let authority = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"))
        .map(|rest| rest.split('/').next().unwrap_or_default());
    let cause = match authority {
        None | Some("") => "the S3 endpoint is not a URL that begins with https:// or http://",
        Some(authority) if authority.contains('@') => "the S3 endpoint has a user name in it",
        Some(_) => return Ok(()),
    };
    Err(StorageError::new(StorageErrorKind::Other, Action::Open, shown, cause)
        .with_remedy("give it as https://host:port; credentials come from the environment or a profile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_url() {
        for good in ["https://objects.example.net", "http://127.0.0.1:7070/", "https://host/path@x"] {
            assert!(check_endpoint(good, "s3://b").is_ok(), "{good}");
        }
        for bad in ["", "host:9000", "ftp://host", "https://", "https://user:secret@host"] {
            let error = check_endpoint(bad, "s3://b").unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
