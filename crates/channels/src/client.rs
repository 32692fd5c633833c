//! Requests to a registry: documents within limits, and files into a sink.

use model::UntrustedText;
use model::base::http::RetryPolicy;
use model::base::url::redact_url;
use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::package::registry::{Registry, RegistryKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use transport::{
    BodyBytes, BodySink, DownloadPolicy, HttpClient, HttpObserver, HttpUrl, Recording, Redirects,
    RequestError, RetryMode,
};

/// The longest file that is downloaded, in bytes: the limit of the reader of packages.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The header that keeps a Go module proxy from fetching what it does not have (<https://proxy.golang.org>, "FAQ").
pub(crate) const PROXY_HEADERS: &[(&str, &str)] = &[("disable-module-fetch", "true")];

/// The answer to a request: what was found, `None` if the registry answered that it does not exist, or why there is no
/// usable answer.
pub(crate) type Answer<T> = Result<Option<T>, Unavailable>;

/// The most versions of a package that are read.
pub(crate) const MAX_VERSIONS: usize = 5000;

/// A client of package registries. Calls block.
#[derive(Debug)]
pub struct RegistryClient {
    http: HttpClient,
}

/// A request for a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentRequest<'a> {
    pub(crate) url: &'a str,
    /// The address of the registry: a URL in its answers may be unencrypted only if this one is, too.
    pub(crate) index: &'a str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The longest document, in bytes.
    pub(crate) max_bytes: u64,
}

impl<'a> DocumentRequest<'a> {
    /// Returns a request without headers for a document of a registry.
    pub(crate) fn new(url: &'a str, registry: &'a Registry, max_bytes: u64) -> Self {
        Self { url, index: registry.url(), headers: &[], max_bytes }
    }

    /// Returns the request with these headers.
    pub(crate) fn with_headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }
}

impl RegistryClient {
    /// Returns a client. No request is sent yet.
    ///
    /// # Errors
    /// The message of the library if the system's certificates or proxy settings cannot be read.
    pub fn new(retry_policy: RetryPolicy) -> Result<Self, String> {
        Ok(Self { http: HttpClient::new(retry_policy)? })
    }

    /// Returns the client with a recording, which keeps its responses or replaces its requests.
    #[must_use]
    pub fn with_recording(self, recording: Option<Recording>) -> Self {
        Self { http: self.http.with_recording(recording) }
    }

    /// Fetches a document. A status of 404 or 410 means that it is absent.
    pub(crate) fn document(
        &self,
        request: DocumentRequest<'_>,
        observer: HttpObserver<'_>,
    ) -> Answer<Vec<u8>> {
        Ok(self.located_document(request, observer)?.map(|it| it.bytes))
    }

    /// Fetches a document, and the URL that it comes from, after redirects. A status of 404 or 410 means that it is absent.
    pub(crate) fn located_document(
        &self,
        request: DocumentRequest<'_>,
        observer: HttpObserver<'_>,
    ) -> Answer<BodyBytes> {
        check_url(request.url, request.index)?;
        let policy = DownloadPolicy {
            headers: request.headers,
            max_bytes: request.max_bytes,
            redirects: Redirects::Follow,
            retry_mode: RetryMode::Idempotent,
        };
        let mut body = BodyBytes::default();
        match self.http.download(request.url, policy, &mut body, observer) {
            Ok(length) if length > request.max_bytes => {
                Err(too_large(request.url, &format!("longer than {} KiB", request.max_bytes >> 10)))
            }
            Ok(_) => Ok(Some(body)),
            Err(error) if error.has_status(404) || error.has_status(410) => Ok(None),
            Err(error) => Err(failed_request(request.url, &error)),
        }
    }

    /// Fetches a document in UTF-8.
    pub(crate) fn text(&self, request: DocumentRequest<'_>, observer: HttpObserver<'_>) -> Answer<String> {
        let bytes = self.document(request, observer)?;
        let not_utf8 = |_| invalid(request.url, "not UTF-8");
        bytes.map(|it| String::from_utf8(it).map_err(not_utf8)).transpose()
    }

    /// Fetches a JSON document.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        request: DocumentRequest<'_>,
        observer: HttpObserver<'_>,
    ) -> Answer<T> {
        let bytes = self.document(request, observer)?;
        bytes.map(|it| parse_json(request.url, &it)).transpose()
    }

    /// Downloads a file that a registry lists into a sink, and returns its length in bytes.
    ///
    /// # Errors
    /// [`Unavailable`] if the address is not acceptable, the request failed, or the file is longer than `max_bytes` or
    /// 1 GiB.
    pub fn download(
        &self,
        registry: &Registry,
        (url, max_bytes): (&str, u64),
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, Unavailable> {
        check_url(url, registry.url())?;
        let policy = DownloadPolicy {
            headers: if registry.kind == RegistryKind::Go { PROXY_HEADERS } else { &[] },
            max_bytes: max_bytes.min(MAX_FILE_BYTES),
            redirects: Redirects::Follow,
            retry_mode: RetryMode::Idempotent,
        };
        match self.http.download(url, policy, sink, observer) {
            Ok(length) if length > policy.max_bytes => {
                Err(too_large(url, &format!("longer than {} KiB", policy.max_bytes >> 10)))
            }
            Ok(length) => Ok(length),
            Err(error) => Err(failed_request(url, &error)),
        }
    }
}

/// Accepts an https URL. An http URL is accepted only if both it and the registry are on this machine.
fn check_url(url: &str, index: &str) -> Result<(), Unavailable> {
    let refused = |reason| Err(invalid(url, reason));
    let Some(parsed) = HttpUrl::parse(url) else { return refused("not a valid URL") };
    let is_local = parsed.is_local_http() && HttpUrl::parse(index).is_some_and(|it| it.is_local_http());
    if parsed.is_https() || is_local { Ok(()) } else { refused("expected an https URL") }
}

/// Parses a JSON document of a registry. It may borrow from the bytes.
pub(crate) fn parse_json<'a, T: Deserialize<'a>>(url: &str, bytes: &'a [u8]) -> Result<T, Unavailable> {
    serde_json::from_slice(bytes).map_err(|error| invalid(url, &format!("not the expected JSON: {error}")))
}

/// Fails if a registry lists more versions than are read.
pub(crate) fn check_count(url: &str, count: usize) -> Result<(), Unavailable> {
    if count > MAX_VERSIONS {
        return Err(too_large(url, &format!("{count} versions, expected at most {MAX_VERSIONS}")));
    }
    Ok(())
}

/// Returns the failure of a request whose answer cannot be used.
pub(crate) fn invalid(url: &str, reason: &str) -> Unavailable {
    unavailable(url, UnavailableCause::InvalidAnswer, reason)
}

/// Returns the failure of a request whose answer is larger than the suite reads.
pub(crate) fn too_large(url: &str, reason: &str) -> Unavailable {
    unavailable(url, UnavailableCause::LimitExceeded, reason)
}

/// Returns the failure of a request, with its URL and the reason.
pub(crate) fn unavailable(url: &str, cause: UnavailableCause, reason: &str) -> Unavailable {
    let url = UntrustedText::new(redact_url(url)).escaped();
    let url = url.split('?').next().unwrap_or_default();
    Unavailable { cause, message: format!("GET {url}: {}", UntrustedText::new(reason).escaped()) }
}

fn failed_request(url: &str, error: &RequestError) -> Unavailable {
    let cause = match error {
        RequestError::NotSent(_) | RequestError::NoResponse(_) => UnavailableCause::Connection,
        RequestError::RateLimited { .. } => UnavailableCause::RateLimited,
        RequestError::NotRecorded(_) => UnavailableCause::NotRecorded,
        RequestError::Server(response) if response.status == 429 => UnavailableCause::RateLimited,
        RequestError::Server(response) | RequestError::Client(response) => {
            UnavailableCause::Status(response.status)
        }
    };
    unavailable(url, cause, &error.reason())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_registries_lead_to_encrypted_urls_only() {
        let (encrypted, local) = ("https://index.example/simple", "http://127.0.0.1:1/simple");
        assert!(check_url("https://files.example/x", encrypted).is_ok());
        assert!(check_url("http://127.0.0.1:2/x", local).is_ok());
        for url in ["http://127.0.0.1:2/x", "http://files.example/x", "file:///etc/passwd", "x", ""] {
            assert!(check_url(url, encrypted).is_err(), "{url}");
        }
        assert!(check_url("http://files.example/x", local).is_err());
    }
}
