//! The role of the caller of a request, and what it permits.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::response::ApiError;

/// The role of the caller. The order matters: [`CallerRole::may_write`] compares with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallerRole {
    /// No credentials.
    Anonymous,
    /// A token of a user without push access.
    Reader,
    /// A read-only token of a user with push access.
    LimitedScope,
    /// A token of an app installation that may write. `permissions` of the repository do not show it.
    AppInstallation,
    /// A token that may push and create releases.
    Writer,
}

impl CallerRole {
    /// Returns whether the caller may change the repository and see drafts.
    pub(crate) fn may_write(self) -> bool {
        self >= Self::AppInstallation
    }

    /// Rejects callers without write access: read-only tokens with 403, anonymous callers with 404, because GitHub does
    /// not reveal that such an endpoint exists.
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

    /// Returns the role that the router has attached to the request.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().copied().ok_or_else(ApiError::bad_credentials)
    }
}
