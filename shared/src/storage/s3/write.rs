//! Writing a bucket's objects: one PutObject with the body in memory, the only form that all stores do atomically,
//! checked and conditionally. Not multipart and not copy: some stores ignore the condition there.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::client::S3Store;
use super::error::{failure, status};
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::{TEMPORARY_PREFIX, is_abandoned};
use crate::storage::store::Put;

/// How often a put that met another one in progress is repeated before its outcome is looked up.
const CONFLICTS_MAX: u32 = 8;

/// "Only if there is none."
const ANY: &str = "*";

impl S3Store {
    pub(in crate::storage) async fn put_new(
        &self,
        key: &str,
        body: Bytes,
        content_type: &str,
    ) -> Result<Put, StorageError> {
        for conflict in 1..=CONFLICTS_MAX {
            match self.send_put(key, body.clone(), content_type, Some(ANY)).await? {
                Ok(()) => return Ok(Put::Created),
                // Also the answer to a repetition of a put that had succeeded.
                Err(error) if status(&error) == Some(412) => return Ok(Put::Exists),
                // Another put is under way, which may yet fail.
                Err(error) if is_conflict(&error) => {
                    tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(conflict.min(6))).await;
                }
                Err(error) => return Err(failure(&self.0, Action::Write, &self.0.shown_key(key), &error)),
            }
        }
        if self.head(key).await?.is_some() {
            return Ok(Put::Exists);
        }
        match self.send_put(key, body, content_type, Some(ANY)).await? {
            Ok(()) => Ok(Put::Created),
            Err(error) if status(&error) == Some(412) => Ok(Put::Exists),
            Err(error) => Err(failure(&self.0, Action::Write, &self.0.shown_key(key), &error)),
        }
    }

    pub(in crate::storage) async fn put(
        &self,
        key: &str,
        body: Bytes,
        content_type: &str,
    ) -> Result<(), StorageError> {
        self.send_put(key, body, content_type, None)
            .await?
            .map_err(|error| failure(&self.0, Action::Write, &self.0.shown_key(key), &error))
    }

    /// The outer error is an invalid key; the inner one is the store's.
    async fn send_put(
        &self,
        key: &str,
        body: Bytes,
        content_type: &str,
        if_none_match: Option<&str>,
    ) -> Result<Result<(), SdkError<PutObjectError, HttpResponse>>, StorageError> {
        let inner = &self.0;
        let full = inner.key_to_write(key, Action::Write)?;
        Ok(inner
            .client
            .put_object()
            .bucket(&inner.bucket)
            .key(full)
            .content_type(content_type)
            .content_md5(content_md5(&body))
            .set_if_none_match(if_none_match.map(str::to_owned))
            .body(ByteStream::from(body))
            .send()
            .await
            .map(drop))
    }

    pub(in crate::storage) async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let inner = &self.0;
        let full = inner.key_to_write(key, Action::Delete)?;
        match inner.client.delete_object().bucket(&inner.bucket).key(full).send().await {
            Ok(_) => Ok(()),
            Err(error) if super::error::is_absent(&error) => Ok(()),
            Err(error) => Err(failure(inner, Action::Delete, &inner.shown_key(key), &error)),
        }
    }
}

impl S3Store {
    /// Deletes abandoned probes of [`check_writable`](crate::storage::Store::check_writable), which killed processes left. A clock
    /// that is an hour ahead would have another's probe deleted while it is used: that one then fails, and is tried again.
    pub(in crate::storage) async fn sweep_temporaries(&self) -> Result<u64, StorageError> {
        let inner = &self.0;
        let listed = inner
            .client
            .list_objects_v2()
            .bucket(&inner.bucket)
            .prefix(format!("{}{TEMPORARY_PREFIX}", inner.key_prefix()))
            .send()
            .await
            .map_err(|error| failure(inner, Action::List, &inner.shown, &error))?;
        let mut removed = 0;
        for object in listed.contents.unwrap_or_default() {
            let Some(key) = object.key.as_deref().and_then(|key| key.strip_prefix(&inner.key_prefix()))
            else {
                continue;
            };
            let modified = object.last_modified.and_then(|modified| SystemTime::try_from(modified).ok());
            if !modified.is_some_and(is_abandoned) {
                continue;
            }
            match self.delete(key).await {
                Ok(()) => removed += 1,
                // Then they stay, as after each probe.
                Err(error) if error.kind() == StorageErrorKind::Denied => break,
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }
}

fn is_conflict(error: &SdkError<PutObjectError, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(|service| service.code());
    status(error) == Some(409)
        && matches!(code, Some("ConditionalRequestConflict" | "OperationAborted") | None)
}

/// The one checksum that every store checks.
fn content_md5(body: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Md5::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_md5_is_the_base64_of_the_digest() {
        // RFC 1321's test suite, in base64.
        assert_eq!(content_md5(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert_eq!(content_md5(b"abc"), "kAFQmDzST7DWlj99KOF/cg==");
    }
}
