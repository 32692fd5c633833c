//! The HTTP client: sends requests within limits, retries them, and downloads files without credentials.

use std::future::Future;
use std::time::Duration;

use model::UntrustedText;
use model::base::http::{HttpEvent, RetryPolicy};
use model::base::url::redact_userinfo;

use crate::body::BodySink;
use crate::error::{RequestError, file_host_error};
use crate::event::HttpObserver;
use crate::recording::{Recording, RecordingSink, ResponseHead, recorded_error};
use crate::retry::{self, RetryMode, with_timeout};

/// The name of the suite in requests. Registries ask clients for one, so that they can contact their authors.
const USER_AGENT: &str = concat!("opensandbox-release/", env!("CARGO_PKG_VERSION"));
/// The part of a body that must arrive at the slowest accepted rate, in bytes. A body that drips ends with its first part.
const PART_BYTES: u64 = 1 << 20;
/// The most redirects that a download follows.
const MAX_REDIRECTS: usize = 10;

/// An HTTP client with a retry policy. Its calls block on a runtime of its own, so callers need none.
#[derive(Debug)]
pub struct HttpClient {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    no_redirect_client: reqwest::Client,
    retry_policy: RetryPolicy,
    recording: Option<Recording>,
}

/// Whether a download follows redirects (HTTP status 3xx).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Follow them to any host. Safe only because a download carries no credentials.
    Follow,
    /// Treat a redirect as an error.
    Refuse,
}

/// The headers and the limits of a download: its length, its redirects and its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadPolicy {
    /// Further headers of the request, each with its name and value. None of them is a credential.
    pub headers: &'static [(&'static str, &'static str)],
    /// The longest body, in bytes. Reading ends with the first chunk beyond it.
    pub max_bytes: u64,
    /// Whether redirects are followed.
    pub redirects: Redirects,
    /// When a failed request is sent again.
    pub retry_mode: RetryMode,
}

impl HttpClient {
    /// Returns a client. No connection is made yet.
    ///
    /// # Errors
    /// The message of the library if the system's certificates or proxy settings cannot be read.
    pub fn new(retry_policy: RetryPolicy) -> Result<Self, String> {
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(retry_policy.idle_timeout)
                .user_agent(USER_AGENT)
                .referer(false)
        };
        let client = builder().redirect(reqwest::redirect::Policy::custom(check_redirect)).build();
        let client = client.map_err(|error| error.to_string())?;
        let no_redirect_client = builder().redirect(reqwest::redirect::Policy::none()).build();
        let no_redirect_client = no_redirect_client.map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        Ok(Self { runtime, client, no_redirect_client, retry_policy, recording: None })
    }

    /// Returns the client with a recording, which keeps its responses or replaces its requests.
    #[must_use]
    pub fn with_recording(self, recording: Option<Recording>) -> Self {
        Self { recording, ..self }
    }

    /// Passes the recorded body of a URL to a sink, and returns its head. `None` if the request must be sent.
    pub fn recorded(
        &self,
        url: &str,
        max_bytes: u64,
        sink: &mut dyn BodySink,
    ) -> Option<Result<ResponseHead, RequestError>> {
        let found = self.recording.as_ref()?.find(url, max_bytes, sink)?;
        Some(found.map(|(head, _)| head))
    }

    /// Keeps a response of another library, if the client has a recording. Requests with an effect are not kept.
    ///
    /// # Errors
    /// [`RequestError::NotRecorded`] if it cannot be written.
    pub fn record(&self, url: &str, head: ResponseHead, body: &[u8]) -> Result<(), RequestError> {
        self.recording.as_ref().map_or(Ok(()), |it| it.keep(url, head, body))
    }

    /// Returns the client that follows no redirects, for an API library. Credentials that the library adds are then
    /// sent to its host only.
    #[must_use]
    pub fn api_client(&self) -> reqwest::Client {
        self.no_redirect_client.clone()
    }

    /// Returns the idle time-out: the longest time without progress on a connection.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.retry_policy.idle_timeout
    }

    /// Returns the wait before a state that may change soon is read again. `None` after the last attempt. `attempt`
    /// counts from 0.
    #[must_use]
    pub fn backoff(&self, attempt: u32) -> Option<Duration> {
        retry::backoff(&self.retry_policy, attempt)
    }

    /// Returns the wait before a failed request is sent again. `None` if it must not be, or after the last attempt.
    /// `attempt` counts from 0.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, mode: RetryMode, error: &RequestError) -> Option<Duration> {
        retry::wait_after(&self.retry_policy, attempt, mode, error)
    }

    /// Waits for a request that transfers at most `bytes`, and returns its value. The total time-out grows with
    /// `bytes`.
    ///
    /// # Errors
    /// [`RequestError::NoResponse`] if it takes longer, else the error of the request.
    pub fn send<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        self.runtime.block_on(retry::with_total_timeout(&self.retry_policy, bytes, request))
    }

    /// Runs `setup` inside the runtime and returns its value, for libraries that need a runtime while they are set up.
    pub fn enter<T>(&self, setup: impl FnOnce() -> T) -> T {
        let guard = self.runtime.enter();
        let value = setup();
        drop(guard);
        value
    }

    /// Sends a request until it succeeds, and returns its value. Gives up if the error is final, or after the last
    /// attempt of the retry policy. The observer gets an event before each wait.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub fn retry<T>(
        &self,
        operation: &str,
        mode: RetryMode,
        observer: HttpObserver<'_>,
        send: &mut dyn FnMut(HttpObserver<'_>) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let mut attempt = 0;
        loop {
            let error = match send(observer) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(wait) = self.wait_after(attempt, mode, &error) else { return Err(error) };
            self.wait(operation, &error.reason(), wait, observer);
            attempt += 1;
        }
    }

    /// Reports the reason for a retry to the observer, then waits.
    pub fn wait(&self, operation: &str, reason: &str, wait: Duration, observer: HttpObserver<'_>) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let (operation, reason) = (operation.to_owned(), reason.to_owned());
        observer(HttpEvent::Retrying { operation, reason, wait_ms });
        self.runtime.block_on(async { tokio::time::sleep(wait).await });
    }

    /// Downloads a file into a sink and returns its length in bytes. A length above `max_bytes` means that the file is
    /// too long and was not read to its end.
    ///
    /// # Errors
    /// The error of the last attempt. A body that is shorter than its `Content-Length` is [`RequestError::NoResponse`].
    pub fn download(
        &self,
        url: &str,
        policy: DownloadPolicy,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, RequestError> {
        let key = request_key(url, policy.headers);
        let found = self.recording.as_ref().and_then(|it| it.find(&key, policy.max_bytes, sink));
        if let Some(found) = found {
            let (head, length) = found?;
            return if head.is_success() { Ok(length) } else { Err(recorded_error(&head)) };
        }
        let operation = format!("GET {}", UntrustedText::new(redact_userinfo(url)).escaped());
        let operation = operation.split('?').next().unwrap_or_default();
        let mut sink = RecordingSink::new(sink, self.recording.as_ref(), (url, &key));
        let answer = self.retry(operation, policy.retry_mode, observer, &mut |_| {
            let attempt = self.download_once(url, policy, &mut sink);
            self.send(policy.max_bytes, attempt)
        });
        match &answer {
            Ok(length) if *length <= policy.max_bytes => sink.finish()?,
            Err(RequestError::Client(response)) if matches!(response.status, 404 | 410) => {
                self.record(&key, ResponseHead { status: response.status, ..ResponseHead::default() }, &[])?;
            }
            Ok(_) | Err(_) => {}
        }
        answer
    }

    /// Sends the request of a download once and passes the body to the sink.
    async fn download_once(
        &self,
        url: &str,
        policy: DownloadPolicy,
        sink: &mut dyn BodySink,
    ) -> Result<u64, RequestError> {
        let client = match policy.redirects {
            Redirects::Follow => &self.client,
            Redirects::Refuse => &self.no_redirect_client,
        };
        let timeout = self.retry_policy.idle_timeout;
        let mut request = client.get(url);
        for (name, value) in policy.headers {
            request = request.header(*name, *value);
        }
        let mut response = with_timeout(timeout, request.send(), &failure).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(file_host_error(status, response.headers()));
        }
        let announced = response.content_length();
        sink.restart(response.url().as_str());
        let mut length = 0;
        loop {
            // Each part has its own time-out: that of the whole body, which may be as long as the limit, takes hours.
            let part = read_part(&mut response, timeout, (length, policy.max_bytes), sink);
            let (new_length, has_ended) =
                retry::with_total_timeout(&self.retry_policy, PART_BYTES, part).await?;
            length = new_length;
            match announced {
                _ if length > policy.max_bytes => return Ok(length),
                _ if !has_ended => {}
                Some(announced) if announced != length => {
                    return Err(RequestError::NoResponse(format!("received {length} of {announced} bytes")));
                }
                _ => return Ok(length),
            }
        }
    }
}

/// Returns the name of a request in a recording: its URL, and the headers on which the answer may depend.
fn request_key(url: &str, headers: &[(&str, &str)]) -> String {
    let headers = headers.iter().map(|(name, value)| format!(" {name}: {value}"));
    std::iter::once(url.to_owned()).chain(headers).collect()
}

/// Passes the next [`PART_BYTES`] of a body to a sink, or what is left. Returns the length so far, which may be above the
/// limit, and whether the body has ended.
async fn read_part(
    response: &mut reqwest::Response,
    timeout: Duration,
    (mut length, max_bytes): (u64, u64),
    sink: &mut dyn BodySink,
) -> Result<(u64, bool), RequestError> {
    let end = length.saturating_add(PART_BYTES).min(max_bytes);
    while length <= end {
        let Some(chunk) = with_timeout(timeout, response.chunk(), &failure).await? else {
            return Ok((length, true));
        };
        length += chunk.len() as u64;
        sink.write_chunk(&chunk);
    }
    Ok((length, false))
}

/// Follows a redirect, unless it leads from https to an unencrypted URL or is the eleventh in a row.
fn check_redirect(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let was_encrypted = attempt.previous().iter().any(|it| it.scheme() == "https");
    if was_encrypted && attempt.url().scheme() != "https" {
        return attempt.error("a redirect leads from https to an unencrypted URL");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

/// Returns the error of a request without a response, with the message of the innermost cause: reqwest's own message
/// states only that sending failed. A download has no effect on the server, so all of these errors may be retried.
fn failure(error: &reqwest::Error) -> RequestError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    RequestError::NoResponse(cause.to_string())
}
