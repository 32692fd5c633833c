//! What can go wrong with GitHub, and what to do then.

use std::path::PathBuf;
use std::time::Duration;

use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::{Digest, ObjectId, UntrustedText};
use transport::{ErrorResponse, RequestError};

/// Why a call to GitHub ended.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The address is none, or not one that a token may be sent to.
    #[error("{url} cannot be talked to: {reason}")]
    InvalidUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The client could not be set up.
    #[error("cannot set up a client for {address}: {reason}")]
    ClientSetup {
        /// The address.
        address: String,
        /// What the library said.
        reason: String,
    },
    /// Nobody was reached.
    #[error("{operation}: cannot connect: {reason}")]
    Unreachable {
        /// The request.
        operation: String,
        /// What went wrong.
        reason: String,
    },
    /// No usable answer came, however often it was asked.
    #[error("{operation}: no usable answer: {reason}")]
    NoResponse {
        /// The request.
        operation: String,
        /// What went wrong.
        reason: String,
    },
    /// Too many requests.
    #[error("{operation}: GitHub asks to wait{}: {}", retry_after.map_or(String::new(), |it| format!(" for {} s", it.as_secs())), message.escaped())]
    RateLimited {
        /// The request.
        operation: String,
        /// How long, where it says that.
        retry_after: Option<Duration>,
        /// What GitHub said.
        message: UntrustedText,
    },
    /// GitHub refused.
    #[error("{operation}: {status}: {}{}", message.escaped(), request_id.as_ref().map_or(String::new(), |it| format!(" (request {})", it.escaped())))]
    Status {
        /// The request.
        operation: String,
        /// The status.
        status: u16,
        /// What GitHub said, and of which field.
        message: UntrustedText,
        /// The name under which GitHub's support finds it.
        request_id: Option<UntrustedText>,
    },
    /// The repository has another name now.
    #[error("{operation}: the repository has moved to {}", location.escaped())]
    RepositoryMoved {
        /// The request.
        operation: String,
        /// Where to.
        location: UntrustedText,
    },
    /// A draft was asked for, and nobody knows whether it was made.
    #[error("no answer came when the draft for {tag} was created, and none is to be seen: {reason}")]
    CreationUnknown {
        /// The tag.
        tag: String,
        /// What went wrong.
        reason: String,
    },
    /// Another run made a release for the same tag at the same time.
    #[error("{tag} has another release beside {draft}, which was just made: {others}")]
    DuplicateDraft {
        /// The tag.
        tag: String,
        /// The draft of this run.
        draft: u64,
        /// The others, with their pages.
        others: String,
    },
    /// GitHub holds something else than what was sent.
    #[error("{name} of release {release} is not what was sent: want {expected}, found {found}")]
    AssetMismatch {
        /// The asset.
        name: String,
        /// The release.
        release: u64,
        /// The digest or size that it must have.
        expected: Digest,
        /// What is there.
        found: String,
    },
    /// The release is not as it was made.
    #[error("release {release} is not as it was made: {reason}")]
    ReleaseChanged {
        /// The release.
        release: u64,
        /// What is other.
        reason: String,
    },
    /// GitHub has another tag than origin.
    #[error("GitHub has object {} under {tag}, and pushed was {pushed}", found.escaped())]
    TagMismatch {
        /// The tag.
        tag: String,
        /// What GitHub has.
        found: UntrustedText,
        /// What was pushed.
        pushed: ObjectId,
    },
    /// A tag names something that cannot be released.
    #[error("{tag} names a {} and not a commit", object_type.escaped())]
    NotACommit {
        /// The tag.
        tag: String,
        /// The type of the object.
        object_type: UntrustedText,
    },
    /// A file of ours.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ForgeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "check GITHUB_API_URL, GH_HOST and -R",
            Self::ClientSetup { .. } => "check the proxy variables and the system's certificates",
            Self::Unreachable { .. } => {
                "check the network and the proxy variables, then run again: it goes on where this ended"
            }
            Self::NoResponse { .. } => "run again: it goes on where this ended",
            Self::RateLimited { .. } => "wait, then run again: it goes on where this ended",
            Self::Status { status: 401, .. } => {
                "the token is not valid (any more): gh auth login, or set GH_TOKEN"
            }
            Self::Status { status: 403, .. } => {
                "the token lacks the right to do this: it needs 'contents: write' on the repository"
            }
            Self::Status { status: 404, .. } => "check -R, and that the token may see the repository",
            Self::Status { .. } => "look at the release on GitHub, then run again",
            Self::RepositoryMoved { .. } => "name the repository as it is called now: -R OWNER/NAME",
            Self::CreationUnknown { .. } => "run again: it takes the draft if it is there by then",
            Self::DuplicateDraft { .. } => {
                "let the other run go on; what this one made was empty, and is gone"
            }
            Self::AssetMismatch { .. } => {
                "nothing was published; run again: what is wrong in a draft is made anew"
            }
            Self::ReleaseChanged { .. } => "look at the release on GitHub: somebody else is at work on it",
            Self::TagMismatch { .. } => {
                "check that -R and the remote are the same repository; nothing was published"
            }
            Self::NotACommit { .. } => "do not use what this tag names, and ask the maintainers",
            Self::Read { .. } => "run again: it is written anew",
        }
    }
}

impl From<ForgeError> for Unavailable {
    fn from(error: ForgeError) -> Self {
        let cause = match &error {
            ForgeError::Unreachable { .. } | ForgeError::NoResponse { .. } => UnavailableCause::Connection,
            ForgeError::RateLimited { .. } => UnavailableCause::RateLimited,
            ForgeError::Status { status, .. } => UnavailableCause::Status(*status),
            _ => UnavailableCause::InvalidAnswer,
        };
        Self { cause, message: error.to_string() }
    }
}

/// The error of an operation whose request is not sent again.
pub(crate) fn into_forge_error(error: RequestError, operation: &str) -> ForgeError {
    let operation = operation.to_owned();
    match error {
        RequestError::NotSent(reason) => ForgeError::Unreachable { operation, reason },
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
