//! A server of documents that publications prepare: what a registry serves never depends on the client.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::error::{EmulatorError, failed_to};

/// A document under a path.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// A response that replaces that of some requests.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// A part of the paths of these requests.
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    /// How many requests are still refused.
    pub(super) times: u32,
}

/// What the server serves, and what it was asked for.
#[derive(Debug, Default)]
pub(super) struct ServerState {
    /// The documents by their path without percent-encoding.
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) refusals: Vec<Refusal>,
    /// The paths of all requests, each with the headers that a test may check.
    pub(super) requests: Vec<(String, Vec<String>)>,
}

/// A running server. Dropping it ends the server.
#[derive(Debug)]
pub(super) struct DocumentServer {
    state: Arc<Mutex<ServerState>>,
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl DocumentServer {
    pub(super) fn start() -> Result<Self, EmulatorError> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed_to("listen on 127.0.0.1"))?;
        listener.set_nonblocking(true).map_err(failed_to("listen on 127.0.0.1"))?;
        let address = listener.local_addr().map_err(failed_to("listen on 127.0.0.1"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed_to("start the server"))?;
        let state = Arc::new(Mutex::new(ServerState::default()));
        let (shutdown, ended) = oneshot::channel();
        let served = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                tokio::spawn(accept_connections(listener, served));
                // An error means that the sender was dropped, which ends the server as well.
                ended.await.ok();
            });
        });
        Ok(Self { state, address, shutdown: Some(shutdown), thread: Some(thread) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for DocumentServer {
    /// Stops the server and waits for its thread. Errors are ignored: they mean that the server has already stopped.
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            shutdown.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn accept_connections(listener: TcpListener, state: Arc<Mutex<ServerState>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = respond(&mut state.lock().unwrap_or_else(PoisonError::into_inner), &request);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            // An error here means that the client closed the connection.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

fn respond(state: &mut ServerState, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let headers = ["accept", "authorization", "disable-module-fetch", "user-agent"].iter();
    let headers =
        headers.filter_map(|name| Some(format!("{name}: {}", request.headers().get(*name)?.to_str().ok()?)));
    state.requests.push((path.clone(), headers.collect()));
    if let Some(refusal) = state.refusals.iter_mut().find(|it| it.times > 0 && path.contains(&it.path)) {
        refusal.times -= 1;
        let mut response = text_response(refusal.status, "text/plain", b"refused".to_vec());
        for (name, value) in &refusal.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(*name, value);
            }
        }
        return response;
    }
    let accept = request.headers().get("accept").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let variant = state.documents.get(&format!("{} {accept}", decoded(&path)));
    match variant.or_else(|| state.documents.get(&decoded(&path))) {
        Some(document) => text_response(200, document.content_type, document.bytes.clone()),
        None => text_response(404, "text/plain", format!("not found: {path}").into_bytes()),
    }
}

/// Returns a path without percent-encoding. Clients differ in the characters that they encode.
pub(super) fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn text_response(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
