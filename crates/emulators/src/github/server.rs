//! Connections: requests are received, faults are injected, and responses are recorded.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::oneshot;

use super::context::ServerContext;
use super::response::ApiError;
use super::router;
use super::state::{HttpExchange, ServerState};
use crate::fault::{FaultKind, FaultTiming, Hook};

/// The listener that accepted a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListenerKind {
    /// API, web pages and git.
    Api,
    /// The host that assets are downloaded from.
    Storage,
}

/// Serves both listeners until `shutdown` receives a message. The first is for the API, the second for downloads.
pub(crate) async fn serve(
    shared: Arc<ServerContext>,
    listeners: [TcpListener; 2],
    shutdown: oneshot::Receiver<()>,
) {
    let kinds = [ListenerKind::Api, ListenerKind::Storage];
    let routers = [router::api_routes(Arc::clone(&shared)), router::storage_routes(Arc::clone(&shared))];
    for ((listener, kind), router) in listeners.into_iter().zip(kinds).zip(routers) {
        tokio::spawn(accept_connections(listener, kind, router, Arc::clone(&shared)));
    }
    // An error means that the sender was dropped, which ends the server as well.
    shutdown.await.ok();
}

/// Accepts connections until the listener fails, and serves each in a task.
async fn accept_connections(
    listener: TcpListener,
    kind: ListenerKind,
    router: Router,
    shared: Arc<ServerContext>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let (router, shared) = (router.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service =
                service_fn(|request| handle_request(request, kind, router.clone(), Arc::clone(&shared)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // An error here is the result of an injected fault, or of a client that closed the connection.
            connection.await.ok();
        });
    }
}

/// Handles a request: injects a fault, checks the rate limit, routes and records. An error closes the connection.
async fn handle_request(
    request: Request<Incoming>,
    kind: ListenerKind,
    router: Router,
    shared: Arc<ServerContext>,
) -> io::Result<Response<Body>> {
    let request = strip_api_prefix(request);
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let authorized = request.headers().contains_key(header::AUTHORIZATION);
    let fault = inject(&mut shared.state(), &method, &path);
    let mut request = request.map(Body::new);
    match fault {
        Some(FaultKind::DelayResponse(time)) => tokio::time::sleep(time).await,
        Some(FaultKind::TruncateRequest) => {
            request = request.map(|it| Body::new(TruncatedBody { body: it, remaining: 1 << 10 }));
        }
        Some(FaultKind::CannedResponse { timing: FaultTiming::Before, status, ref headers, ref body }) => {
            return Ok(canned_response(status, headers, body));
        }
        Some(FaultKind::DropConnection(FaultTiming::Before)) => return Err(connection_aborted()),
        Some(FaultKind::Hook(ref hook)) => call_hook(hook.clone()).await,
        Some(FaultKind::HookThenDrop(FaultTiming::Before, ref hook)) => {
            hook.call();
            return Err(connection_aborted());
        }
        _ => {}
    }
    let refusal = check_rate_limit(&mut shared.state(), authorized, &path);
    if let Some(refusal) = refusal {
        return record(refusal.into_response(), kind, RequestLine { method, path }, authorized, &shared)
            .await;
    }
    let response = match fault {
        // In a task: when a connection closes, hyper drops the future of its request, but not a spawned task.
        Some(FaultKind::DelayEffect(time)) => tokio::spawn(async move {
            tokio::time::sleep(time).await;
            route(router, request).await
        })
        .await
        .map_err(io::Error::other)?,
        _ => route(router, request).await,
    };
    let response = record(response, kind, RequestLine { method, path }, authorized, &shared).await?;
    alter_response(fault, response)
}

/// Passes the request to the router.
async fn route(router: Router, request: Request<Body>) -> Response<Body> {
    let response = hyper::service::Service::call(&TowerToHyperService::new(router), request).await;
    response.unwrap_or_else(|never| match never {})
}

/// Removes the path prefix under which GitHub Enterprise Server has its API and its uploads.
fn strip_api_prefix(mut request: Request<Incoming>) -> Request<Incoming> {
    let uri = request.uri();
    let rest = ["/api/v3/", "/api/uploads/", "/api/"].iter().find_map(|it| uri.path().strip_prefix(it));
    if let Some(rest) = rest {
        let query = uri.query().map_or(String::new(), |it| format!("?{it}"));
        if let Ok(shorter) = format!("/{rest}{query}").parse() {
            *request.uri_mut() = shorter;
        }
    }
    request
}

/// Calls a hook on another thread, because the hook may send requests to this server, which has a single thread.
async fn call_hook(hook: Hook) {
    // A panic of the hook is ignored here: its own thread has already printed it.
    tokio::task::spawn_blocking(move || hook.call()).await.ok();
}

/// Returns the error that makes hyper close a connection.
fn connection_aborted() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "an injected fault closed the connection")
}

/// Advances the clock by one second, and returns the fault for this request. Faults that are used up are removed.
fn inject(state: &mut ServerState, method: &str, path: &str) -> Option<FaultKind> {
    state.settings.now += 1;
    let kind = state.faults.iter_mut().find_map(|it| it.matches(method, path).then(|| it.kind.clone()));
    state.faults.retain(|it| it.times > 0);
    kind
}

/// Counts a request below `/repos/`, and returns 403 if the caller has used up the rate limit. Other paths (git, web
/// pages, GraphQL, `/rate_limit`) have no limit.
fn check_rate_limit(state: &mut ServerState, authorized: bool, path: &str) -> Option<ApiError> {
    if !path.starts_with("/repos/") {
        return None;
    }
    let limit = state.rate_limit(authorized);
    let used = &mut state.requests_used[usize::from(authorized)];
    if *used >= limit {
        return Some(ApiError::forbidden("API rate limit exceeded"));
    }
    *used += 1;
    None
}

/// Returns a response that no handler produced.
fn canned_response(status: u16, headers: &[(&'static str, String)], body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

/// The first line of a request.
struct RequestLine {
    method: String,
    /// The path and query of the URL.
    path: String,
}

/// Records a request with its response, and adds the headers that every response of the API has.
async fn record(
    response: Response<Body>,
    kind: ListenerKind,
    line: RequestLine,
    authorized: bool,
    shared: &ServerContext,
) -> io::Result<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let is_json = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
    let (body, value) = if is_json {
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let value = serde_json::from_slice(&bytes).ok();
        (Body::from(bytes), value)
    } else {
        (body, None)
    };
    let mut state = shared.state();
    let status = parts.status.as_u16();
    let RequestLine { method, path } = line;
    if kind == ListenerKind::Storage {
        state.exchanges.push(HttpExchange {
            method,
            path: format!("storage:{path}"),
            status,
            authorized,
            body: None,
        });
        return Ok(Response::from_parts(parts, body));
    }
    let number = state.next_id();
    state.exchanges.push(HttpExchange { method, path, status, authorized, body: value });
    let limit = state.rate_limit(authorized);
    let remaining = limit.saturating_sub(state.requests_used[usize::from(authorized)]);
    let reset = state.settings.now + 3600;
    for (name, value) in [
        ("x-github-request-id", format!("REHEARSAL:{number}")),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("date", super::schemas::http_date(state.settings.now)),
    ] {
        if let Ok(value) = value.parse() {
            parts.headers.insert(name, value);
        }
    }
    Ok(Response::from_parts(parts, body))
}

/// Applies a fault to the response of a request that took effect.
fn alter_response(fault: Option<FaultKind>, response: Response<Body>) -> io::Result<Response<Body>> {
    match fault {
        Some(FaultKind::CannedResponse { timing: FaultTiming::After, status, headers, body }) => {
            Ok(canned_response(status, &headers, &body))
        }
        Some(FaultKind::DropConnection(FaultTiming::After) | FaultKind::TruncateRequest) => {
            Err(connection_aborted())
        }
        Some(FaultKind::HookThenDrop(FaultTiming::After, hook)) => {
            hook.call();
            Err(connection_aborted())
        }
        Some(FaultKind::TruncateResponse) => {
            Ok(response.map(|it| Body::new(TruncatedBody { body: it, remaining: 20 })))
        }
        Some(FaultKind::SlowResponse(pause)) => {
            Ok(response.map(|it| Body::new(SlowBody { body: it, pause, sleep: None })))
        }
        Some(FaultKind::MalformedJson) => {
            Ok(response.map(|_| Body::from("{\"id\": 1, \"tag_na"))).map(|mut it| {
                // The length is that of the replaced body.
                it.headers_mut().remove(header::CONTENT_LENGTH);
                it
            })
        }
        _ => Ok(response),
    }
}

/// A body that ends with an error after one frame. Its size hint is that of the whole body, so that the announced
/// `Content-Length` is more than what is sent.
struct TruncatedBody {
    body: Body,
    /// The most bytes to pass on. At most half of the first frame is passed on.
    remaining: usize,
}

impl hyper::body::Body for TruncatedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        use std::task::Poll;
        if self.remaining == 0 {
            return Poll::Ready(Some(Err(connection_aborted().into())));
        }
        let frame = std::task::ready!(std::pin::Pin::new(&mut self.body).poll_frame(context));
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(Some(Err(connection_aborted().into())));
        };
        let Ok(mut data) = frame.into_data() else {
            return Poll::Ready(Some(Err(connection_aborted().into())));
        };
        data.truncate(self.remaining.min(data.len() / 2));
        self.remaining = 0;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A body with a pause before each frame.
struct SlowBody {
    body: Body,
    pause: Duration,
    /// The current pause. `None` between two frames.
    sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl hyper::body::Body for SlowBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let pause = self.pause;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        std::task::ready!(sleep.as_mut().poll(context));
        self.sleep = None;
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }
}
