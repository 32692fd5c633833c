//! The errors of readers of untrusted streams.

use model::package::PackageError;

/// Why a gzip, tar or zip stream is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The stream violates its format.
    #[error("{0}")]
    Malformed(String),
    /// The stream exceeds a limit on its size. It may be valid.
    #[error("{0}")]
    LimitExceeded(String),
}

pub(crate) fn malformed(reason: impl Into<String>) -> StreamError {
    StreamError::Malformed(reason.into())
}

impl From<StreamError> for PackageError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Malformed(reason) => Self::Malformed(reason),
            StreamError::LimitExceeded(reason) => Self::LimitExceeded(reason),
        }
    }
}
