//! Whatever a store answers to a listing, it is listed, or told to be wrong, and the listing ends.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::made_up_store::made_up_store;

/// Pages after which the store has no more to say, whatever it has said.
const PAGES_MAX: u32 = 4;

/// Element names and texts of listings, and what they never hold.
fn element() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Key",
        "Size",
        "ETag",
        "LastModified",
        "Contents",
        "IsTruncated",
        "NextContinuationToken",
        "EncodingType",
        "Name",
        "KeyCount",
        "CommonPrefixes",
        "x",
    ]);
    let text = prop_oneof![
        4 => prop::sample::select(vec![
            "in/a.mp3", "in/%2E%2E/x", "in/%0A", "in/%FF", "in/%", "in/a+b", "..", "in/../x", "in/", "in/folder/", "other/a", "true", "false", "url", "0",
            "-1", "99999999999999999999", "1e3", "token", "&quot;e&quot;", "&#10;", "&amp;amp;", "2026-01-01T00:00:00Z", "never",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ];
    (name, text).prop_map(|(name, text)| format!("<{name}>{text}</{name}>"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let contents = prop::collection::vec(element(), 0..5)
        .prop_map(|inner| format!("<Contents>{}</Contents>", inner.concat()));
    let piece = prop_oneof![4 => contents, 4 => element(), 1 => "[<>&\"'a-z/]{0,6}"];
    let whole = prop::collection::vec(piece, 0..8).prop_map(|pieces| {
        let inner = pieces.concat();
        format!("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>")
    });
    prop_oneof![
        8 => whole.clone().prop_map(String::into_bytes),
        2 => (whole, 0.0..1.0).prop_map(|(whole, kept)| whole.as_bytes()[..(whole.len() as f64 * kept) as usize].to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

type Answer = Arc<Mutex<(Vec<u8>, u32)>>;

/// What the store answers, and after some pages that there is nothing more.
fn next_page(answer: &Answer) -> Vec<u8> {
    let mut next = answer.lock().unwrap();
    next.1 += 1;
    if next.1 > PAGES_MAX { b"<ListBucketResult/>".to_vec() } else { next.0.clone() }
}

#[test]
fn fuzz_listing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answer = Answer::default();
    let told = Arc::clone(&answer);
    let store = runtime.block_on(made_up_store(move |_| next_page(&told)));
    let default = Config::with_source_file(file!());
    let mut runner = TestRunner::new(Config { cases: default.cases.max(2000), ..default });
    let played = runner.run(&body(), |body| {
        *answer.lock().unwrap() = (body, 0);
        let entries: Vec<_> = runtime.block_on(store.list().collect());
        for (at, entry) in entries.iter().enumerate() {
            match entry {
                Ok(entry) => {
                    prop_assert!(!entry.key.is_empty() && !entry.key.ends_with('/'), "{:?}", entry);
                }
                Err(error) => {
                    let last = at + 1 == entries.len();
                    prop_assert!(last || error.concerns_one_entry(), "it went on after {}", error);
                    prop_assert!(error.to_string().contains("s3://calls/in"), "{}", error);
                }
            }
        }
        let pages = answer.lock().unwrap().1;
        prop_assert!(pages <= PAGES_MAX + 1, "it was asked for {pages} pages");
        Ok::<_, TestCaseError>(())
    });
    played.unwrap();
}
