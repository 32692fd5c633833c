//! Recorded responses: a run can keep what it receives, and a later run can read it back without network.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use model::UntrustedText;

use crate::body::BodySink;
use crate::error::{ErrorResponse, RequestError};
use crate::url::HttpUrl;

/// The size of the pieces in which a recorded body is read.
const CHUNK_BYTES: usize = 64 << 10;

/// What is kept of a response beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The HTTP status: a success, 404 or 410.
    pub status: u16,
    /// The header `Link`, which names the next page of a list (RFC 8288).
    pub link: Option<String>,
    /// Whether the request carried a token. Such a response does not show what an anonymous user sees.
    pub authenticated: bool,
    /// The URL that the body comes from. `None` if it is that of the request.
    pub final_url: Option<String>,
}

impl ResponseHead {
    /// Returns true if the status means that the resource exists.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A recorded response.
pub struct RecordedResponse {
    /// The head.
    pub head: ResponseHead,
    /// The body. An error means that the recording is damaged.
    pub body: Box<dyn Read>,
}

/// Keeps responses by the URL of the request, which has no credentials, and the headers after it.
pub trait ResponseStore: fmt::Debug + Send + Sync {
    /// Returns the response to a URL. `None` if it was not recorded.
    ///
    /// # Errors
    /// If the recording cannot be read.
    fn find(&self, url: &str) -> io::Result<Option<RecordedResponse>>;

    /// Begins to record the response to a URL.
    ///
    /// # Errors
    /// If it cannot be written.
    fn create(&self, url: &str) -> io::Result<Box<dyn ResponseWriter + '_>>;
}

/// Records one response. Dropping it discards the response.
pub trait ResponseWriter {
    /// Appends the next bytes of the body.
    ///
    /// # Errors
    /// If they cannot be written.
    fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()>;

    /// Completes the response, and replaces an older one to the same URL.
    ///
    /// # Errors
    /// If it cannot be written.
    fn finish(self: Box<Self>, head: &ResponseHead) -> io::Result<()>;
}

/// Whether responses are kept or read back, and where.
#[derive(Debug, Clone)]
pub struct Recording {
    store: Arc<dyn ResponseStore>,
    is_replay: bool,
    /// Whether the client's requests carry a token.
    authenticated: bool,
}

impl Recording {
    /// Keeps each response. A response that the store already has is used instead of a request, if it was a success.
    #[must_use]
    pub fn save(store: Arc<dyn ResponseStore>) -> Self {
        Self { store, is_replay: false, authenticated: false }
    }

    /// Reads all responses back and sends no request.
    #[must_use]
    pub fn replay(store: Arc<dyn ResponseStore>) -> Self {
        Self { store, is_replay: true, authenticated: false }
    }

    /// Returns true if no request is sent.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Returns the recording for a client with a token. An anonymous client does not use its responses.
    #[must_use]
    pub fn authenticated(self) -> Self {
        Self { authenticated: true, ..self }
    }

    /// Passes the recorded body of a URL to a sink, and returns its head and the length of the body in bytes. `None`
    /// if the request must be sent. Reading ends with the first chunk beyond `max_bytes`.
    pub(crate) fn find(
        &self,
        url: &str,
        max_bytes: u64,
        sink: &mut dyn BodySink,
    ) -> Option<Result<(ResponseHead, u64), RequestError>> {
        let url = without_credentials(url);
        let usable = |it: &RecordedResponse| {
            (self.authenticated || !it.head.authenticated) && (self.is_replay || it.head.is_success())
        };
        match self.store.find(&url) {
            Ok(Some(response)) if usable(&response) => {
                Some(copy(response, &url, max_bytes, sink).map_err(|error| not_recorded("read", &error)))
            }
            Ok(_) if self.is_replay => Some(Err(RequestError::NotRecorded(
                "the recording has no response to this request".to_owned(),
            ))),
            Ok(_) => None,
            Err(error) => Some(Err(not_recorded("read", &error))),
        }
    }

    /// Keeps a whole response.
    pub(crate) fn keep(&self, url: &str, head: ResponseHead, body: &[u8]) -> Result<(), RequestError> {
        let url = without_credentials(url);
        let head = ResponseHead { authenticated: self.authenticated, ..head };
        let kept = self.store.create(&url).and_then(|mut it| {
            it.write_chunk(body)?;
            it.finish(&head)
        });
        kept.map_err(|error| not_recorded("written", &error))
    }
}

/// Passes the bytes of a download on, and records them.
pub(crate) struct RecordingSink<'a> {
    sink: &'a mut dyn BodySink,
    recording: Option<&'a Recording>,
    url: String,
    key: String,
    final_url: Option<String>,
    writer: Option<io::Result<Box<dyn ResponseWriter + 'a>>>,
}

impl<'a> RecordingSink<'a> {
    /// `url` is that of the request, `key` its name in the recording.
    pub(crate) fn new(
        sink: &'a mut dyn BodySink,
        recording: Option<&'a Recording>,
        (url, key): (&str, &str),
    ) -> Self {
        let (url, key) = (without_credentials(url), without_credentials(key));
        Self { sink, recording, url, key, final_url: None, writer: None }
    }

    /// Completes the recording of a download.
    pub(crate) fn finish(self) -> Result<(), RequestError> {
        let Some(writer) = self.writer else { return Ok(()) };
        let authenticated = self.recording.is_some_and(|it| it.authenticated);
        let head = ResponseHead { status: 200, link: None, authenticated, final_url: self.final_url };
        writer.and_then(|it| it.finish(&head)).map_err(|error| not_recorded("written", &error))
    }
}

impl BodySink for RecordingSink<'_> {
    fn restart(&mut self, source: &str) {
        self.sink.restart(source);
        let source = without_credentials(source);
        self.final_url = (source != self.url).then_some(source);
        // The partial file of an earlier attempt is removed before the next one is created.
        self.writer = None;
        self.writer = self.recording.map(|it| it.store.create(&self.key));
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.sink.write_chunk(chunk);
        let failed = match &mut self.writer {
            Some(Ok(writer)) => writer.write_chunk(chunk).err(),
            Some(Err(_)) | None => None,
        };
        if let Some(error) = failed {
            self.writer = Some(Err(error));
        }
    }
}

/// Returns the error of a request that a recording replaces, or whose response could not be kept.
fn not_recorded(action: &str, error: &io::Error) -> RequestError {
    let error = UntrustedText::new(error.to_string()).escaped();
    RequestError::NotRecorded(format!("the recording could not be {action}: {error}"))
}

/// Passes a recorded body to a sink. Returns its length.
fn copy(
    mut response: RecordedResponse,
    key: &str,
    max_bytes: u64,
    sink: &mut dyn BodySink,
) -> io::Result<(ResponseHead, u64)> {
    let url = key.split(' ').next().unwrap_or_default();
    sink.restart(response.head.final_url.as_deref().unwrap_or(url));
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut length = 0;
    loop {
        let count = response.body.read(&mut buffer)?;
        length += count as u64;
        sink.write_chunk(&buffer[..count]);
        if count == 0 || length > max_bytes {
            return Ok((response.head, length));
        }
    }
}

/// Returns the error for a recorded response that is no success.
pub(crate) fn recorded_error(head: &ResponseHead) -> RequestError {
    let message = UntrustedText::new("recorded");
    RequestError::Client(ErrorResponse { status: head.status, message, request_id: None, location: None })
}

/// Returns a URL, and what follows it after a space, without user name and password.
fn without_credentials(key: &str) -> String {
    let (url, rest) = key.split_at(key.find(' ').unwrap_or(key.len()));
    HttpUrl::parse(url).map_or_else(|| url.to_owned(), |it| it.without_credentials()) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_recorded_without_credentials() {
        assert_eq!(without_credentials("https://ada:s3cret@example.com/a?b"), "https://example.com/a?b");
        assert_eq!(without_credentials("https://example.com/a?b"), "https://example.com/a?b");
        assert_eq!(without_credentials("https://a@example.com/ accept: x"), "https://example.com/ accept: x");
    }
}
