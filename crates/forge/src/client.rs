//! Requests, one at a time, and what came of each.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use model::{RepoSlug, UntrustedText};
use octocrab::{OctoBody, Octocrab};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::error::{Refused, Trouble};
use crate::{ForgeError, Patience, Tell, Token, Told, wire};

/// The longest answer that is read, in bytes: a page of a hundred releases with long notes stays far below.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How GitHub is talked to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of the REST API, as in `https://api.github.com`.
    pub api: String,
    /// The repository.
    pub slug: RepoSlug,
    /// The token; none to see what anybody sees.
    pub token: Option<Token>,
    /// The limits of patience.
    pub patience: Patience,
}

/// A repository on GitHub. Blocks while it waits.
pub struct Forge {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) crab: Octocrab,
    /// Downloads, without credentials.
    pub(crate) plain: reqwest::Client,
    /// The same, without going where a redirect leads.
    pub(crate) direct: reqwest::Client,
    pub(crate) settings: Settings,
    /// What the last answer said of the rate limit.
    pub(crate) left: std::cell::Cell<Option<u32>>,
    /// The host that assets may be sent to, beside the API's own.
    pub(crate) uploads: String,
    /// The path of the API's root: empty, or as in `/api/v3`.
    root: String,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// When a request may be sent again without knowing what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Always: it says how things are to be, or only asks.
    Freely,
    /// The same, and what is not found may not be there yet (github.md F29).
    AndAwait,
    /// Only if it was certainly not carried out: it makes something new.
    Never,
}

impl Forge {
    /// A client. Nobody is talked to yet.
    ///
    /// # Errors
    /// [`ForgeError::Address`] for an address that is none, or that a token would travel to in the clear;
    /// [`ForgeError::Client`] where the system's certificates or proxies cannot be read.
    pub fn connect(settings: Settings) -> Result<Self, ForgeError> {
        let api = root(&settings.api, settings.token.is_some())?;
        let broken = |error: &dyn std::fmt::Display| ForgeError::Client {
            address: settings.api.clone(),
            reason: error.to_string(),
        };
        let client = || reqwest::Client::builder().connect_timeout(settings.patience.timeout);
        let asking =
            client().redirect(reqwest::redirect::Policy::none()).build().map_err(|it| broken(&it))?;
        let plain = client().build().map_err(|it| broken(&it))?;
        let direct = client().redirect(reqwest::redirect::Policy::none());
        let direct = direct.build().map_err(|it| broken(&it))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|it| broken(&it))?;
        let inside = runtime.enter();
        let uploads = uploads_host(&api);
        let root = api.path().trim_end_matches('/').to_owned();
        // Octocrab would put the path of its base before the addresses of uploads too.
        let origin = api.origin().ascii_serialization();
        let mut builder = Octocrab::builder().base_uri(origin).map_err(|it| broken(&it))?;
        builder = builder.upload_uri(uploads.as_str()).map_err(|it| broken(&it))?;
        if let Some(token) = &settings.token {
            builder = builder.personal_token(token.secret().to_owned());
        }
        let crab = builder.build_with_reqwest(asking).map_err(|it| broken(&it))?;
        drop(inside);
        Ok(Self { runtime, crab, plain, direct, settings, left: std::cell::Cell::new(None), uploads, root })
    }

    /// How many requests are left in this hour, as the last answer said.
    #[must_use]
    pub fn requests_left(&self) -> Option<u32> {
        self.left.get()
    }

    /// Whether requests carry a token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.settings.token.is_some()
    }

    /// The address of something below the repository.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.root, self.settings.slug.full_name())
    }

    /// Sends a request until it is answered, and reads the answer.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
        (repeat, tell): (Repeat, Tell<'_>),
    ) -> Result<(T, HeaderMap), ForgeError> {
        let what = format!("{method} {path}");
        let mut failure = 0;
        loop {
            let trouble = match self.once(method, path, body) {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let await_it = matches!(&trouble, Trouble::Answered(it) if it.status == 404);
            let wait = match repeat {
                Repeat::Never if trouble.is_ambiguous() => None,
                Repeat::AndAwait if await_it => self.settings.patience.again(failure),
                _ => self.settings.patience.wait(failure, &trouble),
            };
            let Some(wait) = wait else { return Err(trouble.end(&what)) };
            self.pause(&what, &trouble.reason(), wait, tell);
            failure += 1;
        }
    }

    /// Waits, and says why.
    pub(crate) fn pause(&self, what: &str, why: &str, wait: Duration, tell: Tell<'_>) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tell(Told::Again { what: what.to_owned(), why: why.to_owned(), wait: millis });
        self.runtime.block_on(async { tokio::time::sleep(wait).await });
    }

    /// Sends a request once, and reads the answer.
    pub(crate) fn once<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<(T, HeaderMap), Trouble> {
        let request = octocrab_request(method, path, body)?;
        let patience = &self.settings.patience;
        let timeout = patience.timeout;
        self.runtime.block_on(patience.in_all(0, async {
            let sent = within(timeout, self.crab.send(request)).await?;
            read(sent, timeout, &self.left).await
        }))
    }
}

/// A request with the headers that GitHub wants. The version is pinned (github.md F35).
fn octocrab_request(
    method: &Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<http::Request<OctoBody>, Trouble> {
    let builder = http::Request::builder()
        .method(method.clone())
        .uri(path)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28");
    let request = match body {
        Some(body) => {
            builder.header("content-type", "application/json").body(OctoBody::from(body.to_string()))
        }
        None => builder.body(OctoBody::empty()),
    };
    request.map_err(|error| Trouble::NotSent(error.to_string()))
}

/// What comes of a request within a time.
pub(crate) async fn within<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, octocrab::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(timeout, future).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(not_answered(&error)),
        Err(_) => Err(Trouble::Lost(format!("nothing came for {} s", timeout.as_secs_f32()))),
    }
}

/// A request that got no answer: whether it left is what counts.
pub(crate) fn not_answered(error: &octocrab::Error) -> Trouble {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    let mut connecting = false;
    while let Some(cause) = source {
        connecting |= cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.dedup();
    let said = causes.pop().unwrap_or_default();
    if connecting { Trouble::NotSent(said) } else { Trouble::Lost(said) }
}

/// Reads an answer to its end.
pub(crate) async fn read<T: DeserializeOwned>(
    response: http::Response<impl http_body::Body<Data = Bytes, Error = octocrab::Error>>,
    timeout: Duration,
    left: &std::cell::Cell<Option<u32>>,
) -> Result<(T, HeaderMap), Trouble> {
    let (parts, body) = response.into_parts();
    let number = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    left.set(number("x-ratelimit-remaining").and_then(|it| u32::try_from(it).ok()));
    let bytes = collect(body, timeout).await?;
    if parts.status.is_success() {
        let bytes = if parts.status == StatusCode::NO_CONTENT { b"null".to_vec() } else { bytes };
        let value = serde_json::from_slice(&bytes);
        return Ok((value.map_err(|error| Trouble::Lost(unreadable(&error)))?, parts.headers));
    }
    Err(refused(parts.status, &parts.headers, &bytes))
}

/// The bytes of an answer.
async fn collect(
    body: impl http_body::Body<Data = Bytes, Error = octocrab::Error>,
    timeout: Duration,
) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let mut take = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        bytes.len() <= MAX_ANSWER_BYTES
    };
    if pieces(body, timeout, &mut take).await? {
        return Ok(bytes);
    }
    Err(Trouble::Lost(format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20)))
}

/// Hands a body over piece by piece, as long as `take` wants more. Returns whether it came to its end.
pub(crate) async fn pieces(
    body: impl http_body::Body<Data = Bytes, Error = octocrab::Error>,
    timeout: Duration,
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, Trouble> {
    let mut body = std::pin::pin!(body);
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
        let frame = tokio::time::timeout(timeout, frame).await;
        match frame.map_err(|_| Trouble::Lost("the answer does not go on".to_owned()))? {
            None => return Ok(true),
            Some(Err(error)) => return Err(not_answered(&error)),
            Some(Ok(frame)) if take(frame.data_ref().map_or(&[][..], |it| &it[..])) => {}
            Some(Ok(_)) => return Ok(false),
        }
    }
}

/// What is wrong with an answer. Errors of the parser quote what they do not expect.
fn unreadable(error: &serde_json::Error) -> String {
    format!(
        "the answer is not the JSON that was expected: {}",
        UntrustedText::new(error.to_string()).escaped()
    )
}

/// What a status that is no success means.
pub(crate) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).map(UntrustedText::new);
    let reason = || status.canonical_reason().unwrap_or("no reason").to_owned();
    let said = UntrustedText::new(wire::message(body).unwrap_or_else(reason));
    let after = wait_asked_for(headers);
    let exhausted = text("x-ratelimit-remaining").is_some_and(|it| it.is("0"));
    let secondary = status == StatusCode::FORBIDDEN
        && (after.is_some() && (exhausted || headers.contains_key("retry-after"))
            || said.raw().to_ascii_lowercase().contains("rate limit"));
    if status == StatusCode::TOO_MANY_REQUESTS || secondary {
        let id = text("x-github-request-id").map_or(String::new(), |it| format!(" (request {})", it.raw()));
        return Trouble::Limited { after, said: UntrustedText::new(format!("{}{id}", said.raw())) };
    }
    let location = if status.is_redirection() { text("location") } else { None };
    let refused =
        Refused { status: status.as_u16(), said, request_id: text("x-github-request-id"), location };
    if status.is_server_error() { Trouble::Broken(refused) } else { Trouble::Answered(refused) }
}

/// How long a limit asks to wait: `Retry-After`, in seconds; else, where nothing is left, until the reset, counted
/// from the answer's own `Date`, because clocks differ.
fn wait_asked_for(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let date = headers.get("date").and_then(|it: &HeaderValue| it.to_str().ok());
    let now = u64::try_from(model::base::time::parse_http_date(date?)?).ok()?;
    Some(Duration::from_secs(number("x-ratelimit-reset")?.saturating_sub(now).saturating_add(1)))
}

/// The API's root, if it is one that a token may be sent to.
fn root(address: &str, with_token: bool) -> Result<Url, ForgeError> {
    let bad = |reason| ForgeError::Address { address: model::base::url::redact_userinfo(address), reason };
    let url = Url::parse(address).map_err(|_| bad("it is no URL"))?;
    let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
    let here = is_here(host);
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err(bad("it carries credentials")),
        "https" => Ok(url),
        "http" if here || !with_token => Ok(url),
        "http" => Err(bad("a token would travel in the clear; it must begin with https://")),
        _ => Err(bad("it must begin with https://")),
    }
}

/// Whether a host is this machine.
pub(crate) fn is_here(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}

/// The root of uploads for an API: `uploads.NAME` beside `api.NAME`, as on github.com, else the same host.
fn uploads_host(api: &Url) -> String {
    let mut uploads = api.clone();
    if let Some(name) = api.host_str().and_then(|it| it.strip_prefix("api.")) {
        let name = format!("uploads.{name}");
        // A host that was one before is one with another first label.
        uploads.set_host(Some(&name)).ok();
    }
    uploads.set_path("/");
    uploads.to_string().trim_end_matches('/').to_owned()
}
