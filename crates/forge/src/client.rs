//! Requests, one at a time, and what came of each.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use model::{RepoSlug, UntrustedText};
use octocrab::{OctoBody, Octocrab};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::error::{ErrorResponse, RequestError};
use crate::{ForgeError, HttpEvent, HttpObserver, RetryPolicy, Token, response};

/// The longest answer that is read, in bytes: a page of a hundred releases with long notes stays far below.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// How GitHub is talked to.
#[derive(Debug, Clone)]
pub struct ForgeSettings {
    /// The root of the REST API, as in `https://api.github.com`.
    pub api_url: String,
    /// The repository.
    pub slug: RepoSlug,
    /// The token; none to see what anybody sees.
    pub token: Option<Token>,
    /// The limits of patience.
    pub retry_policy: RetryPolicy,
}

/// A repository on GitHub. Blocks while it waits.
pub struct Forge {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) octocrab: Octocrab,
    /// Downloads, without credentials.
    pub(crate) download_client: reqwest::Client,
    /// The same, without going where a redirect leads.
    pub(crate) no_redirect_client: reqwest::Client,
    pub(crate) settings: ForgeSettings,
    /// What the last answer said of the rate limit.
    pub(crate) rate_limit_remaining: std::cell::Cell<Option<u32>>,
    /// The host that assets may be sent to, beside the API's own.
    pub(crate) uploads_url: String,
    /// The path of the API's root: empty, or as in `/api/v3`.
    api_path: String,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// When a request may be sent again without knowing what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryMode {
    /// Always: it says how things are to be, or only asks.
    Idempotent,
    /// The same, and what is not found may not be there yet (github.md F29).
    UntilVisible,
    /// Only if it was certainly not carried out: it makes something new.
    Never,
}

impl Forge {
    /// A client. Nobody is talked to yet.
    ///
    /// # Errors
    /// [`ForgeError::Address`] for an address that is none, or that a token would travel to in the clear;
    /// [`ForgeError::Client`] where the system's certificates or proxies cannot be read.
    pub fn connect(settings: ForgeSettings) -> Result<Self, ForgeError> {
        let api = parse_api_url(&settings.api_url, settings.token.is_some())?;
        let setup_error = |error: &dyn std::fmt::Display| ForgeError::ClientSetup {
            address: settings.api_url.clone(),
            reason: error.to_string(),
        };
        let client = || reqwest::Client::builder().connect_timeout(settings.retry_policy.idle_timeout);
        let api_client =
            client().redirect(reqwest::redirect::Policy::none()).build().map_err(|it| setup_error(&it))?;
        let download_client = client().build().map_err(|it| setup_error(&it))?;
        let no_redirect_client = client().redirect(reqwest::redirect::Policy::none());
        let no_redirect_client = no_redirect_client.build().map_err(|it| setup_error(&it))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|it| setup_error(&it))?;
        let runtime_guard = runtime.enter();
        let uploads_url = uploads_url(&api);
        let api_path = api.path().trim_end_matches('/').to_owned();
        // Octocrab would put the path of its base before the addresses of uploads too.
        let origin = api.origin().ascii_serialization();
        let mut builder = Octocrab::builder().base_uri(origin).map_err(|it| setup_error(&it))?;
        builder = builder.upload_uri(uploads_url.as_str()).map_err(|it| setup_error(&it))?;
        if let Some(token) = &settings.token {
            builder = builder.personal_token(token.secret().to_owned());
        }
        let octocrab = builder.build_with_reqwest(api_client).map_err(|it| setup_error(&it))?;
        drop(runtime_guard);
        Ok(Self {
            runtime,
            octocrab,
            download_client,
            no_redirect_client,
            settings,
            rate_limit_remaining: std::cell::Cell::new(None),
            uploads_url,
            api_path,
        })
    }

    /// How many requests are left in this hour, as the last answer said.
    #[must_use]
    pub fn rate_limit_remaining(&self) -> Option<u32> {
        self.rate_limit_remaining.get()
    }

    /// Whether requests carry a token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.settings.token.is_some()
    }

    /// The address of something below the repository.
    pub(crate) fn repo_path(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.api_path, self.settings.slug.full_name())
    }

    /// Sends a request until it is answered, and reads the answer.
    pub(crate) fn request<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
        (repeat, observer): (RetryMode, HttpObserver<'_>),
    ) -> Result<(T, HeaderMap), ForgeError> {
        let operation = format!("{method} {path}");
        let mut attempt = 0;
        loop {
            let error = match self.send_once(method, path, body) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let may_become_visible =
                matches!(&error, RequestError::Client(response) if response.status == 404);
            let wait = match repeat {
                RetryMode::Never if error.is_ambiguous() => None,
                RetryMode::UntilVisible if may_become_visible => self.settings.retry_policy.backoff(attempt),
                _ => self.settings.retry_policy.delay_after(attempt, &error),
            };
            let Some(wait) = wait else { return Err(error.into_forge_error(&operation)) };
            self.wait_before_retry(&operation, &error.reason(), wait, observer);
            attempt += 1;
        }
    }

    /// Waits, and says why.
    pub(crate) fn wait_before_retry(
        &self,
        operation: &str,
        reason: &str,
        wait: Duration,
        observer: HttpObserver<'_>,
    ) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        observer(HttpEvent::Retrying {
            operation: operation.to_owned(),
            reason: reason.to_owned(),
            wait_ms: millis,
        });
        self.runtime.block_on(async { tokio::time::sleep(wait).await });
    }

    /// Sends a request once, and reads the answer.
    pub(crate) fn send_once<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<(T, HeaderMap), RequestError> {
        let request = build_request(method, path, body)?;
        let retry_policy = &self.settings.retry_policy;
        let timeout = retry_policy.idle_timeout;
        self.runtime.block_on(retry_policy.with_total_timeout(0, async {
            let sent = octocrab_with_timeout(timeout, self.octocrab.send(request)).await?;
            read_response(sent, timeout, &self.rate_limit_remaining).await
        }))
    }
}

/// A request with the headers that GitHub wants. The version is pinned (github.md F35).
fn build_request(
    method: &Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<http::Request<OctoBody>, RequestError> {
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
    request.map_err(|error| RequestError::NotSent(error.to_string()))
}

/// What comes of a request within a time.
pub(crate) async fn octocrab_with_timeout<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, octocrab::Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(timeout, future).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(transport_error(&error)),
        Err(_) => Err(RequestError::NoResponse(format!("nothing came for {} s", timeout.as_secs_f32()))),
    }
}

/// A request that got no answer: whether it left is what counts.
pub(crate) fn transport_error(error: &octocrab::Error) -> RequestError {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    let mut connecting = false;
    while let Some(cause) = source {
        connecting |= cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.dedup();
    let message = causes.pop().unwrap_or_default();
    if connecting { RequestError::NotSent(message) } else { RequestError::NoResponse(message) }
}

/// Reads an answer to its end.
pub(crate) async fn read_response<T: DeserializeOwned>(
    response: http::Response<impl http_body::Body<Data = Bytes, Error = octocrab::Error>>,
    timeout: Duration,
    rate_limit_remaining: &std::cell::Cell<Option<u32>>,
) -> Result<(T, HeaderMap), RequestError> {
    let (parts, body) = response.into_parts();
    let number = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    rate_limit_remaining.set(number("x-ratelimit-remaining").and_then(|it| u32::try_from(it).ok()));
    let bytes = read_body(body, timeout).await?;
    if parts.status.is_success() {
        let bytes = if parts.status == StatusCode::NO_CONTENT { b"null".to_vec() } else { bytes };
        let value = serde_json::from_slice(&bytes);
        return Ok((
            value.map_err(|error| RequestError::NoResponse(describe_json_error(&error)))?,
            parts.headers,
        ));
    }
    Err(error_from_response(parts.status, &parts.headers, &bytes))
}

/// The bytes of an answer.
async fn read_body(
    body: impl http_body::Body<Data = Bytes, Error = octocrab::Error>,
    timeout: Duration,
) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    let mut on_chunk = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        bytes.len() <= MAX_RESPONSE_BYTES
    };
    if for_each_chunk(body, timeout, &mut on_chunk).await? {
        return Ok(bytes);
    }
    Err(RequestError::NoResponse(format!("the answer is longer than {} MiB", MAX_RESPONSE_BYTES >> 20)))
}

/// Hands a body over piece by piece, as long as `take` wants more. Returns whether it came to its end.
pub(crate) async fn for_each_chunk(
    body: impl http_body::Body<Data = Bytes, Error = octocrab::Error>,
    timeout: Duration,
    on_chunk: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, RequestError> {
    let mut body = std::pin::pin!(body);
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
        let frame = tokio::time::timeout(timeout, frame).await;
        match frame.map_err(|_| RequestError::NoResponse("the answer does not go on".to_owned()))? {
            None => return Ok(true),
            Some(Err(error)) => return Err(transport_error(&error)),
            Some(Ok(frame)) if on_chunk(frame.data_ref().map_or(&[][..], |it| &it[..])) => {}
            Some(Ok(_)) => return Ok(false),
        }
    }
}

/// What is wrong with an answer. Errors of the parser quote what they do not expect.
fn describe_json_error(error: &serde_json::Error) -> String {
    format!(
        "the answer is not the JSON that was expected: {}",
        UntrustedText::new(error.to_string()).escaped()
    )
}

/// What a status that is no success means.
pub(crate) fn error_from_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> RequestError {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).map(UntrustedText::new);
    let reason = || status.canonical_reason().unwrap_or("no reason").to_owned();
    let message = UntrustedText::new(response::parse_error_message(body).unwrap_or_else(reason));
    let retry_after = parse_retry_after(headers);
    let exhausted = text("x-ratelimit-remaining").is_some_and(|it| it.is("0"));
    let secondary = status == StatusCode::FORBIDDEN
        && (retry_after.is_some() && (exhausted || headers.contains_key("retry-after"))
            || message.raw().to_ascii_lowercase().contains("rate limit"));
    if status == StatusCode::TOO_MANY_REQUESTS || secondary {
        let id = text("x-github-request-id").map_or(String::new(), |it| format!(" (request {})", it.raw()));
        return RequestError::RateLimited {
            retry_after,
            message: UntrustedText::new(format!("{}{id}", message.raw())),
        };
    }
    let location = if status.is_redirection() { text("location") } else { None };
    let response =
        ErrorResponse { status: status.as_u16(), message, request_id: text("x-github-request-id"), location };
    if status.is_server_error() { RequestError::Server(response) } else { RequestError::Client(response) }
}

/// How long a limit asks to wait: `Retry-After`, in seconds; else, where nothing is left, until the reset, counted
/// from the answer's own `Date`, because clocks differ.
fn parse_retry_after(headers: &HeaderMap) -> Option<Duration> {
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
fn parse_api_url(api_url: &str, with_token: bool) -> Result<Url, ForgeError> {
    let invalid = |reason| ForgeError::InvalidUrl { url: model::base::url::redact_userinfo(api_url), reason };
    let url = Url::parse(api_url).map_err(|_| invalid("it is no URL"))?;
    let host = url.host_str().ok_or_else(|| invalid("it names no host"))?;
    let is_local = is_loopback(host);
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err(invalid("it carries credentials")),
        "https" => Ok(url),
        "http" if is_local || !with_token => Ok(url),
        "http" => Err(invalid("a token would travel in the clear; it must begin with https://")),
        _ => Err(invalid("it must begin with https://")),
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}

/// The root of uploads for an API: `uploads.NAME` beside `api.NAME`, as on github.com, else the same host.
fn uploads_url(api: &Url) -> String {
    let mut uploads = api.clone();
    if let Some(name) = api.host_str().and_then(|it| it.strip_prefix("api.")) {
        let name = format!("uploads.{name}");
        // A host that was one before is one with another first label.
        uploads.set_host(Some(&name)).ok();
    }
    uploads.set_path("/");
    uploads.to_string().trim_end_matches('/').to_owned()
}
