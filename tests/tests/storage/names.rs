//! Odd and hostile names: each round-trips or is refused, and nothing outside is touched.

use bytes::Bytes;
use steno_shared::storage::{Put, StorageErrorKind as Kind};

use crate::world::{World, file_names, keys, kind, on_both, put, read};

on_both!(odd_names_come_back_as_they_were, names_that_lead_elsewhere_are_refused, too_long_names_are_refused);

const ODD: [&str; 26] = [
    " ",
    " leading and trailing ",
    "a b/c  d.mp3",
    "a+b.mp3",
    "%",
    "%41",
    "%2e%2e",
    "100% sure.mp3",
    "caf\u{e9}.mp3",
    "cafe\u{301}.mp3",
    "\u{65e5}\u{672c}\u{8a9e}/\u{1f3a7}.mp3",
    "line\nbreak.mp3",
    "tab\tcarriage\rreturn",
    "'single' \"double\".mp3",
    "hash#mark?query=1&more=2.mp3",
    "back\\slash.mp3",
    "semi;colon:comma,at@dollar$equals=.mp3",
    "<tag>&amp;[1]{2}|^`~*!().mp3",
    "...",
    "..a",
    "a../b..",
    ".hidden",
    "-rf",
    "~",
    "\u{202e}3pm.exe",
    "CON",
];

async fn odd_names_come_back_as_they_were(world: World) {
    for name in ODD {
        let put = world.store.put_new(name, Bytes::copy_from_slice(name.as_bytes()), "text/plain").await;
        assert!(matches!(put, Ok(Put::Created)), "{name:?}: {put:?}");
    }
    let mut wanted: Vec<&str> = ODD.to_vec();
    wanted.sort_unstable();
    assert_eq!(keys(&world.store).await, wanted);
    for name in ODD {
        assert_eq!(read(&world.store, name).await.as_deref(), Some(name.as_bytes()), "{name:?}");
        let entry = world.store.head(name).await.unwrap().unwrap();
        assert_eq!((entry.key.as_str(), entry.size_bytes), (name, name.len() as u64));
        let range = world.store.read_range(name, 0..1, Some(&entry.etag)).await;
        assert_eq!(range.unwrap(), &name.as_bytes()[..1], "{name:?}");
        let to = world.scratch.path().join("copy");
        world.store.download(name, &entry.etag, entry.size_bytes, &to, &|_| ()).await.unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), name.as_bytes());
        world.store.delete(name).await.unwrap();
        assert_eq!(world.store.head(name).await.unwrap(), None, "{name:?}");
    }
    assert_eq!(keys(&world.store).await, Vec::<String>::new());
}

async fn names_that_lead_elsewhere_are_refused(world: World) {
    put(&world.store, "here", b"mine").await;
    let outside = world.files.parent().unwrap().to_path_buf();
    std::fs::write(outside.join("neighbour"), "theirs").unwrap();
    let before = file_names(&outside);
    let long_way = format!("{}neighbour", "../".repeat(20));
    for name in [
        "",
        "/",
        "/etc/passwd",
        "../neighbour",
        "a/../../neighbour",
        "..",
        ".",
        "./here",
        "a//b",
        "a/",
        "x\0y",
        &long_way,
    ] {
        let body = Bytes::from_static(b"hostile");
        let put_new = world.store.put_new(name, body.clone(), "text/plain").await;
        assert_eq!(kind(&put_new), Some(Kind::InvalidKey), "{name:?}: {put_new:?}");
        let put = world.store.put(name, body, "text/plain").await;
        assert_eq!(kind(&put), Some(Kind::InvalidKey), "{name:?}: {put:?}");
        let delete = world.store.delete(name).await;
        assert_eq!(kind(&delete), Some(Kind::InvalidKey), "{name:?}: {delete:?}");
        // An S3 key may have an empty segment, so a bucket is asked; it must not give what lies outside the prefix.
        match world.store.read(name, 1 << 20).await {
            Ok(None) => assert!(world.is_s3(), "{name:?}"),
            Ok(Some(body)) => assert_eq!((world.is_s3(), &body[..]), (true, &b"mine"[..]), "{name:?}"),
            Err(error) if world.is_s3() => assert!(!error.to_string().contains("theirs"), "{error}"),
            Err(error) => assert_eq!(error.kind(), Kind::InvalidKey, "{name:?}: {error}"),
        }
        if !world.is_s3() {
            assert_eq!(kind(&world.store.head(name).await), Some(Kind::InvalidKey), "{name:?}");
            assert_eq!(
                kind(&world.store.read_range(name, 0..1, None).await),
                Some(Kind::InvalidKey),
                "{name:?}"
            );
            assert_eq!(world.store.local_path(name), None, "{name:?}");
        }
    }
    assert_eq!(std::fs::read_to_string(outside.join("neighbour")).unwrap(), "theirs");
    assert_eq!(file_names(&outside), before);
    assert_eq!(keys(&world.store).await, ["here"]);
}

async fn too_long_names_are_refused(world: World) {
    let (segment, key) = ("s".repeat(300), "k/".repeat(600) + "k");
    // A folder takes the second, six hundred folders deep.
    for name in if world.is_s3() { vec![segment, key] } else { vec![segment] } {
        let put = world.store.put_new(&name, Bytes::from_static(b"1"), "text/plain").await;
        assert_eq!(kind(&put), Some(Kind::InvalidKey), "{put:?}");
    }
}
