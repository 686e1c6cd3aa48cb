//! What only folders have: links, permissions, names that are not UTF-8.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use bytes::Bytes;
use futures::StreamExt as _;
use steno_shared::storage::{Location, PutCondition, S3Config, StorageErrorKind as Kind, Store};

use crate::world::{folder, keys, kind, put, read};

async fn open(path: &std::path::Path) -> Store {
    Store::open(&Location::Folder(path.to_path_buf()), &S3Config::default()).await.unwrap()
}

#[tokio::test]
async fn a_listing_goes_on_past_what_it_cannot_list() {
    let world = folder().await;
    for key in ["a/1.wav", "m/2.wav", "z/3.wav"] {
        put(&world.store, key, b"1").await;
    }
    std::fs::write(world.files.join(OsStr::from_bytes(b"caf\xe9.wav")), "1").unwrap();
    symlink(world.files.join("a"), world.files.join("m/round")).unwrap();
    symlink("nowhere", world.files.join("m/dangling.wav")).unwrap();
    symlink("m/round.wav", world.files.join("m/round.wav")).unwrap();
    symlink("../a/1.wav", world.files.join("m/linked.wav")).unwrap();
    nix::unistd::mkfifo(&world.files.join("pipe.wav"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    let mut listing = std::pin::pin!(world.store.list());
    while let Some(item) = listing.next().await {
        match item {
            Ok(entry) => found.push(entry.key),
            Err(error) => {
                assert!(error.concerns_one_entry(), "{error}");
                lost.push(error.to_string());
            }
        }
    }
    assert_eq!(found, ["a/1.wav", "m/2.wav", "m/linked.wav", "z/3.wav"]);
    assert_eq!(lost.len(), 4, "{lost:#?}");
    for named in ["caf\u{fffd}.wav", "m/round: ", "m/dangling.wav", "m/round.wav"] {
        assert!(lost.iter().any(|text| text.contains(named)), "{named} in {lost:#?}");
    }
    assert_eq!(world.store.head("pipe.wav").await.unwrap(), None);
    assert_eq!(read(&world.store, "pipe.wav").await, None);
}

#[tokio::test]
async fn a_missing_folder_is_named_for_reading_and_made_for_writing() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("not/yet");
    let store = open(&path).await;
    let error = store.check_readable().await.unwrap_err();
    assert_eq!(error.kind(), Kind::BucketMissing);
    assert_eq!(
        error.to_string(),
        format!("failed to open {}: there is no such folder; create it, or correct its name", path.display())
    );
    let listed: Vec<_> = store.list().collect().await;
    assert!(
        matches!(&listed[..], [Err(error)] if error.kind() == Kind::BucketMissing && !error.concerns_one_entry())
    );
    assert_eq!(store.check_writable().await.unwrap(), PutCondition::Honoured);
    store.check_readable().await.unwrap();
    assert_eq!(keys(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_is_no_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("call.wav");
    std::fs::write(&path, "1").unwrap();
    let store = open(&path).await;
    assert_eq!(kind(&store.check_readable().await), Some(Kind::BucketMissing));
    assert_eq!(kind(&store.check_writable().await), Some(Kind::BucketMissing));
    let below = open(&path.join("out")).await;
    assert_eq!(kind(&below.check_writable().await), Some(Kind::BucketMissing));
    assert_eq!(std::fs::read(&path).unwrap(), b"1");
}

/// No one, root included, may write below /proc/self: a place without write permission that needs no mount.
#[tokio::test]
async fn a_place_that_cannot_be_written_says_so() {
    for place in ["/proc/self/fd", "/proc/self/out"] {
        let error = open(place.as_ref()).await.check_writable().await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Denied | Kind::NotFound), "{error}");
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[tokio::test]
async fn a_link_at_the_target_is_neither_written_through_nor_taken_for_a_transcript() {
    let world = folder().await;
    let elsewhere = world.scratch.path().join("elsewhere");
    symlink(&elsewhere, world.files.join("a.json")).unwrap();
    let put_new = world.store.put_new("a.json", Bytes::from_static(b"1"), "").await;
    assert_eq!(kind(&put_new), Some(Kind::InvalidKey), "{put_new:?}");
    std::fs::write(&elsewhere, "theirs").unwrap();
    put(&world.store, "a.json", b"mine").await;
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"theirs");
    assert_eq!(read(&world.store, "a.json").await.unwrap(), &b"mine"[..]);
}
