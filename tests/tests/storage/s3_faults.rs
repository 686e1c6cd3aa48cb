//! A network that breaks: a proxy between Steno and a real S3 server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::TryStreamExt as _;
use steno_shared::storage::{Put, S3Config, StorageErrorKind as Kind, Store};
use steno_tests::s3_server::S3Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{kind, put, read};

/// How much of a connection's answers is let through before it is closed.
#[derive(Clone, Copy, PartialEq)]
enum Through {
    Bytes(usize),
    Headers,
    All,
}

/// A proxy that cuts its first `cuts` connections.
struct Proxy {
    endpoint: String,
    connections: Arc<AtomicU32>,
    /// Everything sent to the server.
    requests: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    async fn start(server: &S3Server, through: Through, cuts: u32) -> Self {
        let target = server.endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (connections, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self { endpoint, connections: Arc::clone(&connections), requests: Arc::clone(&requests) };
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&target).await.unwrap();
                let is_cut = connections.fetch_add(1, Ordering::SeqCst) < cuts;
                let through = if is_cut { through } else { Through::All };
                tokio::spawn(pass(client, server, through, Arc::clone(&requests)));
            }
        });
        proxy
    }

    async fn open(&self, server: &S3Server) -> Store {
        let config = S3Config { endpoint: Some(self.endpoint.clone()), ..server.config() };
        Store::open_with(&"s3://calls/in".parse().unwrap(), &config, server.loader()).await.unwrap()
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, through: Through, requests: Arc<Mutex<Vec<u8>>>) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let requests = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
            requests.lock().unwrap().extend_from_slice(&buffer[..n]);
            if to_server.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
    };
    let answers = async {
        let mut buffer = vec![0; 1 << 14];
        let mut limit = match through {
            Through::Bytes(bytes) => bytes,
            Through::Headers | Through::All => usize::MAX,
        };
        while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
            let headers = buffer[..n].windows(4).position(|end| end == b"\r\n\r\n");
            if let (Through::Headers, Some(at)) = (through, headers) {
                limit = at + 4;
            }
            let passed = n.min(limit);
            if to_client.write_all(&buffer[..passed]).await.is_err() || passed < n {
                break;
            }
            limit -= passed;
        }
    };
    tokio::select! { () = requests => {}, () = answers => {} }
}

async fn server_with_bucket() -> S3Server {
    let server = S3Server::start().await.unwrap();
    server.bucket("calls").await.unwrap();
    server
}

/// What it asks for shows that it does not go through all keys one page after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_listing_is_divided_at_its_folders() {
    let server = S3Server::start().await.unwrap();
    let bucket = server.bucket("calls").await.unwrap();
    let proxy = Proxy::start(&server, Through::All, 0).await;
    let store = proxy.open(&server).await;
    for (folder, calls) in [("one", 5_500), ("two", 5_500), ("zero", 1)] {
        let folder = server.bucket_folder(&bucket).join("in").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        (0..calls).for_each(|n| std::fs::write(folder.join(format!("{n}.wav")), b"").unwrap());
    }
    let listed: Vec<_> = store.list().try_collect().await.unwrap();
    assert_eq!(listed.len(), 11_001);
    let requests = String::from_utf8_lossy(&proxy.requests.lock().unwrap()).into_owned();
    // Once to see whether the store can do it.
    let n_asked = requests.matches("start-after=in%2Fzero%2F").count();
    assert_eq!(n_asked, 2, "nobody asked for what comes behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_the_connection_broke() {
    let server = server_with_bucket().await;
    // More cuts than tries without progress are allowed: each one brings some.
    let proxy = Proxy::start(&server, Through::Bytes(150_000), 9).await;
    let store = proxy.open(&server).await;
    let direct = Store::open_with(store.location(), &server.config(), server.loader()).await.unwrap();
    let body: Vec<u8> = (0..2_000_000_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    put(&direct, "long.wav", &body).await;
    let entry = direct.head("long.wav").await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy");
    let last = std::sync::atomic::AtomicU64::new(0);
    let progress = |bytes| assert!(last.swap(bytes, Ordering::SeqCst) < bytes, "a byte was downloaded twice");
    store.download("long.wav", &entry.etag, entry.size_bytes, &to, &progress).await.unwrap();
    assert!(std::fs::read(&to).unwrap() == body, "the copy differs");
    assert!(proxy.connections.load(Ordering::SeqCst) >= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_never_progresses_ends() {
    let server = server_with_bucket().await;
    // The SDK is content with the headers.
    let proxy = Proxy::start(&server, Through::Headers, u32::MAX).await;
    let store = proxy.open(&server).await;
    let direct = Store::open_with(store.location(), &server.config(), server.loader()).await.unwrap();
    put(&direct, "long.wav", &vec![7; 2_000_000]).await;
    let entry = direct.head("long.wav").await.unwrap().unwrap();
    let to = tempfile::tempdir().unwrap();
    let cut_off = [
        store.download("long.wav", &entry.etag, entry.size_bytes, &to.path().join("copy"), &|_| ()).await,
        store.read("long.wav", entry.size_bytes).await.map(drop),
        store.read_range("long.wav", 0..entry.size_bytes, None).await.map(drop),
    ];
    for outcome in cut_off {
        assert_eq!(kind(&outcome), Some(Kind::Unreachable), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_whose_answer_is_lost_exists_when_it_is_repeated() {
    let server = server_with_bucket().await;
    let proxy = Proxy::start(&server, Through::Bytes(0), 1).await;
    let store = proxy.open(&server).await;
    let outcome = store.put_new("a.json", Bytes::from_static(b"mine"), "application/json").await.unwrap();
    assert_eq!(outcome, Put::Exists);
    assert_eq!(read(&store, "a.json").await.unwrap(), &b"mine"[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_off_every_connection_is_away_for_now() {
    let server = server_with_bucket().await;
    let proxy = Proxy::start(&server, Through::Bytes(0), u32::MAX).await;
    let outcome = proxy.open(&server).await.check_readable().await;
    assert_eq!(kind(&outcome), Some(Kind::Unreachable), "{outcome:?}");
    assert!(proxy.connections.load(Ordering::SeqCst) > 1, "it was not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_that_killed_processes_left_are_swept_after_an_hour() {
    let server = server_with_bucket().await;
    let location = "s3://calls/out".parse().unwrap();
    let store = Store::open_with(&location, &server.config(), server.loader()).await.unwrap();
    for key in ["a.json", ".steno-tmp-probe-old", ".steno-tmp-probe-new"] {
        put(&store, key, b"x").await;
    }
    let folder = server.bucket_folder("calls").join("out");
    let age = |name: &str| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
        std::fs::File::options().write(true).open(folder.join(name)).unwrap().set_modified(then).unwrap();
    };
    age("a.json");
    age(".steno-tmp-probe-old");
    assert_eq!(store.sweep_temporaries().await.unwrap(), 1);
    let mut left: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".steno-tmp-probe-new", "a.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_is_one_conditional_request_with_content_md5_and_no_other_checksum() {
    let server = server_with_bucket().await;
    let proxy = Proxy::start(&server, Through::All, 0).await;
    let store = proxy.open(&server).await;
    assert_eq!(
        store.put_new("a.json", Bytes::from_static(b"abc"), "application/json").await.unwrap(),
        Put::Created
    );
    let sent = String::from_utf8(proxy.requests.lock().unwrap().clone()).unwrap().to_lowercase();
    assert_eq!(sent.matches("http/1.1\r\n").count(), 1, "{sent}");
    assert!(sent.starts_with("put /calls/in/a.json"), "{sent}");
    for header in [
        "content-md5: kafqmdzst7dwlj99kof/cg==",
        "if-none-match: *",
        "content-type: application/json",
        "content-length: 3",
    ] {
        assert!(sent.contains(&format!("\r\n{header}\r\n")), "{header} in {sent}");
    }
    assert!(!sent.contains("x-amz-checksum") && !sent.contains("x-amz-sdk-checksum"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nabc"), "{sent}");
}
