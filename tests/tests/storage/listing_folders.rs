//! Stores that tell folders, or the order of keys, otherwise than S3: their listing may be slower, and has everything.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use futures::TryStreamExt as _;
use hyper::Request;
use hyper::body::Incoming;
use steno_shared::storage::Entry;

use crate::made_up_store::made_up_store;

const FOLDERS: usize = 1_200;
const IN_EACH: usize = 50;
const PAGE: usize = 1_000;

/// What is special about a store.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// As S3.
    None,
    /// Folders are not encoded, though keys are.
    PlainFolders,
    /// `start-after` is not looked at.
    NoStartAfter,
    /// After the name of a folder comes what is behind it.
    StartAfterSkipsFolder,
    /// After what is no key comes nothing.
    StartAfterWantsKey,
    /// Keys come backwards.
    Backwards,
}

/// The percent sign is what these keys have that has to be encoded; left as it is, it reads as another character, above it.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..FOLDERS * IN_EACH).map(|n| format!("in/a%7Eb/{:04}/{:02}.wav", n / IN_EACH, n % IN_EACH)).collect()
});

fn encoded(key: &str) -> String {
    key.replace('%', "%25")
}

/// A page of the listing; counts those that begin after a key.
fn answer(request: &Request<Incoming>, habit: Habit, ranges: &AtomicUsize) -> String {
    let query = request.uri().query().unwrap_or_default();
    let of = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.replace("%2F", "/").replace("%7E", "~").replace("%25", "%"))
    };
    let mut keys = KEYS.clone();
    if let Some(after) = of("start-after") {
        ranges.fetch_add(1, Ordering::Relaxed);
        keys.retain(|key| match habit {
            Habit::NoStartAfter => true,
            Habit::StartAfterSkipsFolder => *key > after && !key.starts_with(&after),
            Habit::StartAfterWantsKey => false,
            Habit::None | Habit::PlainFolders | Habit::Backwards => *key > after,
        });
    }
    let prefix = of("prefix").unwrap_or_default();
    keys.retain(|key| key.starts_with(&prefix));
    if habit == Habit::Backwards {
        keys.reverse();
    }
    let is_by_folder = of("delimiter").is_some();
    if is_by_folder {
        for key in &mut keys {
            let folder = key[prefix.len()..].find('/').map(|slash| prefix.len() + slash + 1);
            key.truncate(folder.unwrap_or(key.len()));
        }
        keys.dedup();
    }
    // A token is the last key of the page before.
    let before = of("continuation-token").and_then(|token| keys.iter().position(|key| *key == token));
    let mut rest = keys.iter().skip(before.map_or(0, |before| before + 1));
    let page: Vec<&String> = rest.by_ref().take(PAGE).collect();
    let is_truncated = rest.next().is_some();
    let mut body = "<ListBucketResult><EncodingType>url</EncodingType>".to_owned();
    for key in &page {
        let is_plain = is_by_folder && habit == Habit::PlainFolders;
        let shown = if is_plain { (*key).clone() } else { encoded(key) };
        let _ = if is_by_folder && key.ends_with('/') {
            write!(body, "<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>")
        } else {
            write!(body, "<Contents><Key>{shown}</Key><Size>1</Size></Contents>")
        };
    }
    if let (true, Some(last)) = (is_truncated, page.last()) {
        let _ = write!(body, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    let _ = write!(body, "<IsTruncated>{is_truncated}</IsTruncated></ListBucketResult>");
    body
}

/// Lists all, and gives how many pages were asked for by the key before them.
async fn ranges_of(habit: Habit) -> usize {
    let ranges = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ranges);
    let store = made_up_store(move |request| answer(request, habit, &counted).into_bytes()).await;
    let listed: Vec<Entry> = store.list().try_collect().await.unwrap();
    let mut listed: Vec<String> = listed.into_iter().map(|entry| format!("in/{}", entry.key)).collect();
    assert!(listed.is_sorted() || habit == Habit::Backwards, "in another order");
    listed.sort();
    assert!(listed == *KEYS, "{} keys of {}, or others", listed.len(), FOLDERS * IN_EACH);
    ranges.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_folders_than_are_worth_a_request_each_are_listed_in_groups() {
    // The first ten pages of the 60,000 keys have the first 200 folders; forty folders make two pages.
    assert_eq!(ranges_of(Habit::None).await, 1 + 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_encode_its_folders_loses_nothing() {
    assert_eq!(ranges_of(Habit::PlainFolders).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_begin_after_a_key_is_listed_page_by_page() {
    for habit in [Habit::NoStartAfter, Habit::StartAfterSkipsFolder, Habit::StartAfterWantsKey] {
        assert_eq!(ranges_of(habit).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_has_no_order_of_keys_is_listed_page_by_page() {
    assert_eq!(ranges_of(Habit::Backwards).await, 0);
}
