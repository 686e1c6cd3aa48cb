//! What a bucket's messages say when it cannot be used.

use std::process::Command;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use steno_shared::storage::{Location, Retryable, S3Config, StorageError, StorageErrorKind as Kind, Store};
use steno_tests::s3_server::{ACCESS_KEY, REGION, S3Server, SECRET_KEY, loader_with};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{keys, kind, list, put, read};

fn place(text: &str) -> Location {
    text.parse().unwrap()
}

async fn failures(store: &Store) -> [StorageError; 2] {
    [store.check_readable().await.unwrap_err(), store.check_writable().await.unwrap_err()]
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let server = S3Server::start().await.unwrap();
    let store = Store::open_with(&place("s3://absent/x"), &server.config(), server.loader()).await.unwrap();
    for error in failures(&store).await {
        assert_eq!(error.kind(), Kind::BucketMissing, "{error}");
        let text = error.to_string();
        assert!(text.contains("s3://absent/x") && text.contains("create bucket absent at http"), "{text}");
    }
    assert_eq!(kind(&store.head("y").await.map(|found| assert_eq!(found, None))), None);
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_from_a_missing_bucket_and_not_repeated() {
    let server = S3Server::start().await.unwrap();
    server.bucket("calls").await.unwrap();
    for (access, secret) in [(ACCESS_KEY, "wrong-secret-9876"), ("nobody", SECRET_KEY)] {
        let store = Store::open_with(&place("s3://calls"), &server.config(), loader_with(access, secret))
            .await
            .unwrap();
        for error in failures(&store).await {
            assert_eq!(error.kind(), Kind::Credentials, "{error}");
            assert_eq!(error.disposition(), Retryable::No);
            let text = error.to_string();
            assert!(text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
            assert!(!text.contains(secret), "{text}");
        }
        let head = store.head("x").await.unwrap_err();
        assert!(head.to_string().contains("check that they are right"), "{head}");
    }
}

#[tokio::test]
async fn a_refused_connection_names_the_endpoint() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = S3Config { endpoint: Some(endpoint.clone()), region: Some(REGION.to_owned()) };
    let store = Store::open_with(&place("s3://calls"), &config, loader_with("a", "b")).await.unwrap();
    let error = store.check_readable().await.unwrap_err();
    assert_eq!((error.kind(), error.disposition()), (Kind::Unreachable, Retryable::Yes), "{error}");
    assert!(error.to_string().contains(&format!("{endpoint} does not answer")), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

/// A web server of some other kind at the endpoint, or in front of the store.
#[tokio::test]
async fn an_endpoint_that_is_no_s3_store_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.unwrap();
            let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let config = S3Config { endpoint: Some(endpoint.clone()), region: Some(REGION.to_owned()) };
    let store = Store::open_with(&place("s3://calls"), &config, loader_with("a", "b")).await.unwrap();
    let text = store.check_readable().await.unwrap_err().to_string();
    assert!(text.ends_with(&format!("check that the endpoint {endpoint} is an S3 store")), "{text}");
    server.abort();
}

/// The directory markers and odd keys that other programs leave behind.
#[tokio::test]
async fn a_prefix_is_a_folder_and_the_whole_bucket_a_location() {
    let server = S3Server::start().await.unwrap();
    server.bucket("calls").await.unwrap();
    let client = server.client().await;
    for key in ["in/a.wav", "in/sub/", "in/sub/b.wav", "inn/c.wav", "d.wav"] {
        client
            .put_object()
            .bucket("calls")
            .key(key)
            .body(ByteStream::new(Vec::new().into()))
            .send()
            .await
            .unwrap();
    }
    let open =
        async |text: &str| Store::open_with(&place(text), &server.config(), server.loader()).await.unwrap();
    let inside = open("s3://calls/in/").await;
    assert_eq!(keys(&inside).await, ["a.wav", "sub/b.wav"]);
    let whole = open("s3://calls").await;
    assert_eq!(keys(&whole).await, ["d.wav", "in/a.wav", "in/sub/b.wav", "inn/c.wav"]);
    put(&whole, "e.wav", b"1").await;
    assert_eq!(read(&whole, "e.wav").await.unwrap(), Bytes::from_static(b"1"));
    assert_eq!(list(&open("s3://calls/none").await).await, []);
}

/// Runs one test of this program in a process whose only settings are these.
fn in_a_process(test: &str, settings: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
    text
}

#[tokio::test]
#[ignore = "a part of the tests below, which run it in a process of its own"]
async fn opens_by_the_usual_chain() {
    match Store::open(&place("s3://calls/in"), &S3Config::default()).await {
        Ok(store) => {
            println!("opened: {:?}", store.check_readable().await.map_err(|error| error.to_string()))
        }
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
}

#[test]
fn without_credentials_it_says_which_to_set() {
    let text = in_a_process("s3_refusals::opens_by_the_usual_chain", &[("AWS_REGION", REGION)]);
    assert!(
        text.contains("Credentials: failed to open s3://calls/in: no S3 credentials were found"),
        "{text}"
    );
    assert!(text.contains("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_s_credentials_and_endpoint_are_used() {
    let server = S3Server::start().await.unwrap();
    server.bucket("calls").await.unwrap();
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let mut settings = server.env().to_vec();
        settings.push((variable, &server.endpoint));
        let text = in_a_process("s3_refusals::opens_by_the_usual_chain", &settings);
        assert!(text.contains("opened: Ok(())"), "{variable}: {text}");
    }
}
