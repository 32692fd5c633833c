//! What can go wrong with GitHub, and what to do then.

use std::path::PathBuf;
use std::time::Duration;

use model::{Digest, ObjectId, UntrustedText};

/// Why a call to GitHub ended.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The address is none, or not one that a token may be sent to.
    #[error("{address} cannot be talked to: {reason}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The client could not be set up.
    #[error("cannot set up a client for {address}: {reason}")]
    Client {
        /// The address.
        address: String,
        /// What the library said.
        reason: String,
    },
    /// Nobody was reached.
    #[error("{what}: cannot connect: {reason}")]
    Unreachable {
        /// The request.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// No usable answer came, however often it was asked.
    #[error("{what}: no usable answer: {reason}")]
    Unanswered {
        /// The request.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// Too many requests.
    #[error("{what}: GitHub asks to wait{}: {}", after.map_or(String::new(), |it| format!(" for {} s", it.as_secs())), said.escaped())]
    Limited {
        /// The request.
        what: String,
        /// How long, where it says that.
        after: Option<Duration>,
        /// What GitHub said.
        said: UntrustedText,
    },
    /// GitHub refused.
    #[error("{what}: {status}: {}{}", said.escaped(), request_id.as_ref().map_or(String::new(), |it| format!(" (request {})", it.escaped())))]
    Refused {
        /// The request.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said, and of which field.
        said: UntrustedText,
        /// The name under which GitHub's support finds it.
        request_id: Option<UntrustedText>,
    },
    /// The repository has another name now.
    #[error("{what}: the repository has moved to {}", location.escaped())]
    Moved {
        /// The request.
        what: String,
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
    #[error("{tag} has another release beside {own}, which was just made: {others}")]
    Twins {
        /// The tag.
        tag: String,
        /// The draft of this run.
        own: u64,
        /// The others, with their pages.
        others: String,
    },
    /// GitHub holds something else than what was sent.
    #[error("{name} of release {release} is not what was sent: want {wanted}, found {found}")]
    Differs {
        /// The asset.
        name: String,
        /// The release.
        release: u64,
        /// The digest or size that it must have.
        wanted: Digest,
        /// What is there.
        found: String,
    },
    /// The release is not as it was made.
    #[error("release {release} is not as it was made: {reason}")]
    Changed {
        /// The release.
        release: u64,
        /// What is other.
        reason: String,
    },
    /// GitHub has another tag than origin.
    #[error("GitHub has object {} under {tag}, and pushed was {pushed}", found.escaped())]
    OtherTag {
        /// The tag.
        tag: String,
        /// What GitHub has.
        found: UntrustedText,
        /// What was pushed.
        pushed: ObjectId,
    },
    /// A tag names something that cannot be released.
    #[error("{tag} names a {} and not a commit", kind.escaped())]
    NoCommit {
        /// The tag.
        tag: String,
        /// The type of the object.
        kind: UntrustedText,
    },
    /// A file of ours.
    #[error("cannot read {}", path.display())]
    File {
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
            Self::Address { .. } => "check GITHUB_API_URL, GH_HOST and -R",
            Self::Client { .. } => "check the proxy variables and the system's certificates",
            Self::Unreachable { .. } => {
                "check the network and the proxy variables, then run again: it goes on where this ended"
            }
            Self::Unanswered { .. } => "run again: it goes on where this ended",
            Self::Limited { .. } => "wait, then run again: it goes on where this ended",
            Self::Refused { status: 401, .. } => {
                "the token is not valid (any more): gh auth login, or set GH_TOKEN"
            }
            Self::Refused { status: 403, .. } => {
                "the token lacks the right to do this: it needs 'contents: write' on the repository"
            }
            Self::Refused { status: 404, .. } => "check -R, and that the token may see the repository",
            Self::Refused { .. } => "look at the release on GitHub, then run again",
            Self::Moved { .. } => "name the repository as it is called now: -R OWNER/NAME",
            Self::CreationUnknown { .. } => "run again: it takes the draft if it is there by then",
            Self::Twins { .. } => "let the other run go on; what this one made was empty, and is gone",
            Self::Differs { .. } => "nothing was published; run again: what is wrong in a draft is made anew",
            Self::Changed { .. } => "look at the release on GitHub: somebody else is at work on it",
            Self::OtherTag { .. } => {
                "check that -R and the remote are the same repository; nothing was published"
            }
            Self::NoCommit { .. } => "do not use what this tag names, and ask the maintainers",
            Self::File { .. } => "run again: it is written anew",
        }
    }
}

/// What went wrong with one request, and so what may be done next.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It never left.
    NotSent(String),
    /// It left, and what came of it is not known.
    Lost(String),
    /// The server broke (5xx); what came of it is not known.
    Broken(Refused),
    /// It was not carried out, and may be later.
    Limited { after: Option<Duration>, said: UntrustedText },
    /// It was refused.
    Answered(Refused),
}

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) said: UntrustedText,
    pub(crate) request_id: Option<UntrustedText>,
    pub(crate) location: Option<UntrustedText>,
}

impl Trouble {
    /// Whether the request may have taken effect.
    pub(crate) fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Broken(_))
    }

    /// In a few words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NotSent(said) | Self::Lost(said) => said.clone(),
            Self::Limited { said, .. } => format!("a limit was reached: {}", said.escaped()),
            Self::Broken(it) | Self::Answered(it) => format!("{}: {}", it.status, it.said.escaped()),
        }
    }

    /// The error that it becomes where nothing more is tried.
    pub(crate) fn end(self, what: &str) -> ForgeError {
        let what = what.to_owned();
        match self {
            Self::NotSent(reason) => ForgeError::Unreachable { what, reason },
            Self::Limited { after, said } => ForgeError::Limited { what, after, said },
            Self::Answered(Refused { location: Some(location), .. }) => ForgeError::Moved { what, location },
            Self::Answered(it) => {
                let Refused { status, said, request_id, .. } = it;
                ForgeError::Refused { what, status, said, request_id }
            }
            Self::Lost(reason) => ForgeError::Unanswered { what, reason },
            Self::Broken(it) => {
                let id = it.request_id.map_or(String::new(), |it| format!(" (request {})", it.escaped()));
                ForgeError::Unanswered { what, reason: format!("{}: {}{id}", it.status, it.said.escaped()) }
            }
        }
    }
}
