//! The result of a query to a host: found, absent, or unavailable with the cause.

use std::fmt;

/// The result of a query to a host. An error never counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The object exists.
    Found(T),
    /// The host answered that the object does not exist.
    Absent,
    /// There is no usable answer, so the object may or may not exist.
    Unavailable(Unavailable),
}

/// Why a host gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The kind of failure.
    pub cause: UnavailableCause,
    /// The error message, with the request that failed.
    pub message: String,
}

/// The kinds of failure that a caller may treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnavailableCause {
    /// The connection to the host failed or was lost.
    Connection,
    /// The host requires a wait: its rate limit is used up.
    RateLimited,
    /// The host answered with this HTTP status, which is an error.
    Status(u16),
    /// The answer was malformed, too long, or about another object.
    InvalidAnswer,
    /// The answer is larger than the suite reads.
    LimitExceeded,
    /// Answers are read from a recording, which has no usable one.
    NotRecorded,
    /// The answer could not be verified, because no trusted root could be loaded.
    NoTrustedRoot,
}

impl<T> Lookup<T> {
    /// Returns the object that was found. Returns `None` if it is absent or unavailable.
    #[must_use]
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Absent | Self::Unavailable(_) => None,
        }
    }
}

impl<T, E: Into<Unavailable>> From<Result<Option<T>, E>> for Lookup<T> {
    fn from(answer: Result<Option<T>, E>) -> Self {
        match answer {
            Ok(Some(value)) => Self::Found(value),
            Ok(None) => Self::Absent,
            Err(error) => Self::Unavailable(error.into()),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
