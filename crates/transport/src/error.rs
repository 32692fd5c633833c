//! Why a request failed. The kind of failure decides whether it may be sent again.

use std::time::Duration;

use model::UntrustedText;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// The failure of one request.
#[derive(Debug)]
pub enum RequestError {
    /// The request was not sent, so it had no effect. The text is the cause.
    NotSent(String),
    /// The request was sent, but there is no complete response, so its effect is unknown. The text is the cause.
    NoResponse(String),
    /// The server failed (5xx), so the effect of the request is unknown.
    Server(ErrorResponse),
    /// Answers are read from a recording, which has no usable one, or the answer could not be recorded.
    NotRecorded(String),
    /// A rate limit stopped the request, so it had no effect. It may be sent again after the wait.
    RateLimited {
        /// The wait that the server asks for. `None` if it names no time.
        retry_after: Option<Duration>,
        /// The server's message, with the request id if there is one.
        message: UntrustedText,
    },
    /// The server refused the request (3xx, 4xx), so it had no effect.
    Client(ErrorResponse),
}

/// A response that is not a success (2xx).
#[derive(Debug)]
pub struct ErrorResponse {
    /// The HTTP status.
    pub status: u16,
    /// The server's message, or the reason phrase of the status (RFC 9110).
    pub message: UntrustedText,
    /// The id by which GitHub's support finds the request (`X-GitHub-Request-Id`).
    pub request_id: Option<UntrustedText>,
    /// The `Location` header of a redirect.
    pub location: Option<UntrustedText>,
}

impl RequestError {
    /// Returns true if the request may have taken effect although it failed.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::NoResponse(_) | Self::Server(_))
    }

    /// Returns true if the server refused the request with this status (3xx, 4xx).
    #[must_use]
    pub fn has_status(&self, status: u16) -> bool {
        matches!(self, Self::Client(response) if response.status == status)
    }

    /// Returns the failure in a few words. The server's message is escaped.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::NotSent(message) | Self::NoResponse(message) | Self::NotRecorded(message) => {
                message.clone()
            }
            Self::RateLimited { message, .. } => format!("rate limit reached: {}", message.escaped()),
            Self::Server(response) | Self::Client(response) => {
                format!("{}: {}", response.status, response.message.escaped())
            }
        }
    }
}

/// Returns the error for a status and headers of a host that only serves files. With `Retry-After` the request is
/// retried after that time; for 429 without it and for 5xx after the normal backoff, because the host is only busy.
pub(crate) fn file_host_error(status: StatusCode, headers: &HeaderMap) -> RequestError {
    let message = UntrustedText::new(status.canonical_reason().unwrap_or("unknown status"));
    if headers.contains_key("retry-after") {
        return error_from_headers(status.as_u16(), headers, message);
    }
    let response = ErrorResponse { status: status.as_u16(), message, request_id: None, location: None };
    let is_temporary = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if is_temporary { RequestError::Server(response) } else { RequestError::Client(response) }
}

/// Returns the error for the status, headers and message of an API response. GitHub's secondary rate limits have status
/// 403 (github/docs, `best-practices-for-using-the-rest-api`), so headers and message tell them from a missing
/// permission.
#[must_use]
pub fn error_from_headers(status: u16, headers: &HeaderMap, message: UntrustedText) -> RequestError {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).map(UntrustedText::new);
    let retry_after = parse_retry_after(headers);
    let is_exhausted = text("x-ratelimit-remaining").is_some_and(|it| it.is("0"));
    let is_secondary = status == 403
        && (retry_after.is_some() && (is_exhausted || headers.contains_key("retry-after"))
            || message.raw().to_ascii_lowercase().contains("rate limit"));
    if status == 429 || is_secondary {
        let id = text("x-github-request-id").map_or(String::new(), |it| format!(" (request {})", it.raw()));
        let message = UntrustedText::new(format!("{}{id}", message.raw()));
        return RequestError::RateLimited { retry_after, message };
    }
    let location = if (300..400).contains(&status) { text("location") } else { None };
    let response = ErrorResponse { status, message, request_id: text("x-github-request-id"), location };
    if status >= 500 { RequestError::Server(response) } else { RequestError::Client(response) }
}

/// Returns the wait that a rate limit asks for: `Retry-After` in seconds; else, if no request is left, the time until
/// `X-RateLimit-Reset`, plus one second. It is counted from the `Date` of the response, because the local clock may
/// differ. `None` if the headers name no time.
fn parse_retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let date = headers.get("date").and_then(|it| it.to_str().ok());
    let now = u64::try_from(model::base::time::parse_http_date(date?)?).ok()?;
    Some(Duration::from_secs(number("x-ratelimit-reset")?.saturating_sub(now).saturating_add(1)))
}

/// Returns true if an error of the HTTP library means that no connection was made.
#[must_use]
pub fn is_connect_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
}
