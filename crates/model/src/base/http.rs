//! The limits of requests to a host, what happens while they are sent, and the token that they carry.

use std::fmt;
use std::time::Duration;

use crate::release::host::CredentialSource;

/// The limits of requests: time-outs and retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest time without progress on a connection.
    pub idle_timeout: Duration,
    /// How often a request is sent, the first attempt included.
    pub max_attempts: u32,
    /// The longest wait before another attempt. A rate limit that asks for more ends the run with an error.
    pub max_wait: Duration,
}

/// An event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpEvent {
    /// A request failed and will be sent again.
    Retrying {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// Why it failed.
        reason: String,
        /// How long the client waits, in milliseconds.
        wait_ms: u64,
    },
    /// A part of an asset was sent.
    UploadProgress {
        /// The name of the asset.
        asset_name: String,
        /// Bytes sent so far.
        sent_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
}

/// A token and its source. Its secret appears in no output.
#[derive(Clone)]
pub struct Token {
    secret: String,
    source: CredentialSource,
}

impl Token {
    /// A token from this source. Returns `None` if a header could not carry it, so that it cannot be a token.
    #[must_use]
    pub fn new(secret: &str, source: CredentialSource) -> Option<Self> {
        let secret = secret.trim();
        let plain = !secret.is_empty() && secret.bytes().all(|it| it.is_ascii_graphic());
        plain.then(|| Self { secret: secret.to_owned(), source })
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> CredentialSource {
        self.source
    }

    /// The secret, for the header of a request to its own host.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_token() {
        let token = Token::new(" invented-token\n", CredentialSource::User("a test")).unwrap();
        assert_eq!((token.secret(), format!("{token:?}").as_str()), ("invented-token", "Token(***)"));
        for bad in ["", "  ", "two words", "line\r\nX-Evil: 1", "häm"] {
            assert!(Token::new(bad, CredentialSource::User("a test")).is_none(), "took {bad:?}");
        }
    }
}
