//! The errors of calls to GitHub, and a hint for each.

use std::path::PathBuf;
use std::time::Duration;

use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::{Digest, ObjectId, UntrustedText};
use transport::{ErrorResponse, RequestError};

/// Why a call to GitHub failed. The variants are those that callers or hints distinguish.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// A URL is not valid, or the token must not be sent to it.
    #[error("cannot use the URL {url}: {reason}")]
    InvalidUrl {
        /// The URL. Credentials in the URL of the API are redacted.
        url: String,
        /// Why the URL was rejected.
        reason: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client for {address}: {reason}")]
    ClientSetup {
        /// The root URL of the API.
        address: String,
        /// The message of the library.
        reason: String,
    },
    /// The request was not sent, mostly because no connection was made. It had no effect.
    #[error("{operation} failed: cannot connect: {reason}")]
    Unreachable {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// The message of the innermost cause.
        reason: String,
    },
    /// There was no usable response after the last attempt. The request may have taken effect.
    #[error("{operation} failed: no usable response: {reason}")]
    NoResponse {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// Why the response is missing or unusable, or which limit it exceeds.
        reason: String,
    },
    /// Answers are read from a recording, which has no usable one, or the answer could not be recorded.
    #[error("{operation}: {reason}")]
    NotRecorded {
        /// The method and path of the request.
        operation: String,
        /// The reason.
        reason: String,
    },
    /// A rate limit is used up: the wait is longer than the retry policy allows, or no attempt is left.
    #[error("{operation} failed: GitHub asks to wait{}: {}", retry_after.map_or(String::new(), |it| format!(" for {} s", it.as_secs())), message.escaped())]
    RateLimited {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// The wait that GitHub asks for. `None` if it names no time.
        retry_after: Option<Duration>,
        /// GitHub's message.
        message: UntrustedText,
    },
    /// GitHub refused the request with an error status (3xx or 4xx).
    #[error("{operation} failed: {status}: {}{}", message.escaped(), request_id.as_ref().map_or(String::new(), |it| format!(" (request {})", it.escaped())))]
    Status {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's message, with the fields that it rejects.
        message: UntrustedText,
        /// The id by which GitHub's support finds the request (`X-GitHub-Request-Id`, github.md F35).
        request_id: Option<UntrustedText>,
    },
    /// GitHub redirects the request: the repository was renamed or transferred. API requests follow no redirects.
    #[error("{operation} failed: the repository has moved to {}", location.escaped())]
    RepositoryMoved {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// The `Location` header of the redirect.
        location: UntrustedText,
    },
    /// The request that creates a draft had no response, so it is unknown whether the draft exists.
    #[error("creating the draft for {tag} failed: no response, and no draft is visible: {reason}")]
    CreationUnknown {
        /// The tag.
        tag: String,
        /// Why there was no response.
        reason: String,
    },
    /// Another release of the same tag has a lower id: it was created first (github.md F12).
    #[error("creating draft {draft} for {tag} failed: another release was created first: {others}")]
    DuplicateDraft {
        /// The tag.
        tag: String,
        /// The id of the draft of this run.
        draft: u64,
        /// The ids of the other releases, each with the URL of its page.
        others: String,
    },
    /// An asset on GitHub differs from the file that was uploaded.
    #[error("upload of {name} to release {release} failed: expected {expected}, found {found}")]
    AssetMismatch {
        /// The name of the asset.
        name: String,
        /// The id of the release.
        release: u64,
        /// The digest of the file.
        expected: Digest,
        /// The name, size and digest of the asset on GitHub.
        found: String,
    },
    /// A release differs from what this run wrote.
    #[error("release {release} is not as this run wrote it: {reason}")]
    ReleaseChanged {
        /// The id of the release.
        release: u64,
        /// The difference.
        reason: String,
    },
    /// The tag on GitHub is another object than the one that was pushed to the remote.
    #[error("{tag} on GitHub is another object: expected {pushed}, found {}", found.escaped())]
    TagMismatch {
        /// The tag.
        tag: String,
        /// The object id that GitHub reports.
        found: UntrustedText,
        /// The object id that was pushed.
        pushed: ObjectId,
    },
    /// The tag on GitHub does not point to a commit.
    #[error("{tag} on GitHub cannot be used: expected a commit, found a {}", object_type.escaped())]
    NotACommit {
        /// The tag.
        tag: String,
        /// The type of the object, as in `tree`.
        object_type: UntrustedText,
    },
    /// A local file that should be uploaded cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
}

impl ForgeError {
    /// Returns what the operator can do about the error.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "check GITHUB_API_URL, GH_HOST and -R",
            Self::ClientSetup { .. } => "check HTTPS_PROXY, NO_PROXY and the system's certificates",
            Self::Unreachable { .. } => {
                "check the network, GITHUB_API_URL and the proxy variables, then run again: it resumes here"
            }
            Self::NoResponse { .. } => "run again: it resumes here; or raise RELEASE_HTTP_TIMEOUT",
            Self::NotRecorded { .. } => "run it again with --save and a new folder",
            Self::RateLimited { .. } => "wait, then run again; or raise RELEASE_HTTP_LONGEST_WAIT",
            Self::Status { status: 401, .. } => {
                "the token is not valid or has expired: run gh auth login, or set GH_TOKEN"
            }
            Self::Status { status: 403, .. } => {
                "the token lacks a permission: it needs 'contents: write' on the repository"
            }
            Self::Status { status: 404, .. } => "check -R and the token's access: gh repo view OWNER/NAME",
            Self::Status { .. } => "inspect the release with gh release list, then run again",
            Self::RepositoryMoved { .. } => "use the current name of the repository: -R OWNER/NAME",
            Self::CreationUnknown { .. } => "run again: it uses the draft if it is visible by then",
            Self::DuplicateDraft { .. } => {
                "let the other run finish; the draft of this run was deleted if it was empty"
            }
            Self::AssetMismatch { .. } => {
                "nothing was published; run again: it replaces wrong assets of a draft"
            }
            Self::ReleaseChanged { .. } => "check gh release list: another run or user may have changed it",
            Self::TagMismatch { .. } => {
                "nothing was published; check that -R and the remote (git remote -v) are the same repository"
            }
            Self::NotACommit { .. } => "do not use the content of this tag; ask the maintainers",
            Self::Read { .. } => "run again: the file is created again",
        }
    }
}

impl From<ForgeError> for Unavailable {
    fn from(error: ForgeError) -> Self {
        let cause = match &error {
            ForgeError::Unreachable { .. } | ForgeError::NoResponse { .. } => UnavailableCause::Connection,
            ForgeError::RateLimited { .. } => UnavailableCause::RateLimited,
            ForgeError::NotRecorded { .. } => UnavailableCause::NotRecorded,
            ForgeError::Status { status, .. } => UnavailableCause::Status(*status),
            _ => UnavailableCause::InvalidAnswer,
        };
        Self { cause, message: error.to_string() }
    }
}

/// Returns the error of an operation whose request is not sent again. A redirect means that the repository has moved.
pub(crate) fn into_forge_error(error: RequestError, operation: &str) -> ForgeError {
    let operation = operation.to_owned();
    match error {
        RequestError::NotSent(reason) => ForgeError::Unreachable { operation, reason },
        RequestError::NotRecorded(reason) => ForgeError::NotRecorded { operation, reason },
        RequestError::RateLimited { retry_after, message } => {
            ForgeError::RateLimited { operation, retry_after, message }
        }
        RequestError::Client(ErrorResponse { location: Some(location), .. }) => {
            ForgeError::RepositoryMoved { operation, location }
        }
        RequestError::Client(response) => {
            let ErrorResponse { status, message, request_id, .. } = response;
            ForgeError::Status { operation, status, message, request_id }
        }
        RequestError::NoResponse(reason) => ForgeError::NoResponse { operation, reason },
        RequestError::Server(response) => {
            let id = response.request_id.map_or(String::new(), |it| format!(" (request {})", it.escaped()));
            ForgeError::NoResponse {
                operation,
                reason: format!("{}: {}{id}", response.status, response.message.escaped()),
            }
        }
    }
}
