//! HTTP requests with a retry policy, time-outs, size limits, streaming, and events for an observer.
//!
//! This crate will not know what a host serves, decide what a response means for a release, follow a redirect with
//! credentials, or read a body without a limit. Calls block.
//!
//! ```
//! use transport::HttpUrl;
//!
//! let api = HttpUrl::parse("https://api.github.com/repos").expect("a valid URL");
//! assert!(api.is_https() && !api.has_credentials());
//! let page = HttpUrl::parse("https://example.com/repos?page=2").expect("a valid URL");
//! assert!(!api.is_same_origin(&page), "the token must not go there");
//! ```

mod body;
mod client;
mod error;
mod event;
mod recording;
mod retry;
mod url;

pub use body::{BodyBytes, BodySink};
pub use client::{DownloadPolicy, HttpClient, Redirects};
pub use error::{ErrorResponse, RequestError, error_from_headers, is_connect_error};
pub use event::HttpObserver;
pub use recording::{RecordedResponse, Recording, ResponseHead, ResponseStore, ResponseWriter};
pub use retry::{RetryMode, with_timeout};
pub use url::HttpUrl;
