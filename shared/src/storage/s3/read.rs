//! Reading a bucket's objects.

use std::future::Future;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::client::{Inner, S3Store};
use super::error::{failure, is_absent, status};
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::store::Entry;

/// How often a body that breaks is taken up again without any progress in between.
const BROKEN_BODIES_MAX: u32 = 5;

impl S3Store {
    pub(in crate::storage) async fn head(&self, key: &str) -> Result<Option<Entry>, StorageError> {
        let inner = &self.0;
        let full = inner.key_to_read(key, Action::Inspect)?;
        match inner.client.head_object().bucket(&inner.bucket).key(full).send().await {
            Ok(head) => Ok(Some(Entry {
                key: key.to_owned(),
                size_bytes: u64::try_from(head.content_length.unwrap_or(0)).unwrap_or(0),
                etag: unquoted(head.e_tag.as_deref().unwrap_or_default()).to_owned(),
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failure(inner, Action::Inspect, &inner.shown_key(key), &error)),
        }
    }

    pub(in crate::storage) async fn read_range(
        &self,
        key: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Bytes, StorageError> {
        let (start, len) = (range.start, range.end.saturating_sub(range.start));
        if len == 0 {
            return Ok(Bytes::new());
        }
        again_while_broken(async || {
            let get = Get { key, etag, start, len: Some(len), action: Action::Read };
            let Some(mut answer) = get.send(&self.0).await? else { return Ok(Bytes::new()) };
            let mut body = BytesMut::new();
            while (body.len() as u64) < len
                && let Some(chunk) = next_chunk(&self.0, &mut answer, &get).await?
            {
                body.extend_from_slice(&chunk);
            }
            body.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            Ok(body.freeze())
        })
        .await
    }

    pub(in crate::storage) async fn read(
        &self,
        key: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, StorageError> {
        let outcome = again_while_broken(async || {
            let get = Get { key, etag: None, start: 0, len: None, action: Action::Read };
            let Some(mut answer) = get.send(&self.0).await? else { return Ok(Bytes::new()) };
            let mut body = BytesMut::new();
            while let Some(chunk) = next_chunk(&self.0, &mut answer, &get).await? {
                if (body.len() + chunk.len()) as u64 > limit_bytes {
                    let cause = format!("it has more than {limit_bytes} bytes");
                    let shown = self.0.shown_key(key);
                    return Err(
                        StorageError::new(StorageErrorKind::TooLarge, Action::Read, shown, cause).into()
                    );
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.freeze())
        });
        match outcome.await {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(in crate::storage) async fn download(
        &self,
        key: &str,
        etag: &str,
        size_bytes: u64,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), StorageError> {
        let disk = |error: &std::io::Error| StorageError::from_io(Action::Write, to.display(), error);
        let mut file = File::create(to).await.map_err(|error| disk(&error))?;
        let (mut done, mut broken) = (0_u64, 0_u32);
        loop {
            let before = done;
            match self.download_from(key, etag, size_bytes, &mut file, to, &mut done, progress).await {
                Ok(()) => break,
                Err(Interrupted::Body(error)) => {
                    broken = if done > before { 1 } else { broken + 1 };
                    if broken > BROKEN_BODIES_MAX {
                        return Err(error);
                    }
                    pause(broken).await;
                }
                Err(Interrupted::Failed(error)) => return Err(error),
            }
        }
        file.flush().await.map_err(|error| disk(&error))
    }

    /// Writes the object from byte `done` on, as far as the connection holds.
    #[expect(clippy::too_many_arguments, reason = "the state of one download, used in this one place")]
    async fn download_from(
        &self,
        key: &str,
        etag: &str,
        size_bytes: u64,
        file: &mut File,
        to: &Path,
        done: &mut u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Interrupted> {
        let wrong_size = |size: u64| {
            let cause = format!("it has {size} bytes or more instead of {size_bytes}");
            let shown = self.0.shown_key(key);
            Interrupted::Failed(StorageError::new(StorageErrorKind::Changed, Action::Download, shown, cause))
        };
        let get = Get { key, etag: Some(etag), start: *done, len: None, action: Action::Download };
        let Some(mut answer) = get.send(&self.0).await? else {
            return Err(wrong_size(*done));
        };
        if let Some(rest) = answer.content_length.and_then(|rest| u64::try_from(rest).ok())
            && *done + rest != size_bytes
        {
            return Err(wrong_size(*done + rest));
        }
        while let Some(chunk) = next_chunk(&self.0, &mut answer, &get).await? {
            if *done + chunk.len() as u64 > size_bytes {
                return Err(wrong_size(*done + chunk.len() as u64));
            }
            file.write_all(&chunk).await.map_err(|error| {
                Interrupted::Failed(StorageError::from_io(Action::Write, to.display(), &error))
            })?;
            *done += chunk.len() as u64;
            progress(*done);
        }
        if *done == size_bytes {
            return Ok(());
        }
        let cause = format!("the connection ended after {done} of {size_bytes} bytes");
        let shown = self.0.shown_key(key);
        Err(Interrupted::Body(StorageError::new(
            StorageErrorKind::Unreachable,
            Action::Download,
            shown,
            cause,
        )))
    }
}

/// Why reading stopped.
enum Interrupted {
    /// The body broke off: what is there is good, the rest can be asked for.
    Body(StorageError),
    /// Asking again does not help; the SDK has already tried what it could.
    Failed(StorageError),
}

impl From<StorageError> for Interrupted {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

/// One GET.
struct Get<'a> {
    key: &'a str,
    etag: Option<&'a str>,
    start: u64,
    /// `None` is to the end.
    len: Option<u64>,
    action: Action,
}

impl Get<'_> {
    /// The answer, whose body begins at `start`; `None` when the object ends before that.
    async fn send(&self, inner: &Inner) -> Result<Option<GetObjectOutput>, StorageError> {
        let full = inner.key_to_read(self.key, self.action)?;
        let shown = inner.shown_key(self.key);
        let changed =
            |cause: String| StorageError::new(StorageErrorKind::Changed, self.action, &shown, cause);
        let range = match self.len {
            None if self.start == 0 => None,
            None => Some(format!("bytes={}-", self.start)),
            Some(len) => Some(format!("bytes={}-{}", self.start, self.start.saturating_add(len - 1))),
        };
        let answer = inner
            .client
            .get_object()
            .bucket(&inner.bucket)
            .key(full)
            .set_range(range)
            .set_if_match(self.etag.filter(|etag| !etag.is_empty()).map(quoted))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return match status(&error) {
                    Some(416) => Ok(None),
                    Some(412) => {
                        Err(changed(format!("it is no longer the version {}", self.etag.unwrap_or_default())))
                    }
                    Some(_) | None => Err(failure(inner, self.action, &shown, &error)),
                };
            }
        };
        // Not every store heeds If-Match on GET.
        if let (Some(wanted), Some(found)) =
            (self.etag.filter(|etag| !etag.is_empty()), answer.e_tag.as_deref())
            && wanted != unquoted(found)
        {
            return Err(changed(format!("it is no longer the version {wanted} but {}", unquoted(found))));
        }
        let starts_as_asked = answer
            .content_range
            .as_deref()
            .map_or(self.start == 0, |range| range.starts_with(&format!("bytes {}-", self.start)));
        if !starts_as_asked {
            let cause = format!("the store sent other bytes than those from {} on", self.start);
            return Err(StorageError::new(StorageErrorKind::Other, self.action, shown, cause));
        }
        Ok(Some(answer))
    }
}

async fn next_chunk(
    inner: &Inner,
    answer: &mut GetObjectOutput,
    get: &Get<'_>,
) -> Result<Option<Bytes>, Interrupted> {
    answer.body.try_next().await.map_err(|error| {
        let cause = format!("the connection to {} broke ({})", inner.endpoint, super::error::chain(&error));
        let shown = inner.shown_key(get.key);
        Interrupted::Body(StorageError::new(StorageErrorKind::Unreachable, get.action, shown, cause))
    })
}

/// Reads again when a body broke off: the SDK repeats requests, not what comes after the headers.
async fn again_while_broken<F>(read: impl Fn() -> F) -> Result<Bytes, StorageError>
where
    F: Future<Output = Result<Bytes, Interrupted>>,
{
    let mut broken = 0;
    loop {
        match read().await {
            Ok(body) => return Ok(body),
            Err(Interrupted::Body(_)) if broken < BROKEN_BODIES_MAX => {
                broken += 1;
                pause(broken).await;
            }
            Err(Interrupted::Body(error) | Interrupted::Failed(error)) => return Err(error),
        }
    }
}

async fn pause(broken: u32) {
    tokio::time::sleep(Duration::from_millis(100) * 2_u32.saturating_pow(broken.min(6))).await;
}

/// A version tag as it stands in [`Entry::etag`]: servers quote it in some answers and not in others.
pub(super) fn unquoted(etag: &str) -> &str {
    etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(etag)
}

fn quoted(etag: &str) -> String {
    if etag.ends_with('"') { etag.to_owned() } else { format!("\"{etag}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_quoted_once() {
        assert_eq!(unquoted("\"abc-2\""), "abc-2");
        assert_eq!(unquoted("abc-2"), "abc-2");
        assert_eq!(unquoted("W/\"abc\""), "W/\"abc\"");
        assert_eq!(quoted("abc-2"), "\"abc-2\"");
        assert_eq!(quoted("W/\"abc\""), "W/\"abc\"");
    }
}
