//! A store that tells folders otherwise than keys: its listing is slower, and has everything.

use std::fmt::Write as _;

use futures::TryStreamExt as _;
use hyper::Request;
use hyper::body::Incoming;
use steno_shared::storage::Entry;

use crate::made_up_store::made_up_store;

/// Its folders; no key is directly in it.
const FOLDERS: [&str; 2] = ["in/a+b/", "in/c/"];
const IN_EACH: usize = 6_000;
const PAGE: usize = 1_000;

/// As keys are encoded for `encoding-type=url`: what these have to be encoded for is the plus sign.
fn encoded(key: &str) -> String {
    key.replace('+', "%2B")
}

/// Keys encoded as it was asked to, and folders as they are.
fn answer(request: &Request<Incoming>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut body = "<ListBucketResult><EncodingType>url</EncodingType>".to_owned();
    if query.contains("delimiter=") {
        for folder in FOLDERS {
            let _ = write!(body, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
        }
        return body + "<IsTruncated>false</IsTruncated></ListBucketResult>";
    }
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    // The plus sign would come as `%2B`, as it is sent back of a folder's name that was read as it was told.
    let prefix = of("prefix").unwrap_or_default().replace("%2F", "/").replace("%2B", "+").replace("%20", " ");
    let keys: Vec<String> = FOLDERS
        .iter()
        .flat_map(|folder| (0..IN_EACH).map(move |n| format!("{folder}{n:05}.wav")))
        .filter(|key| key.starts_with(&prefix))
        .collect();
    let from = of("continuation-token").and_then(|token| token.parse().ok()).unwrap_or(0);
    for key in keys.iter().skip(from).take(PAGE) {
        let _ = write!(body, "<Contents><Key>{}</Key><Size>1</Size></Contents>", encoded(key));
    }
    let (next, is_truncated) = (from + PAGE, from + PAGE < keys.len());
    if is_truncated {
        let _ = write!(body, "<NextContinuationToken>{next}</NextContinuationToken>");
    }
    let _ = write!(body, "<IsTruncated>{is_truncated}</IsTruncated></ListBucketResult>");
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_encode_its_folders_loses_nothing() {
    let store = made_up_store(|request| answer(request).into_bytes()).await;
    let listed: Vec<Entry> = store.list().try_collect().await.unwrap();
    assert_eq!(listed.len(), FOLDERS.len() * IN_EACH);
    assert!(listed.iter().any(|entry| entry.key == "a+b/05999.wav"), "{:?}", listed.first());
}
