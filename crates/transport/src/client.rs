//! Downloads without credentials, within limits.

use std::future::Future;
use std::time::Duration;

use model::UntrustedText;
use model::base::http::{HttpEvent, RetryPolicy};
use model::base::url::redact_userinfo;

use crate::error::{RequestError, file_host_error};
use crate::event::HttpObserver;
use crate::retry::{self, RetryMode, with_timeout};

/// The clients of a host and the runtime that they block on.
#[derive(Debug)]
pub struct HttpClient {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    no_redirect_client: reqwest::Client,
    retry_policy: RetryPolicy,
}

/// Whether a download follows redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// To any host.
    Follow,
    /// A redirect is an error.
    Refuse,
}

/// What a download may read, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadPolicy {
    /// The longest body in bytes. Reading ends with the chunk that goes beyond.
    pub max_bytes: u64,
    /// Whether redirects are followed.
    pub redirects: Redirects,
    /// When the request is sent again.
    pub retry_mode: RetryMode,
}

/// Receives the bytes of a body.
pub trait BodySink {
    /// Drops what it has: an attempt begins.
    fn restart(&mut self);
    /// Takes the next chunk.
    fn write_chunk(&mut self, chunk: &[u8]);
}

impl HttpClient {
    /// A client. Connects to nothing yet.
    ///
    /// # Errors
    /// The message of the library if the system's certificates or proxy settings cannot be read.
    pub fn new(retry_policy: RetryPolicy) -> Result<Self, String> {
        let builder = || reqwest::Client::builder().connect_timeout(retry_policy.idle_timeout);
        let client = builder().build().map_err(|error| error.to_string())?;
        let no_redirect_client = builder().redirect(reqwest::redirect::Policy::none()).build();
        let no_redirect_client = no_redirect_client.map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        Ok(Self { runtime, client, no_redirect_client, retry_policy })
    }

    /// The client that follows no redirect, for an API library. Credentials that the library adds stay with its host.
    #[must_use]
    pub fn api_client(&self) -> reqwest::Client {
        self.no_redirect_client.clone()
    }

    /// The longest time without progress on a connection.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.retry_policy.idle_timeout
    }

    /// The wait before a state that may change soon is read again. Returns `None` after the last attempt.
    #[must_use]
    pub fn backoff(&self, attempt: u32) -> Option<Duration> {
        retry::backoff(&self.retry_policy, attempt)
    }

    /// The wait before the next attempt of a request. Returns `None` if it must not be sent again.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, mode: RetryMode, error: &RequestError) -> Option<Duration> {
        retry::wait_after(&self.retry_policy, attempt, mode, error)
    }

    /// Waits for a request that moves at most `bytes`, within its total time-out.
    ///
    /// # Errors
    /// [`RequestError::NoResponse`] if it takes longer, else its own failure.
    pub fn send<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        self.runtime.block_on(retry::with_total_timeout(&self.retry_policy, bytes, request))
    }

    /// Enters the runtime, for libraries that need one while they are set up.
    pub fn enter<T>(&self, setup: impl FnOnce() -> T) -> T {
        let guard = self.runtime.enter();
        let value = setup();
        drop(guard);
        value
    }

    /// Sends a request until it succeeds, fails for good, or the retry policy ends.
    ///
    /// # Errors
    /// The failure of the last attempt.
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

    /// Waits before another attempt, and reports why.
    pub fn wait(&self, operation: &str, reason: &str, wait: Duration, observer: HttpObserver<'_>) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let (operation, reason) = (operation.to_owned(), reason.to_owned());
        observer(HttpEvent::Retrying { operation, reason, wait_ms });
        self.runtime.block_on(async { tokio::time::sleep(wait).await });
    }

    /// Downloads a file into a sink and returns its length in bytes. A length beyond the limit means that the file is
    /// too long and was not read to its end.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub fn download(
        &self,
        url: &str,
        policy: DownloadPolicy,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, RequestError> {
        let operation = format!("GET {}", UntrustedText::new(redact_userinfo(url)).escaped());
        let operation = operation.split('?').next().unwrap_or_default();
        self.retry(operation, policy.retry_mode, observer, &mut |_| {
            let attempt = self.download_once(url, policy, sink);
            self.send(policy.max_bytes, attempt)
        })
    }

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
        let mut response = with_timeout(timeout, client.get(url).send(), &failure).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(file_host_error(status, response.headers()));
        }
        let announced = response.content_length();
        sink.restart();
        let mut length = 0;
        while let Some(chunk) = with_timeout(timeout, response.chunk(), &failure).await? {
            length += chunk.len() as u64;
            sink.write_chunk(&chunk);
            if length > policy.max_bytes {
                return Ok(length);
            }
        }
        match announced {
            Some(announced) if announced != length => {
                Err(RequestError::NoResponse(format!("received {length} of {announced} bytes")))
            }
            _ => Ok(length),
        }
    }
}

fn failure(error: &reqwest::Error) -> RequestError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    RequestError::NoResponse(cause.to_string())
}
