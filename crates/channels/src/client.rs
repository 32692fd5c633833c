//! Requests to a registry: documents within limits, and files into a sink.

use model::UntrustedText;
use model::base::http::RetryPolicy;
use model::base::url::redact_userinfo;
use model::evidence::lookup::{Lookup, Unavailable, UnavailableCause};
use serde::de::DeserializeOwned;
use transport::{
    BodySink, DownloadPolicy, HttpClient, HttpObserver, HttpUrl, Redirects, RequestError, RetryMode,
};

/// The longest file that is downloaded, in bytes: the limit of the reader of packages.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// A client of package registries. Calls block.
#[derive(Debug)]
pub struct RegistryClient {
    http: HttpClient,
}

/// A request for a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentRequest<'a> {
    pub(crate) url: &'a str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The longest document, in bytes.
    pub(crate) max_bytes: u64,
}

impl RegistryClient {
    /// Returns a client. No request is sent yet.
    ///
    /// # Errors
    /// The message of the library if the system's certificates or proxy settings cannot be read.
    pub fn new(retry_policy: RetryPolicy) -> Result<Self, String> {
        Ok(Self { http: HttpClient::new(retry_policy)? })
    }

    /// Fetches a document. A status of 404 or 410 means that it is absent.
    pub(crate) fn document(
        &self,
        request: DocumentRequest<'_>,
        observer: HttpObserver<'_>,
    ) -> Lookup<Vec<u8>> {
        if let Err(unavailable) = check_url(request.url, request.url) {
            return Lookup::Unavailable(unavailable);
        }
        let policy = DownloadPolicy {
            headers: request.headers,
            max_bytes: request.max_bytes,
            redirects: Redirects::Follow,
            retry_mode: RetryMode::Idempotent,
        };
        let mut body = DocumentBody::default();
        match self.http.download(request.url, policy, &mut body, observer) {
            Ok(length) if length > request.max_bytes => {
                let reason = format!("longer than {} KiB", request.max_bytes >> 10);
                Lookup::Unavailable(unavailable(request.url, UnavailableCause::InvalidAnswer, &reason))
            }
            Ok(_) => Lookup::Found(body.0),
            Err(error) if error.has_status(404) || error.has_status(410) => Lookup::Absent,
            Err(error) => Lookup::Unavailable(failed_request(request.url, &error)),
        }
    }

    /// Fetches a JSON document.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        request: DocumentRequest<'_>,
        observer: HttpObserver<'_>,
    ) -> Lookup<T> {
        match self.document(request, observer) {
            Lookup::Found(bytes) => match serde_json::from_slice(&bytes) {
                Ok(value) => Lookup::Found(value),
                Err(error) => {
                    let reason = format!("not the expected JSON: {error}");
                    Lookup::Unavailable(unavailable(request.url, UnavailableCause::InvalidAnswer, &reason))
                }
            },
            Lookup::Absent => Lookup::Absent,
            Lookup::Unavailable(unavailable) => Lookup::Unavailable(unavailable),
        }
    }

    /// Downloads a file that a registry lists into a sink, and returns its length in bytes. `index` is the address of
    /// the registry.
    ///
    /// # Errors
    /// [`Unavailable`] if the address is not acceptable, the request failed, or the file is longer than 1 GiB.
    pub fn download(
        &self,
        url: &str,
        index: &str,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, Unavailable> {
        check_url(url, index)?;
        let policy = DownloadPolicy {
            headers: &[],
            max_bytes: MAX_FILE_BYTES,
            redirects: Redirects::Follow,
            retry_mode: RetryMode::Idempotent,
        };
        match self.http.download(url, policy, sink, observer) {
            Ok(length) if length > MAX_FILE_BYTES => {
                Err(unavailable(url, UnavailableCause::InvalidAnswer, "longer than 1 GiB"))
            }
            Ok(length) => Ok(length),
            Err(error) => Err(failed_request(url, &error)),
        }
    }
}

/// Accepts an https URL. An http URL is accepted only if both it and the registry are on this machine.
fn check_url(url: &str, index: &str) -> Result<(), Unavailable> {
    let refused = |reason| Err(unavailable(url, UnavailableCause::InvalidAnswer, reason));
    let Some(parsed) = HttpUrl::parse(url) else { return refused("not a valid URL") };
    let is_local = parsed.is_local_http() && HttpUrl::parse(index).is_some_and(|it| it.is_local_http());
    if parsed.is_https() || is_local { Ok(()) } else { refused("expected an https URL") }
}

/// Returns the failure of a request, with its URL and the reason.
pub(crate) fn unavailable(url: &str, cause: UnavailableCause, reason: &str) -> Unavailable {
    let url = UntrustedText::new(redact_userinfo(url)).escaped();
    let url = url.split('?').next().unwrap_or_default();
    Unavailable { cause, message: format!("GET {url}: {}", UntrustedText::new(reason).escaped()) }
}

fn failed_request(url: &str, error: &RequestError) -> Unavailable {
    let cause = match error {
        RequestError::NotSent(_) | RequestError::NoResponse(_) => UnavailableCause::Connection,
        RequestError::RateLimited { .. } => UnavailableCause::RateLimited,
        RequestError::Server(response) if response.status == 429 => UnavailableCause::RateLimited,
        RequestError::Server(response) | RequestError::Client(response) => {
            UnavailableCause::Status(response.status)
        }
    };
    unavailable(url, cause, &error.reason())
}

/// Collects the bytes of a document. Its length is limited by the [`DownloadPolicy`].
#[derive(Default)]
struct DocumentBody(Vec<u8>);

impl BodySink for DocumentBody {
    fn restart(&mut self) {
        self.0.clear();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.0.extend_from_slice(chunk);
    }
}
