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

use super::answer::Refusal;
use super::state::{Exchange, State};
use super::{Shared, router};
use crate::{Hook, What, When};

/// Where a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Api,
    Storage,
}

/// Serves until it is told to end.
pub(crate) async fn serve(shared: Arc<Shared>, listeners: [TcpListener; 2], ended: oneshot::Receiver<()>) {
    let doors = [Door::Api, Door::Storage];
    let routers = [router::api(Arc::clone(&shared)), router::storage(Arc::clone(&shared))];
    for ((listener, door), router) in listeners.into_iter().zip(doors).zip(routers) {
        tokio::spawn(accept(listener, door, router, Arc::clone(&shared)));
    }
    // An error says that whoever could end it is gone: that is an end as well.
    ended.await.ok();
}

async fn accept(listener: TcpListener, door: Door, router: Router, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let (router, shared) = (router.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, door, router.clone(), Arc::clone(&shared)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A connection that a fault cut ends with an error, which is what was asked for.
            connection.await.ok();
        });
    }
}

/// Answers a request. An error cuts the connection.
async fn answer(
    request: Request<Incoming>,
    door: Door,
    router: Router,
    shared: Arc<Shared>,
) -> io::Result<Response<Body>> {
    let request = under_root(request);
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let authorized = request.headers().contains_key(header::AUTHORIZATION);
    let fault = strike(&mut shared.state(), &method, &path);
    let mut request = request.map(Body::new);
    match fault {
        Some(What::Delay(time)) => tokio::time::sleep(time).await,
        Some(What::CutRequest) => request = request.map(|it| Body::new(CutShort { body: it, left: 1 << 10 })),
        Some(What::Answer { when: When::Before, status, ref headers, ref body }) => {
            return Ok(made_up(status, headers, body));
        }
        Some(What::Cut(When::Before)) => return Err(cut()),
        Some(What::Meanwhile(ref hook)) => call(hook.clone()).await,
        Some(What::Call(When::Before, ref hook)) => {
            hook.call();
            return Err(cut());
        }
        _ => {}
    }
    let refusal = over_the_limit(&mut shared.state(), authorized, &path);
    if let Some(refusal) = refusal {
        return written_down(refusal.into_response(), door, (method, path), authorized, &shared).await;
    }
    let response = match fault {
        // On its own: a connection that ends takes what it waits for with it.
        Some(What::Late(time)) => tokio::spawn(async move {
            tokio::time::sleep(time).await;
            routed(router, request).await
        })
        .await
        .map_err(io::Error::other)?,
        _ => routed(router, request).await,
    };
    let response = written_down(response, door, (method, path), authorized, &shared).await?;
    after(fault, response)
}

async fn routed(router: Router, request: Request<Body>) -> Response<Body> {
    let response = hyper::service::Service::call(&TowerToHyperService::new(router), request).await;
    response.unwrap_or_else(|never| match never {})
}

/// The same request under the API's root: GitHub Enterprise Server has it, and the uploads, under a path.
fn under_root(mut request: Request<Incoming>) -> Request<Incoming> {
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
async fn call(hook: Hook) {
    // A hook that panicked has told its own thread.
    tokio::task::spawn_blocking(move || hook.call()).await.ok();
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a fault cut the connection")
}

fn strike(state: &mut State, method: &str, path: &str) -> Option<What> {
    state.settings.now += 1;
    let struck = state.faults.iter_mut().find_map(|it| it.strikes(method, path).then(|| it.what.clone()));
    state.faults.retain(|it| it.times > 0);
    struck
}

/// The refusal of a caller who asked too often. Git and pages have no such limit.
fn over_the_limit(state: &mut State, authorized: bool, path: &str) -> Option<Refusal> {
    if !path.starts_with("/repos/") {
        return None;
    }
    let limit = state.limit(authorized);
    let used = &mut state.used[usize::from(authorized)];
    if *used >= limit {
        return Some(Refusal::forbidden("API rate limit exceeded"));
    }
    *used += 1;
    None
}

fn made_up(status: u16, headers: &[(&'static str, String)], body: &str) -> Response<Body> {
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
async fn written_down(
    response: Response<Body>,
    door: Door,
    (method, path): (String, String),
    authorized: bool,
    shared: &Shared,
) -> io::Result<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let json = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
    let (body, value) = if json {
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let value = serde_json::from_slice(&bytes).ok();
        (Body::from(bytes), value)
    } else {
        (body, None)
    };
    let mut state = shared.state();
    let status = parts.status.as_u16();
    if door == Door::Storage {
        state.log.push(Exchange { method, path: format!("storage:{path}"), status, authorized, body: None });
        return Ok(Response::from_parts(parts, body));
    }
    let number = state.id();
    state.log.push(Exchange { method, path, status, authorized, body: value });
    let limit = state.limit(authorized);
    let left = limit.saturating_sub(state.used[usize::from(authorized)]);
    let reset = state.settings.now + 3600;
    for (name, value) in [
        ("x-github-request-id", format!("REHEARSAL:{number}")),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("date", super::shape::http_date(state.settings.now)),
    ] {
        if let Ok(value) = value.parse() {
            parts.headers.insert(name, value);
        }
    }
    Ok(Response::from_parts(parts, body))
}

/// What becomes of an answer whose request took effect.
fn after(fault: Option<What>, response: Response<Body>) -> io::Result<Response<Body>> {
    match fault {
        Some(What::Answer { when: When::After, status, headers, body }) => {
            Ok(made_up(status, &headers, &body))
        }
        Some(What::Cut(When::After) | What::CutRequest) => Err(cut()),
        Some(What::Call(When::After, hook)) => {
            hook.call();
            Err(cut())
        }
        Some(What::CutAnswer) => Ok(response.map(|it| Body::new(CutShort { body: it, left: 20 }))),
        Some(What::Slow(pause)) => Ok(response.map(|it| Body::new(Slow { body: it, pause, sleep: None }))),
        Some(What::Garbled) => Ok(response.map(|_| Body::from("{\"id\": 1, \"tag_na"))).map(|mut it| {
            it.headers_mut().remove(header::CONTENT_LENGTH);
            it
        }),
        _ => Ok(response),
    }
}

/// A body that breaks off.
struct CutShort {
    body: Body,
    left: usize,
}

impl hyper::body::Body for CutShort {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        use std::task::Poll;
        if self.left == 0 {
            return Poll::Ready(Some(Err(cut().into())));
        }
        let frame = std::task::ready!(std::pin::Pin::new(&mut self.body).poll_frame(context));
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(Some(Err(cut().into())));
        };
        let Ok(mut data) = frame.into_data() else {
            return Poll::Ready(Some(Err(cut().into())));
        };
        data.truncate(self.left.min(data.len() / 2));
        self.left = 0;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A body that comes in small pieces.
struct Slow {
    body: Body,
    pause: Duration,
    sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl hyper::body::Body for Slow {
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
