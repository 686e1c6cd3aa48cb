//! Many writers and readers of one object.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use steno_shared::storage::Put;
use tokio::sync::Barrier;

use crate::world::{World, file_names, on_both, put, read};

on_both!(of_fifty_writers_exactly_one_creates, readers_of_a_replaced_object_see_one_version);

/// Bodies long enough that a torn one would show.
fn body_of(writer: usize) -> Bytes {
    Bytes::from(format!("{writer:04}").repeat(50_000))
}

async fn of_fifty_writers_exactly_one_creates(world: World) {
    const WRITERS: usize = 50;
    for round in 0..4 {
        let (key, barrier) = (format!("round-{round}/a.json"), Arc::new(Barrier::new(WRITERS)));
        let writers = (0..WRITERS).map(|writer| {
            let (store, key, barrier) = (world.store.clone(), key.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                store.put_new(&key, body_of(writer), "application/json").await.unwrap()
            })
        });
        let puts: Vec<Put> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let created: Vec<usize> = (0..WRITERS).filter(|&writer| puts[writer] == Put::Created).collect();
        assert_eq!(created.len(), 1, "writers {created:?} all created {key}");
        assert!(read(&world.store, &key).await.unwrap() == body_of(created[0]), "the body is another's");
        assert_eq!(file_names(&world.files.join(format!("round-{round}"))), ["a.json"]);
    }
}

async fn readers_of_a_replaced_object_see_one_version(world: World) {
    const VERSIONS: usize = 60;
    put(&world.store, "a.json", &body_of(0)).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done) = (world.store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) || reads == 0 {
                    let body = read(&store, "a.json").await.unwrap();
                    assert_eq!(body.len(), body_of(0).len());
                    assert!(body.chunks(4).all(|chunk| chunk == &body[..4]), "a torn read");
                    reads += 1;
                }
            })
        })
        .collect();
    for version in 1..VERSIONS {
        put(&world.store, "a.json", &body_of(version)).await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(read(&world.store, "a.json").await.unwrap() == body_of(VERSIONS - 1));
}
