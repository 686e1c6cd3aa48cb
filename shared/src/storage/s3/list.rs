//! Listing a bucket's keys below a prefix.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_sdk_s3::types::EncodingType;
use futures::stream::{self, Stream};

use super::client::{Inner, S3Store};
use super::error::failure;
use super::read::unquoted;
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::is_temporary;
use crate::storage::store::Entry;

type Item = Result<Entry, StorageError>;

/// Where a listing is.
struct Cursor {
    inner: Arc<Inner>,
    page: VecDeque<Item>,
    next: Next,
}

enum Next {
    First,
    After(String),
    End,
}

impl S3Store {
    pub(in crate::storage) async fn check_readable(&self) -> Result<(), StorageError> {
        let inner = &self.0;
        inner
            .client
            .list_objects_v2()
            .bucket(&inner.bucket)
            .prefix(inner.key_prefix())
            .max_keys(1)
            .send()
            .await
            .map(drop)
            .map_err(|error| failure(inner, Action::List, &inner.shown, &error))
    }

    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Item> + Send + use<> {
        let start = Cursor { inner: Arc::clone(&self.0), page: VecDeque::new(), next: Next::First };
        stream::unfold(start, |mut cursor| async move {
            loop {
                if let Some(item) = cursor.page.pop_front() {
                    return Some((item, cursor));
                }
                let after = match std::mem::replace(&mut cursor.next, Next::End) {
                    Next::First => None,
                    Next::After(token) => Some(token),
                    Next::End => return None,
                };
                if let Err(error) = cursor.fetch(after).await {
                    return Some((Err(error), cursor));
                }
            }
        })
    }
}

impl Cursor {
    /// One page of up to 1,000 keys.
    async fn fetch(&mut self, after: Option<String>) -> Result<(), StorageError> {
        let inner = &self.inner;
        let prefix = inner.key_prefix();
        let page = inner
            .client
            .list_objects_v2()
            .bucket(&inner.bucket)
            .prefix(&prefix)
            // XML cannot carry every character of a key. The SDK leaves the decoding to us.
            .encoding_type(EncodingType::Url)
            .set_continuation_token(after.clone())
            .send()
            .await
            .map_err(|error| failure(inner, Action::List, &inner.shown, &error))?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        self.next = match page.next_continuation_token {
            Some(token) if page.is_truncated == Some(true) => {
                if after.as_ref() == Some(&token) {
                    let cause = "the store gives the same page again and again";
                    return Err(StorageError::new(
                        StorageErrorKind::Other,
                        Action::List,
                        &inner.shown,
                        cause,
                    ));
                }
                Next::After(token)
            }
            None if page.is_truncated == Some(true) => {
                let cause = "the store says that there is more, but not where";
                return Err(StorageError::new(StorageErrorKind::Other, Action::List, &inner.shown, cause));
            }
            Some(_) | None => Next::End,
        };
        for object in page.contents.unwrap_or_default() {
            let Some(raw) = object.key else { continue };
            let full = if encoded { decode_url(&raw) } else { Some(raw.clone()) };
            let Some(full) = full else {
                let cause = "its name is not UTF-8";
                let lost = StorageError::new(
                    StorageErrorKind::InvalidKey,
                    Action::List,
                    inner.shown_key(&raw),
                    cause,
                );
                self.page.push_back(Err(lost.of_one_entry()));
                continue;
            };
            let Some(key) = full.strip_prefix(&prefix) else { continue };
            if key.is_empty() || key.ends_with('/') || is_temporary(key) {
                continue;
            }
            self.page.push_back(Ok(Entry {
                key: key.to_owned(),
                size_bytes: u64::try_from(object.size.unwrap_or(0)).unwrap_or(0),
                etag: unquoted(object.e_tag.as_deref().unwrap_or_default()).to_owned(),
            }));
        }
        Ok(())
    }
}

/// A key of a page with encoding type `url`: `%XX`, and `+` for a space, as forms have it. `None` when the bytes are
/// not UTF-8.
fn decode_url(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_keys_come_back_as_they_were() {
        for (encoded, key) in [
            ("a/b.mp3", "a/b.mp3"),
            ("a+b%2Bc", "a b+c"),
            ("a%20b", "a b"),
            ("%2541", "%41"),
            ("line%0Abreak", "line\nbreak"),
            ("u%CC%88%C3%BC", "u\u{308}ü"),
            ("100%", "100%"),
            ("%zz%2", "%zz%2"),
        ] {
            assert_eq!(decode_url(encoded).as_deref(), Some(key), "{encoded}");
        }
        assert_eq!(decode_url("%FF"), None);
    }
}
