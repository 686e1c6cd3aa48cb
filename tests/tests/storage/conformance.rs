//! Listing, reading, writing and downloading, one at a time.

use std::sync::Mutex;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use steno_shared::storage::{Put, PutCondition, StorageErrorKind as Kind};

use crate::world::{World, file_names, keys, kind, list, on_both, put, read};

on_both!(
    a_new_place_is_readable_writable_and_left_empty,
    listing_goes_past_a_thousand_keys,
    long_listings_have_everything_once_and_in_one_order,
    head_and_listing_tell_the_same,
    ranges_end_where_the_object_ends,
    a_range_of_another_version_is_refused,
    a_whole_read_has_a_limit,
    put_new_leaves_what_is_there,
    an_object_can_be_empty,
    a_download_is_the_object,
    a_download_of_another_version_is_refused,
    what_is_deleted_after_listing_is_not_found,
    deleting_what_is_not_there_is_fine,
    temporaries_are_not_listed,
    an_object_in_the_way_of_a_folder_is_an_invalid_key,
);

async fn a_new_place_is_readable_writable_and_left_empty(world: World) {
    world.store.check_readable().await.unwrap();
    assert_eq!(world.store.check_writable().await.unwrap(), PutCondition::Honoured);
    assert_eq!(list(&world.store).await, []);
    if world.files.exists() {
        assert_eq!(file_names(&world.files), Vec::<String>::new());
    }
}

async fn listing_goes_past_a_thousand_keys(world: World) {
    let wanted: Vec<String> = (0..1_100).map(|n| format!("{:02}/call-{n:05}.wav", n % 7)).collect();
    stream::iter(&wanted).for_each_concurrent(16, |key| put(&world.store, key, key.as_bytes())).await;
    let listed = list(&world.store).await;
    let mut names: Vec<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(names, list(&world.store).await.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>());
    names.sort_unstable();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert!(listed.iter().all(|entry| entry.size_bytes == entry.key.len() as u64));
}

/// Longer than what a bucket's listing does one page after the other: several folders in one that has names of its own kind, hundreds in
/// another, and one that lies alone above all.
async fn long_listings_have_everything_once_and_in_one_order(world: World) {
    let below = world.files.join("alone/2026");
    let mut wanted = Vec::new();
    // The first of them in the order of keys is more than what is listed before ranges begin.
    for (folder, calls) in [("a+b c", 10_500), ("a/deep/er", 1_500), ("ä%2F", 1_500), ("zz", 1_500)] {
        std::fs::create_dir_all(below.join(folder)).unwrap();
        for n in 0..calls {
            let key = format!("{folder}/call {n:05}.wav");
            std::fs::write(below.join(&key), b"").unwrap();
            wanted.push(format!("alone/2026/{key}"));
        }
    }
    for n in 0..400 {
        std::fs::create_dir_all(below.join("many").join(n.to_string())).unwrap();
        for key in [format!("many/{n:03}.wav"), format!("many/{n}/call.wav")] {
            std::fs::write(below.join(&key), b"").unwrap();
            wanted.push(format!("alone/2026/{key}"));
        }
    }
    for key in ["alone/beside.wav", "alone/2026/between.wav", "top.wav"] {
        std::fs::write(world.files.join(key), b"").unwrap();
        wanted.push(key.to_owned());
    }
    let listed = list(&world.store).await;
    assert!(listed == list(&world.store).await, "another order");
    let mut listed: Vec<String> = listed.into_iter().map(|entry| entry.key).collect();
    assert_eq!(listed.len(), wanted.len());
    listed.sort();
    wanted.sort();
    assert!(listed == wanted, "other keys");
}

async fn head_and_listing_tell_the_same(world: World) {
    put(&world.store, "a/b.wav", b"12345").await;
    let listed = list(&world.store).await;
    assert_eq!(world.store.head("a/b.wav").await.unwrap().as_ref(), listed.first());
    assert_eq!(listed[0].size_bytes, 5);
    assert!(!listed[0].etag.is_empty() && !listed[0].etag.contains('"'), "{:?}", listed[0].etag);
    for absent in ["a/c.wav", "a", "a/b.wav/c"] {
        assert_eq!(world.store.head(absent).await.unwrap(), None, "{absent}");
        assert_eq!(read(&world.store, absent).await, None, "{absent}");
    }
}

async fn ranges_end_where_the_object_ends(world: World) {
    put(&world.store, "x", b"0123456789").await;
    for (range, bytes) in [
        (0..4, &b"0123"[..]),
        (3..7, b"3456"),
        (8..100, b"89"),
        (9..10, b"9"),
        (10..20, b""),
        (1_000..2_000, b""),
        (5..5, b""),
        (0..u64::MAX, b"0123456789"),
    ] {
        let got = world.store.read_range("x", range.clone(), None).await.unwrap();
        assert_eq!(got, bytes, "{range:?}");
    }
    assert_eq!(kind(&world.store.read_range("y", 0..4, None).await), Some(Kind::NotFound));
}

async fn a_range_of_another_version_is_refused(world: World) {
    put(&world.store, "x", b"first").await;
    let first = world.store.head("x").await.unwrap().unwrap().etag;
    assert_eq!(world.store.read_range("x", 0..9, Some(&first)).await.unwrap(), &b"first"[..]);
    put(&world.store, "x", b"second").await;
    let outcome = world.store.read_range("x", 0..9, Some(&first)).await;
    assert_eq!(kind(&outcome), Some(Kind::Changed), "{outcome:?}");
}

async fn a_whole_read_has_a_limit(world: World) {
    put(&world.store, "x", b"12345").await;
    assert_eq!(world.store.read("x", 5).await.unwrap().unwrap(), &b"12345"[..]);
    assert_eq!(kind(&world.store.read("x", 4).await), Some(Kind::TooLarge));
    assert_eq!(world.store.read("y", 4).await.unwrap(), None);
}

async fn put_new_leaves_what_is_there(world: World) {
    let first = world.store.put_new("a/b.json", Bytes::from_static(b"first"), "application/json").await;
    assert_eq!(first.unwrap(), Put::Created);
    let second = world.store.put_new("a/b.json", Bytes::from_static(b"second"), "application/json").await;
    assert_eq!(second.unwrap(), Put::Exists);
    assert_eq!(read(&world.store, "a/b.json").await.unwrap(), &b"first"[..]);
    put(&world.store, "a/b.json", b"third").await;
    assert_eq!(read(&world.store, "a/b.json").await.unwrap(), &b"third"[..]);
    assert_eq!(file_names(&world.files.join("a")), ["b.json"]);
}

async fn an_object_can_be_empty(world: World) {
    assert_eq!(world.store.put_new("x", Bytes::new(), "text/plain").await.unwrap(), Put::Created);
    assert_eq!(read(&world.store, "x").await.unwrap(), Bytes::new());
    assert_eq!(world.store.read_range("x", 0..10, None).await.unwrap(), Bytes::new());
    let entry = world.store.head("x").await.unwrap().unwrap();
    let to = world.scratch.path().join("copy");
    world.store.download("x", &entry.etag, 0, &to, &|_| ()).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), b"");
}

async fn a_download_is_the_object(world: World) {
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    put(&world.store, "long.wav", &body).await;
    let entry = world.store.head("long.wav").await.unwrap().unwrap();
    let to = world.scratch.path().join("copy");
    std::fs::write(&to, vec![0; 6_000_000]).unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |bytes| seen.lock().unwrap().push(bytes);
    world.store.download("long.wav", &entry.etag, entry.size_bytes, &to, &progress).await.unwrap();
    assert!(std::fs::read(&to).unwrap() == body, "the copy differs");
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&5_000_000), "{seen:?}");
    match world.store.local_path("long.wav") {
        Some(path) => assert!(std::fs::read(path).unwrap() == body, "the file differs"),
        None => assert!(world.is_s3()),
    }
}

async fn a_download_of_another_version_is_refused(world: World) {
    put(&world.store, "x", b"first").await;
    let first = world.store.head("x").await.unwrap().unwrap();
    put(&world.store, "x", b"again").await;
    let to = world.scratch.path().join("copy");
    let outcome = world.store.download("x", &first.etag, 5, &to, &|_| ()).await;
    assert_eq!(kind(&outcome), Some(Kind::Changed), "{outcome:?}");
    let second = world.store.head("x").await.unwrap().unwrap();
    for wrong_size in [0, 4, 6] {
        let outcome = world.store.download("x", &second.etag, wrong_size, &to, &|_| ()).await;
        assert_eq!(kind(&outcome), Some(Kind::Changed), "{wrong_size} {outcome:?}");
    }
    let nowhere = world.scratch.path().join("no/such/folder/copy");
    let outcome = world.store.download("x", &second.etag, 5, &nowhere, &|_| ()).await;
    assert!(outcome.unwrap_err().to_string().contains("no/such/folder/copy"));
}

async fn what_is_deleted_after_listing_is_not_found(world: World) {
    put(&world.store, "x", b"12345").await;
    let entry = list(&world.store).await.remove(0);
    world.store.delete("x").await.unwrap();
    assert_eq!(world.store.head("x").await.unwrap(), None);
    assert_eq!(read(&world.store, "x").await, None);
    let range = world.store.read_range("x", 0..5, Some(&entry.etag)).await;
    assert_eq!(kind(&range), Some(Kind::NotFound), "{range:?}");
    let to = world.scratch.path().join("copy");
    let download = world.store.download("x", &entry.etag, entry.size_bytes, &to, &|_| ()).await;
    assert_eq!(kind(&download), Some(Kind::NotFound), "{download:?}");
    let text = download.unwrap_err().to_string();
    assert!(text.starts_with(&format!("failed to download {}/x: ", world.store.location())), "{text}");
}

async fn deleting_what_is_not_there_is_fine(world: World) {
    put(&world.store, "a", b"1").await;
    world.store.delete("b").await.unwrap();
    world.store.delete("c/d/e").await.unwrap();
    assert_eq!(keys(&world.store).await, ["a"]);
}

async fn temporaries_are_not_listed(world: World) {
    put(&world.store, ".steno-tmp-left-behind", b"1").await;
    put(&world.store, "a/.steno-tmp-left-behind", b"1").await;
    put(&world.store, "a/steno-tmp-mine", b"1").await;
    assert_eq!(keys(&world.store).await, ["a/steno-tmp-mine"]);
}

/// A folder cannot hold `a` and `a/b`, nor can an S3 server that makes paths of keys; other S3 servers can.
async fn an_object_in_the_way_of_a_folder_is_an_invalid_key(world: World) {
    put(&world.store, "a", b"1").await;
    for outcome in [
        world.store.put_new("a/b", Bytes::from_static(b"2"), "text/plain").await.map(|_| ()),
        world.store.put("a/b", Bytes::from_static(b"2"), "text/plain").await,
    ] {
        assert_eq!(kind(&outcome), Some(Kind::InvalidKey), "{outcome:?}");
    }
    assert_eq!(read(&world.store, "a").await.unwrap(), &b"1"[..]);
}
