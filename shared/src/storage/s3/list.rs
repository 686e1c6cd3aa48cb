//! Listing a bucket's keys below a prefix.

use std::sync::Arc;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::client::{Inner, S3Store};
use super::error::failure;
use super::read::unquoted;
use crate::storage::error::{Action, StorageError, StorageErrorKind};
use crate::storage::key::is_temporary;
use crate::storage::store::Entry;

type Item = Result<Entry, StorageError>;

/// Pages of up to 1,000 keys that are read one after the other before it is asked whether there are folders to list side by side.
const PAGES_ALONE: usize = 10;
/// Folders that are listed at once.
const FOLDERS_AT_ONCE: usize = 16;
/// With more folders than these, asking for each of them would cost more than it gains.
const FOLDERS_MAX: usize = 300;
/// How deep it is looked for a folder that has more than one in it.
const DEPTH_MAX: usize = 16;
/// Pages that a folder is ahead of its turn at most.
const PAGES_AHEAD: usize = 8;

/// Where a listing of all keys below a prefix is.
struct Cursor {
    inner: Arc<Inner>,
    prefix: String,
    next: Next,
}

enum Next {
    First,
    After(String),
    End,
}

/// What lies directly below a place: objects, and folders to be listed each by itself.
struct Folders {
    objects: Vec<Item>,
    prefixes: Vec<String>,
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

    /// A long listing goes through the folders below the prefix side by side, and gives them one after the other.
    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Item> + Send + use<> {
        let cursor = Cursor::below(Arc::clone(&self.0), self.0.key_prefix());
        let mut failed = false;
        // What comes after an error that ends one folder's listing would hide that it is incomplete.
        stream::once(begin(cursor)).flatten().take_while(move |item| {
            let was = failed;
            failed |= item.as_ref().is_err_and(|error| !error.concerns_one_entry());
            std::future::ready(!was)
        })
    }
}

async fn begin(mut cursor: Cursor) -> BoxStream<'static, Item> {
    let mut head = Vec::new();
    for _ in 0..PAGES_ALONE {
        head.extend(cursor.page().await);
        if cursor.is_over() {
            return stream::iter(head).boxed();
        }
    }
    let inner = Arc::clone(&cursor.inner);
    match Folders::below(&inner, &head).await {
        Some(Folders { objects, prefixes }) => {
            let folders = stream::iter(prefixes)
                .map(move |prefix| std::future::ready(ahead(Cursor::below(Arc::clone(&inner), prefix))))
                .buffered(FOLDERS_AT_ONCE)
                .flatten();
            stream::iter(objects).chain(folders).boxed()
        }
        None => stream::iter(head).chain(cursor.items()).boxed(),
    }
}

/// Lists while nobody asks yet, some pages far.
fn ahead(cursor: Cursor) -> impl Stream<Item = Item> + Send {
    let shown = cursor.inner.shown.clone();
    let (pages, mut read) = mpsc::channel(PAGES_AHEAD);
    // Ends with the listing, or when nobody reads it any more.
    let task = tokio::spawn(async move {
        let mut listing = std::pin::pin!(cursor.pages());
        while let Some(page) = listing.next().await {
            if pages.send(page).await.is_err() {
                return;
            }
        }
    });
    let pages = stream::poll_fn(move |context| read.poll_recv(context));
    // Had it not come to its end, the listing would be short of the rest.
    let end = stream::once(task).filter_map(move |ended| {
        let failed =
            ended.err().map(|error| StorageError::new(StorageErrorKind::Other, Action::List, &shown, error));
        std::future::ready(failed.map(|error| vec![Err(error)]))
    });
    pages.chain(end).flat_map(stream::iter)
}

impl Folders {
    /// Those that are worth it to be listed by themselves; `None` where there are none, or too many. So it is where what was `seen` of the
    /// listing is not in them: a store that tells folders in another way than keys would be asked for the wrong ones, and have nothing there.
    async fn below(inner: &Inner, seen: &[Item]) -> Option<Self> {
        let root = inner.key_prefix();
        let is_in = |entry: &Entry, prefix: &String| {
            prefix.strip_prefix(&root).is_some_and(|folder| entry.key.starts_with(folder))
        };
        let mut found = Self { objects: Vec::new(), prefixes: vec![root.clone()] };
        for _ in 0..DEPTH_MAX {
            let [below] = found.prefixes.as_slice() else { break };
            // Should it fail, so will the listing without folders, and tell why.
            let page = request(inner, below, Some("/"), None).await.ok()?;
            if page.is_truncated == Some(true) {
                return None;
            }
            let encoded = page.encoding_type == Some(EncodingType::Url);
            found.objects.extend(
                page.contents.unwrap_or_default().iter().filter_map(|object| item(inner, object, encoded)),
            );
            found.prefixes.clear();
            for raw in page.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix)
            {
                let prefix = decoded(&raw, encoded)?;
                if prefix != raw && !seen.iter().flatten().any(|entry| is_in(entry, &prefix)) {
                    return None;
                }
                found.prefixes.push(prefix);
            }
        }
        let has = |entry: &Entry| {
            found.prefixes.iter().any(|prefix| is_in(entry, prefix))
                || found.objects.iter().flatten().any(|object| object.key == entry.key)
        };
        let is_whole = seen.iter().flatten().all(has);
        (is_whole && (2..=FOLDERS_MAX).contains(&found.prefixes.len())).then_some(found)
    }
}

impl Cursor {
    fn below(inner: Arc<Inner>, prefix: String) -> Self {
        Self { inner, prefix, next: Next::First }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::End)
    }

    fn items(self) -> impl Stream<Item = Item> + Send {
        self.pages().flat_map(stream::iter)
    }

    fn pages(self) -> impl Stream<Item = Vec<Item>> + Send {
        stream::unfold(self, |mut cursor| async move {
            if cursor.is_over() {
                return None;
            }
            Some((cursor.page().await, cursor))
        })
    }

    /// The next page; of one that fails, which is the last, the error.
    async fn page(&mut self) -> Vec<Item> {
        let after = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::After(token) => Some(token),
            Next::End => return Vec::new(),
        };
        self.fetch(after).await.unwrap_or_else(|error| vec![Err(error)])
    }

    async fn fetch(&mut self, after: Option<String>) -> Result<Vec<Item>, StorageError> {
        let inner = &self.inner;
        let page = request(inner, &self.prefix, None, after.clone()).await?;
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
        Ok(page
            .contents
            .unwrap_or_default()
            .iter()
            .filter_map(|object| item(inner, object, encoded))
            .collect())
    }
}

/// Asks for a page of up to 1,000 keys, or of those directly below the prefix and of folders.
async fn request(
    inner: &Inner,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<String>,
) -> Result<ListObjectsV2Output, StorageError> {
    inner
        .client
        .list_objects_v2()
        .bucket(&inner.bucket)
        .prefix(prefix)
        .set_delimiter(delimiter.map(str::to_owned))
        // XML cannot carry every character of a key. The SDK leaves the decoding to us.
        .encoding_type(EncodingType::Url)
        .set_continuation_token(after)
        .send()
        .await
        .map_err(|error| failure(inner, Action::List, &inner.shown, &error))
}

/// An object of a page, if it is one that is listed.
fn item(inner: &Inner, object: &Object, encoded: bool) -> Option<Item> {
    let raw = object.key.as_deref()?;
    let Some(full) = decoded(raw, encoded) else {
        let cause = "its name is not UTF-8";
        let lost = StorageError::new(StorageErrorKind::InvalidKey, Action::List, inner.shown_key(raw), cause);
        return Some(Err(lost.of_one_entry()));
    };
    let key = full.strip_prefix(&inner.key_prefix())?;
    if key.is_empty() || key.ends_with('/') || is_temporary(key) {
        return None;
    }
    Some(Ok(Entry {
        key: key.to_owned(),
        size_bytes: u64::try_from(object.size.unwrap_or(0)).unwrap_or(0),
        etag: unquoted(object.e_tag.as_deref().unwrap_or_default()).to_owned(),
    }))
}

fn decoded(raw: &str, encoded: bool) -> Option<String> {
    if encoded { decode_url(raw) } else { Some(raw.to_owned()) }
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
