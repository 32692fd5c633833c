//! Who sends a request, and what the caller may do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::response::ApiError;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallerRole {
    Anonymous,
    Reader,
    /// A token that may only read, of somebody who may push.
    LimitedScope,
    /// An installed app that may write, which GitHub does not tell.
    AppInstallation,
    Writer,
}

impl CallerRole {
    /// Whether it may change anything, and sees drafts.
    pub(crate) fn may_write(self) -> bool {
        self >= Self::AppInstallation
    }

    /// Nobody else may change anything; they are told that there is no such thing.
    pub(crate) fn require_write(self) -> Result<(), ApiError> {
        match self {
            Self::Writer | Self::AppInstallation => Ok(()),
            Self::Reader | Self::LimitedScope => {
                Err(ApiError::forbidden("Resource not accessible by personal access token"))
            }
            Self::Anonymous => Err(ApiError::not_found()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for CallerRole {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().copied().ok_or_else(ApiError::bad_credentials)
    }
}
