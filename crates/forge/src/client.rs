//! The client: builds requests, sends them one at a time, and reads the responses.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use model::base::http::{RetryPolicy, Token};
use model::{RepoSlug, UntrustedText};
use octocrab::{OctoBody, Octocrab};
use serde::de::DeserializeOwned;
use transport::{
    BodyBytes, HttpClient, HttpObserver, HttpUrl, Recording, RequestError, ResponseHead, RetryMode,
    error_from_headers, is_connect_error, with_timeout,
};

use crate::error::{ForgeError, into_forge_error};
use crate::response;

/// The longest response that is read, in bytes. A page of 100 releases with 125,000 characters each is far below it.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct ForgeSettings {
    /// The root URL of the REST API, as in `https://api.github.com`.
    pub api_url: String,
    /// The repository, `OWNER/NAME`.
    pub slug: RepoSlug,
    /// The token. `None` for an anonymous client, which reads public data only.
    pub token: Option<Token>,
    /// The time-outs and retries.
    pub retry_policy: RetryPolicy,
}

/// A request to the API.
pub(crate) struct ApiRequest<'a> {
    pub(crate) method: &'a Method,
    /// The path and query of the URL, or a URL of the API.
    pub(crate) path: &'a str,
    /// The JSON document to send.
    pub(crate) body: Option<&'a serde_json::Value>,
}

/// A client for one repository on GitHub. Calls block.
pub struct Forge {
    pub(crate) http: HttpClient,
    pub(crate) octocrab: Octocrab,
    pub(crate) settings: ForgeSettings,
    /// The parsed root URL of the API.
    pub(crate) api: HttpUrl,
    /// The requests left in the rate limit, from the last response (`X-RateLimit-Remaining`).
    pub(crate) rate_limit_remaining: std::cell::Cell<Option<u32>>,
    /// The origin that assets may be uploaded to, in addition to that of the API.
    pub(crate) uploads_url: String,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Forge {
    /// Returns a client. No request is sent yet.
    ///
    /// # Errors
    /// [`ForgeError::InvalidUrl`] if the API URL is not valid, or if a token would be sent to it unencrypted;
    /// [`ForgeError::ClientSetup`] if the system's certificates or proxy settings cannot be read.
    pub fn connect(settings: ForgeSettings) -> Result<Self, ForgeError> {
        let api = parse_api_url(&settings.api_url, settings.token.is_some())?;
        let setup_error =
            |reason: String| ForgeError::ClientSetup { address: settings.api_url.clone(), reason };
        let http = HttpClient::new(settings.retry_policy).map_err(setup_error)?;
        let uploads_url = uploads_url(&api);
        let octocrab = http.enter(|| {
            // The base has no path: octocrab would also prepend it to upload URLs. `repo_path` adds it instead.
            let mut builder = Octocrab::builder().base_uri(api.origin())?.upload_uri(uploads_url.as_str())?;
            if let Some(token) = &settings.token {
                builder = builder.personal_token(token.secret().to_owned());
            }
            builder.build_with_reqwest(http.api_client())
        });
        let octocrab = octocrab.map_err(|error: octocrab::Error| setup_error(error.to_string()))?;
        let rate_limit_remaining = std::cell::Cell::new(None);
        Ok(Self { http, octocrab, settings, api, rate_limit_remaining, uploads_url })
    }

    /// Returns the client with a recording, which keeps its responses or replaces its requests.
    #[must_use]
    pub fn with_recording(self, recording: Option<Recording>) -> Self {
        Self { http: self.http.with_recording(recording), ..self }
    }

    /// Returns how many requests are left in the current hour. `None` before the first response, or if the last one did
    /// not report it.
    #[must_use]
    pub fn rate_limit_remaining(&self) -> Option<u32> {
        self.rate_limit_remaining.get()
    }

    /// Returns true if API requests carry a token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.settings.token.is_some()
    }

    /// Returns the URL path of a resource of the repository, including the path of the API, as in `/api/v3`.
    pub(crate) fn repo_path(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.api.path(), self.settings.slug.full_name())
    }

    /// Sends a GET request as [`Forge::request`] does.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        retry_mode: RetryMode,
        observer: HttpObserver<'_>,
    ) -> Result<(T, HeaderMap), ForgeError> {
        self.request(&ApiRequest { method: &Method::GET, path, body: None }, retry_mode, observer)
    }

    /// Sends a request, retries it as `retry_mode` allows, and returns the parsed body and the headers of the response.
    pub(crate) fn request<T: DeserializeOwned>(
        &self,
        request: &ApiRequest<'_>,
        retry_mode: RetryMode,
        observer: HttpObserver<'_>,
    ) -> Result<(T, HeaderMap), ForgeError> {
        let operation = format!("{} {}", request.method, request.path);
        if let Some(answer) = self.recorded(request) {
            return answer.and_then(parse_response).map_err(|error| into_forge_error(error, &operation));
        }
        let answer = self.http.retry(&operation, retry_mode, observer, &mut |_| self.send_once(request));
        answer.map_err(|error| into_forge_error(error, &operation))
    }

    /// Sends a request once and returns the parsed body and the headers of the response. The caller decides whether a
    /// failed request is sent again.
    fn send_once<T: DeserializeOwned>(
        &self,
        request: &ApiRequest<'_>,
    ) -> Result<(T, HeaderMap), RequestError> {
        let timeout = self.http.idle_timeout();
        let built = build_request(request)?;
        let response = self.http.send(0, async {
            let response = with_timeout(timeout, self.octocrab.send(built), &transport_error).await?;
            read_response(response, timeout, &self.rate_limit_remaining).await
        })?;
        let status = response.status;
        if *request.method == Method::GET && (status.is_success() || status == StatusCode::NOT_FOUND) {
            let link = response.headers.get("link").and_then(|it| it.to_str().ok()).map(str::to_owned);
            let head = ResponseHead { status: status.as_u16(), link, ..ResponseHead::default() };
            self.http.record(&self.url_of(request.path), head, &response.body)?;
        }
        parse_response(response)
    }

    /// Returns the recorded response to a request. `None` if the request must be sent.
    fn recorded(&self, request: &ApiRequest<'_>) -> Option<Result<ApiResponse, RequestError>> {
        if *request.method != Method::GET {
            return None;
        }
        let mut body = BodyBytes::default();
        let head = self.http.recorded(&self.url_of(request.path), MAX_RESPONSE_BYTES as u64, &mut body)?;
        Some(head.and_then(|head| {
            let invalid = |_| RequestError::NoResponse("the recorded status is not valid".to_owned());
            let status = StatusCode::from_u16(head.status).map_err(invalid)?;
            let mut headers = HeaderMap::new();
            if let Some(link) = head.link.and_then(|it| it.parse().ok()) {
                headers.insert("link", link);
            }
            Ok(ApiResponse { status, headers, body: body.bytes })
        }))
    }

    /// Returns the URL of a request.
    fn url_of(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.api.origin()) } else { path.to_owned() }
    }
}

/// A response of the API.
pub(crate) struct ApiResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Returns a request with the headers that GitHub requires. The API version is pinned (github.md F35).
fn build_request(request: &ApiRequest<'_>) -> Result<http::Request<OctoBody>, RequestError> {
    let builder = http::Request::builder()
        .method(request.method.clone())
        .uri(request.path)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28");
    let request = match request.body {
        Some(body) => {
            builder.header("content-type", "application/json").body(OctoBody::from(body.to_string()))
        }
        None => builder.body(OctoBody::empty()),
    };
    request.map_err(|error| RequestError::NotSent(error.to_string()))
}

/// Converts an error without a response. It is [`RequestError::NotSent`] if no connection was made, because the request
/// then had no effect, else [`RequestError::NoResponse`]. The message is that of the innermost cause.
pub(crate) fn transport_error(error: &octocrab::Error) -> RequestError {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    let mut connecting = false;
    while let Some(cause) = source {
        connecting |= is_connect_error(cause);
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.dedup();
    let message = causes.pop().unwrap_or_default();
    if connecting { RequestError::NotSent(message) } else { RequestError::NoResponse(message) }
}

/// Reads a response. Each response updates `rate_limit_remaining`.
pub(crate) async fn read_response(
    response: http::Response<impl http_body::Body<Data = Bytes, Error = octocrab::Error>>,
    timeout: Duration,
    rate_limit_remaining: &std::cell::Cell<Option<u32>>,
) -> Result<ApiResponse, RequestError> {
    let (parts, body) = response.into_parts();
    let number = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    rate_limit_remaining.set(number("x-ratelimit-remaining").and_then(|it| u32::try_from(it).ok()));
    let body = read_body(body, timeout).await?;
    Ok(ApiResponse { status: parts.status, headers: parts.headers, body })
}

/// Returns the parsed body and the headers of a response, or the error that it states.
pub(crate) fn parse_response<T: DeserializeOwned>(
    response: ApiResponse,
) -> Result<(T, HeaderMap), RequestError> {
    let ApiResponse { status, headers, body } = response;
    if status.is_success() {
        let body = if status == StatusCode::NO_CONTENT { b"null".to_vec() } else { body };
        let value = serde_json::from_slice(&body);
        return Ok((value.map_err(|error| RequestError::NoResponse(describe_json_error(&error)))?, headers));
    }
    let reason = || status.canonical_reason().unwrap_or("unknown status").to_owned();
    let message = UntrustedText::new(response::parse_error_message(&body).unwrap_or_else(reason));
    Err(error_from_headers(status.as_u16(), &headers, message))
}

/// Returns the body of a response, of at most [`MAX_RESPONSE_BYTES`].
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
    Err(RequestError::NoResponse(format!(
        "the response exceeds the limit of {} MiB",
        MAX_RESPONSE_BYTES >> 20
    )))
}

/// Passes each chunk of a body to `on_chunk` until that returns false. Returns true if the whole body was read.
/// `timeout` limits the wait for each chunk.
pub(crate) async fn for_each_chunk(
    body: impl http_body::Body<Data = Bytes, Error = octocrab::Error>,
    timeout: Duration,
    on_chunk: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, RequestError> {
    let mut body = std::pin::pin!(body);
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
        let frame = tokio::time::timeout(timeout, frame).await;
        match frame.map_err(|_| RequestError::NoResponse("the response stalled (time-out)".to_owned()))? {
            None => return Ok(true),
            Some(Err(error)) => return Err(transport_error(&error)),
            Some(Ok(frame)) if on_chunk(frame.data_ref().map_or(&[][..], |it| &it[..])) => {}
            Some(Ok(_)) => return Ok(false),
        }
    }
}

/// Returns why a response could not be parsed. The text is escaped, because serde quotes the input in its errors.
fn describe_json_error(error: &serde_json::Error) -> String {
    format!("the response is not the expected JSON: {}", UntrustedText::new(error.to_string()).escaped())
}

/// Parses the root URL of the API. Accepts https; http to this machine; and http to other hosts only without a token.
/// Credentials in the URL are an error: the token is the only credential of a client.
fn parse_api_url(api_url: &str, with_token: bool) -> Result<HttpUrl, ForgeError> {
    let invalid = |reason| ForgeError::InvalidUrl { url: model::base::url::redact_userinfo(api_url), reason };
    let url = HttpUrl::parse(api_url).ok_or_else(|| invalid("not a valid URL"))?;
    if url.host().is_none() {
        return Err(invalid("it has no host"));
    }
    if url.has_credentials() {
        return Err(invalid("it contains credentials"));
    }
    if url.is_https() || url.is_local_http() || url.is_http() && !with_token {
        return Ok(url);
    }
    if url.is_http() {
        return Err(invalid("expected https://, because a token must not be sent unencrypted"));
    }
    Err(invalid("expected https://"))
}

/// Returns the origin for uploads: `uploads.NAME` if the API's host is `api.NAME`, as on github.com, else the origin of
/// the API (github.md F1).
fn uploads_url(api: &HttpUrl) -> String {
    let name = api.host().and_then(|it| it.strip_prefix("api."));
    let uploads = name.and_then(|it| api.with_host(&format!("uploads.{it}")));
    uploads.as_ref().unwrap_or(api).origin()
}
