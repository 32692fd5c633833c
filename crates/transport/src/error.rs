//! Why a request failed, and so whether it may be sent again.

use std::time::Duration;

use model::UntrustedText;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// The failure of one request.
#[derive(Debug)]
pub enum RequestError {
    /// It was not sent.
    NotSent(String),
    /// It was sent, and its effect is unknown.
    NoResponse(String),
    /// The server failed (5xx), so its effect is unknown.
    Server(ErrorResponse),
    /// It was not carried out, and may be later.
    RateLimited {
        /// How long the server asks to wait; `None` if it does not say.
        retry_after: Option<Duration>,
        /// The server's message.
        message: UntrustedText,
    },
    /// The server refused it (3xx, 4xx).
    Client(ErrorResponse),
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct ErrorResponse {
    /// The HTTP status.
    pub status: u16,
    /// The server's message, or the standard words for the status.
    pub message: UntrustedText,
    /// The id under which GitHub's support finds the request.
    pub request_id: Option<UntrustedText>,
    /// The `Location` header of a redirect.
    pub location: Option<UntrustedText>,
}

impl RequestError {
    /// Whether the request may have taken effect.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::NoResponse(_) | Self::Server(_))
    }

    /// Whether the server refused it with this status.
    #[must_use]
    pub fn has_status(&self, status: u16) -> bool {
        matches!(self, Self::Client(response) if response.status == status)
    }

    /// The failure in a few words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::NotSent(message) | Self::NoResponse(message) => message.clone(),
            Self::RateLimited { message, .. } => format!("rate limit reached: {}", message.escaped()),
            Self::Server(response) | Self::Client(response) => {
                format!("{}: {}", response.status, response.message.escaped())
            }
        }
    }
}

/// The failure that a status and its headers mean, for hosts that only serve files. An answer with `Retry-After` is sent
/// again after that time, a busy host soon.
pub(crate) fn file_host_error(status: StatusCode, headers: &HeaderMap) -> RequestError {
    let message = UntrustedText::new(status.canonical_reason().unwrap_or("no reason"));
    if headers.contains_key("retry-after") {
        return error_from_headers(status.as_u16(), headers, message);
    }
    let response = ErrorResponse { status: status.as_u16(), message, request_id: None, location: None };
    let is_temporary = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if is_temporary { RequestError::Server(response) } else { RequestError::Client(response) }
}

/// The failure that a status, its headers and the server's message mean. GitHub's secondary limits come with status 403
/// (github/docs, `best-practices-for-using-the-rest-api`).
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

/// How long a limit asks to wait: `Retry-After`, in seconds; else, if no request is left, until the reset, counted from
/// the answer's own `Date`, because clocks differ.
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

/// Whether an error of the HTTP library means that no connection was made.
#[must_use]
pub fn is_connect_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
}
