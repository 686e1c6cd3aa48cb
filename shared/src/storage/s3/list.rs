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

/// Keys of a page at most.
const PAGE: usize = 1_000;
/// Pages that are read one after the other before it is asked where the rest can be divided.
const PAGES_ALONE: usize = 10;
/// Pages of a range, if they can be foreseen: what it takes beyond its end is read in vain.
const PAGES_A_RANGE: usize = 2;
/// Ranges that are listed at once.
const RANGES_AT_ONCE: usize = 16;
/// With more ranges than these, asking for each of them would cost more than it gains.
const RANGES_MAX: usize = 256;
/// How deep it is looked for folders.
const DEPTH_MAX: usize = 16;
/// Pages of folders that are read for it.
const FOLDER_PAGES_MAX: usize = 64;
/// Pages that a range is ahead of its turn at most.
const PAGES_AHEAD: usize = 8;

/// Where a listing is: of all keys below a prefix, or of a range of them.
struct Cursor {
    inner: Arc<Inner>,
    next: Next,
    /// The last key of the range; `None` if it goes to the end.
    until: Option<String>,
    /// The last key that the store told, as bytes: it need not be UTF-8.
    last: Vec<u8>,
    /// Whether the store told keys in the order of their bytes, as S3 does, so far.
    is_ordered: bool,
    /// Whether it would be an error if it did not.
    is_range: bool,
}

enum Next {
    /// What comes after this key, all of it if empty.
    AfterKey(String),
    /// The page that the store has under this token.
    Page(String),
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

    /// A long listing is divided into ranges of keys, which are listed side by side and given one after the other.
    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Item> + Send + use<> {
        let cursor = Cursor { is_range: false, ..Cursor::range(Arc::clone(&self.0), String::new(), None) };
        let mut failed = false;
        // What comes after an error that ends one range's listing would hide that it is incomplete.
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
    let head = stream::iter(head);
    let ends = cursor.ends_of_ranges().await;
    let Some(first_end) = ends.first() else { return head.chain(cursor.items()).boxed() };
    let inner = Arc::clone(&cursor.inner);
    cursor.until = Some(first_end.clone());
    cursor.is_range = true;
    let untils = ends.iter().skip(1).cloned().map(Some).chain(std::iter::once(None)).collect::<Vec<_>>();
    let others = ends
        .into_iter()
        .zip(untils)
        .map(move |(after, until)| Cursor::range(Arc::clone(&inner), after, until));
    let ranges = stream::iter(std::iter::once(cursor).chain(others))
        .map(|range| std::future::ready(ahead(range)))
        .buffered(RANGES_AT_ONCE)
        .flatten();
    head.chain(ranges).boxed()
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

/// The folders directly below a prefix, as far as the pages last that may still be read; `None` if the store does not tell them.
async fn folders(inner: &Inner, prefix: &str, pages_left: &mut usize) -> Option<Vec<String>> {
    let (mut found, mut at) = (Vec::new(), Next::AfterKey(String::new()));
    while *pages_left > 0 {
        *pages_left -= 1;
        let page = request(inner, prefix, Some("/"), &at).await.ok()?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let (prefixes, objects) =
            (page.common_prefixes.unwrap_or_default(), page.contents.unwrap_or_default());
        let is_worth_more = prefixes.len() > objects.len();
        found.extend(prefixes.into_iter().filter_map(|common| decoded(&common.prefix?, encoded)));
        match page.next_continuation_token {
            Some(token) if is_worth_more => at = Next::Page(token),
            _ => break,
        }
    }
    Some(found)
}

/// Of these folders, in their order, as many as there may be ranges, evenly. A range has some pages, if folders have so many keys.
fn thinned(mut folders: Vec<String>, keys_a_folder: usize) -> Vec<String> {
    folders.sort_unstable();
    folders.dedup();
    let worth_it = (PAGES_A_RANGE * PAGE).div_ceil(keys_a_folder.max(1));
    let step = folders.len().div_ceil(RANGES_MAX).max(worth_it);
    folders.into_iter().step_by(step).collect()
}

impl Cursor {
    /// The keys after one, all of them if that is empty, up to and with another, or to the end.
    fn range(inner: Arc<Inner>, after: String, until: Option<String>) -> Self {
        Self {
            inner,
            next: Next::AfterKey(after.clone()),
            until,
            last: after.into_bytes(),
            is_ordered: true,
            is_range: true,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::End)
    }

    /// Keys that divide what is left into ranges, ascending; none where there are no folders, or the store does not give what comes after a key.
    /// They need not be there themselves, so it does no harm if a store tells folders in another way than keys.
    async fn ends_of_ranges(&self) -> Vec<String> {
        if !self.is_ordered {
            return Vec::new();
        }
        let (mut ends, mut level) = (Vec::new(), vec![self.inner.key_prefix()]);
        let (mut pages_left, mut n_listed) = (FOLDER_PAGES_MAX, 0);
        for _ in 0..DEPTH_MAX {
            let mut below = Vec::new();
            for prefix in &level {
                // Should it fail, so will the listing, and tell why.
                below.extend(folders(&self.inner, prefix, &mut pages_left).await.unwrap_or_default());
            }
            let (ahead, behind): (Vec<String>, Vec<String>) =
                below.into_iter().partition(|folder| folder.as_bytes() > &*self.last);
            n_listed += behind.len();
            // Where the listing is now, there may be folders ahead too.
            level = behind.into_iter().filter(|folder| self.last.starts_with(folder.as_bytes())).collect();
            level.extend(ahead.iter().cloned());
            ends.extend(ahead);
            if level.is_empty() || ends.len() >= RANGES_AT_ONCE {
                break;
            }
        }
        let ends = thinned(ends, (PAGES_ALONE * PAGE).div_ceil(n_listed.max(1)));
        if self.gives_what_comes_after(ends.last()).await { ends } else { Vec::new() }
    }

    /// Whether the store, asked for what comes after the name of a folder, begins with what is in it.
    async fn gives_what_comes_after(&self, folder: Option<&String>) -> bool {
        let Some(folder) = folder else { return false };
        let after = Next::AfterKey(folder.clone());
        let Ok(page) = request(&self.inner, &self.inner.key_prefix(), None, &after).await else {
            return false;
        };
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let first = page.contents.unwrap_or_default().into_iter().find_map(|object| object.key);
        first.is_some_and(|raw| bytes_of(&raw, encoded).starts_with(folder.as_bytes()))
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
        if self.is_over() {
            return Vec::new();
        }
        let page = self.fetch().await;
        page.unwrap_or_else(|error| {
            self.next = Next::End;
            vec![Err(error)]
        })
    }

    async fn fetch(&mut self) -> Result<Vec<Item>, StorageError> {
        let inner = Arc::clone(&self.inner);
        let wrong = |cause| StorageError::new(StorageErrorKind::Other, Action::List, &inner.shown, cause);
        let page = request(&inner, &inner.key_prefix(), None, &self.next).await?;
        self.next = match page.next_continuation_token {
            Some(token) if page.is_truncated == Some(true) => {
                if matches!(&self.next, Next::Page(before) if *before == token) {
                    return Err(wrong("the store gives the same page again and again"));
                }
                Next::Page(token)
            }
            None if page.is_truncated == Some(true) => {
                return Err(wrong("the store says that there is more, but not where"));
            }
            Some(_) | None => Next::End,
        };
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let mut items = Vec::new();
        for object in page.contents.unwrap_or_default() {
            let Some(raw) = object.key.as_deref() else { continue };
            let key = bytes_of(raw, encoded);
            self.is_ordered &= key > self.last;
            self.last.clone_from(&key);
            if self.is_range && !self.is_ordered {
                return Err(wrong(
                    "the store does not give keys in their order; give a manifest that lists the recordings (--manifest)",
                ));
            }
            if self.until.as_ref().is_some_and(|until| key.as_slice() > until.as_bytes()) {
                // What comes behind is another range's; that it does is looked at to the end of the page.
                self.next = Next::End;
                continue;
            }
            items.extend(item(&inner, raw, key, &object));
        }
        Ok(items)
    }
}

/// Asks for a page of up to 1,000 keys, or of those directly below the prefix and of folders.
async fn request(
    inner: &Inner,
    prefix: &str,
    delimiter: Option<&str>,
    at: &Next,
) -> Result<ListObjectsV2Output, StorageError> {
    let (after, token) = match at {
        Next::AfterKey(key) => (Some(key.clone()).filter(|key| !key.is_empty()), None),
        Next::Page(token) => (None, Some(token.clone())),
        Next::End => (None, None),
    };
    inner
        .client
        .list_objects_v2()
        .bucket(&inner.bucket)
        .prefix(prefix)
        .set_start_after(after)
        .set_continuation_token(token)
        .set_delimiter(delimiter.map(str::to_owned))
        // XML cannot carry every character of a key. The SDK leaves the decoding to us.
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(|error| failure(inner, Action::List, &inner.shown, &error))
}

/// An object of a page, if it is one that is listed.
fn item(inner: &Inner, raw: &str, key: Vec<u8>, object: &Object) -> Option<Item> {
    let Ok(full) = String::from_utf8(key) else {
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
    String::from_utf8(bytes_of(raw, encoded)).ok()
}

fn bytes_of(raw: &str, encoded: bool) -> Vec<u8> {
    if encoded { decode_url(raw) } else { raw.as_bytes().to_vec() }
}

/// A key of a page with encoding type `url`: `%XX`, and `+` for a space, as forms have it.
fn decode_url(encoded: &str) -> Vec<u8> {
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
    bytes
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_ranges_than_are_worth_asking_for() {
        let keys = |n: usize| (0..n).rev().map(|n| format!("{n:05}/")).collect::<Vec<_>>();
        assert_eq!(thinned(keys(3), 10_000), ["00000/", "00001/", "00002/"]);
        assert_eq!(thinned(keys(300), 10), ["00000/", "00200/"]);
        let many = thinned([keys(3_000), keys(3_000)].concat(), 10_000);
        assert!(many.len() == 250 && many.is_sorted() && many[1] == "00012/", "{many:?}");
    }

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
            assert_eq!(decoded(encoded, true).as_deref(), Some(key), "{encoded}");
        }
        assert_eq!((decoded("%FF", true), decode_url("%FF")), (None, vec![0xFF]));
    }
}
