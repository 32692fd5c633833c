//! The answer to a question that a host was asked: found, absent, or unavailable with the cause.

use std::fmt;

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It exists.
    Found(T),
    /// The host answered that it does not exist.
    Absent,
    /// There is no usable answer, so it may exist or not.
    Unavailable(Unavailable),
}

/// Why a host gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The kind of failure.
    pub cause: UnavailableCause,
    /// The error in words, with the request.
    pub message: String,
}

/// The kinds of failure that a caller may treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnavailableCause {
    /// The host could not be reached, or the connection broke.
    Connection,
    /// The host asks to wait.
    RateLimited,
    /// The host refused, with this HTTP status.
    Status(u16),
    /// The answer was malformed, too long or about something else.
    InvalidAnswer,
    /// The answer could not be verified: no trusted root could be loaded.
    NoTrustedRoot,
}

impl<T> Lookup<T> {
    /// What was found. Returns `None` if it is absent or unavailable.
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
