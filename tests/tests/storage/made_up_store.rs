//! A store that answers whatever a test makes up.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use steno_shared::storage::{S3Config, Store};
use steno_tests::s3_server::loader_with;
use tokio::net::TcpListener;

/// `s3://calls/in` of a store that gives these bodies.
pub(crate) async fn made_up_store(
    answer: impl Fn(&Request<Incoming>) -> Vec<u8> + Clone + Send + 'static,
) -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let body = Bytes::from(answer(&request));
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                // A client that goes away is none of its business.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(client), service)
                    .await;
            });
        }
    });
    let config = S3Config { endpoint, region: None };
    let location = "s3://calls/in".parse().unwrap();
    Store::open_with(&location, &config, loader_with("key", "secret")).await.unwrap()
}
