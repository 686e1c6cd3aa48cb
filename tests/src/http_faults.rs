//! A proxy before an S3 server that answers wrongly when it is told to, and notes what the server has taken.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ETAG, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpFault {
    /// 500, and the server has not seen it.
    InternalError,
    /// 503 SlowDown, and the server has not seen it.
    SlowDown,
    /// The server does it, and the connection breaks within its answer.
    Truncated,
    /// The server is asked twice, and the second answer counts.
    Duplicated,
    /// The server does it, and nobody hears of it.
    Unanswered,
    /// The answer has another ETag.
    WrongEtag,
    /// 403 RequestTimeTooSkewed, as for a clock that is off by an hour; the server has not seen it.
    ClockSkew,
}

/// The proxy. It ends with the runtime that it was started in.
#[derive(Debug)]
pub struct HttpFaults {
    /// `127.0.0.1:port`.
    pub address: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    upstream: String,
    due: Mutex<VecDeque<HttpFault>>,
    created: Mutex<BTreeMap<String, u64>>,
    requests: AtomicU64,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl HttpFaults {
    /// Stands before `upstream` (`host:port`).
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(upstream: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), ..Shared::default() });
        let proxy = Self { address, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&shared, request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    // A connection that breaks is what this is for.
                    let _ = connection.serve_connection(TokioIo::new(client), service).await;
                });
            }
        });
        Ok(proxy)
    }

    /// So many of the requests to come suffer the fault.
    pub fn fail_next(&self, fault: HttpFault, requests: usize) {
        lock(&self.shared.due).extend(std::iter::repeat_n(fault, requests));
    }

    /// Forgets faults that have met no request.
    pub fn calm(&self) {
        lock(&self.shared.due).clear();
    }

    /// Requests that have come so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// How often the server has created each object, by path.
    #[must_use]
    pub fn created(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.created).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body.collect().await?.to_bytes());
    let fault = lock(&shared.due).pop_front();
    match fault {
        None => Ok(whole(pass(shared, &request).await?)),
        Some(HttpFault::InternalError) => Ok(refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error.",
        )),
        Some(HttpFault::SlowDown) => {
            Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate."))
        }
        Some(HttpFault::ClockSkew) => Ok(refusal(
            StatusCode::FORBIDDEN,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )),
        Some(HttpFault::Duplicated) => {
            pass(shared, &request).await?;
            Ok(whole(pass(shared, &request).await?))
        }
        Some(HttpFault::Unanswered) => {
            pass(shared, &request).await?;
            anyhow::bail!("unanswered")
        }
        Some(HttpFault::WrongEtag) => {
            let mut answer = pass(shared, &request).await?;
            if answer.headers().contains_key(ETAG) {
                let wrong = HeaderValue::from_static("\"0123456789abcdef0123456789abcdef\"");
                answer.headers_mut().insert(ETAG, wrong);
            }
            Ok(whole(answer))
        }
        Some(HttpFault::Truncated) => {
            let (head, body) = pass(shared, &request).await?.into_parts();
            let half = body.slice(..body.len() / 2);
            let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "truncated");
            let frames = stream::iter([Ok(Frame::data(half)), Err(broken)]);
            Ok(Response::from_parts(head, StreamBody::new(frames).boxed()))
        }
    }
}

/// Asks the server on a connection of its own, with the request as it came: it is signed.
async fn pass(shared: &Shared, request: &Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
    let stream = TcpStream::connect(&shared.upstream).await.context("the server is away")?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = request.clone().into_parts();
    let creates = head.method == Method::PUT;
    let path = head.uri.path().to_owned();
    let (head, body) = sender.send_request(Request::from_parts(head, Full::new(body))).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    if creates && head.status.is_success() {
        *lock(&shared.created).entry(path).or_default() += 1;
    }
    Ok(Response::from_parts(head, body))
}

fn whole(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(|never: Infallible| match never {}).boxed())
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut refusal = Response::new(Bytes::from(xml));
    *refusal.status_mut() = status;
    whole(refusal)
}
