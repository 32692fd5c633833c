//! Connections: what arrives, what breaks on the way, and what is written down.

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

/// Where a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListenerKind {
    Api,
    Storage,
}

/// Serves until it is told to end.
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
    // An error says that whoever could end it is gone: that is an end as well.
    shutdown.await.ok();
}

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
            // A connection that a fault cut ends with an error, which is what was asked for.
            connection.await.ok();
        });
    }
}

/// Answers a request. An error cuts the connection.
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
        return record(refusal.into_response(), kind, (method, path), authorized, &shared).await;
    }
    let response = match fault {
        // On its own: a connection that ends takes what it waits for with it.
        Some(FaultKind::DelayEffect(time)) => tokio::spawn(async move {
            tokio::time::sleep(time).await;
            route(router, request).await
        })
        .await
        .map_err(io::Error::other)?,
        _ => route(router, request).await,
    };
    let response = record(response, kind, (method, path), authorized, &shared).await?;
    alter_response(fault, response)
}

async fn route(router: Router, request: Request<Body>) -> Response<Body> {
    let response = hyper::service::Service::call(&TowerToHyperService::new(router), request).await;
    response.unwrap_or_else(|never| match never {})
}

/// The same request under the API's root: GitHub Enterprise Server has it, and the uploads, under a path.
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

/// Calls a hook on a thread of its own: it may talk to this very server.
async fn call_hook(hook: Hook) {
    // A hook that panicked has told its own thread.
    tokio::task::spawn_blocking(move || hook.call()).await.ok();
}

fn connection_aborted() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a fault cut the connection")
}

fn inject(state: &mut ServerState, method: &str, path: &str) -> Option<FaultKind> {
    state.settings.now += 1;
    let kind = state.faults.iter_mut().find_map(|it| it.matches(method, path).then(|| it.kind.clone()));
    state.faults.retain(|it| it.times > 0);
    kind
}

/// The refusal of a caller who asked too often. Git and pages have no such limit.
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

/// The answer with the headers that every answer has, and a line in the log.
async fn record(
    response: Response<Body>,
    kind: ListenerKind,
    (method, path): (String, String),
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

/// What becomes of an answer whose request took effect.
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
                it.headers_mut().remove(header::CONTENT_LENGTH);
                it
            })
        }
        _ => Ok(response),
    }
}

/// A body that breaks off.
struct TruncatedBody {
    body: Body,
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

/// A body that comes in small pieces.
struct SlowBody {
    body: Body,
    pause: Duration,
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
