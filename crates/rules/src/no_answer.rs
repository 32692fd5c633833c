//! The finding for a query without a usable answer.

use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

/// Returns the finding for a query to a registry or to GitHub without a usable answer.
pub(crate) fn no_answer(check: &'static str, subject: &str, unavailable: &Unavailable) -> Finding {
    let reason = match unavailable.cause {
        UnavailableCause::NoTrustedRoot => Reason::TrustRoot,
        UnavailableCause::RateLimited => Reason::RateLimited,
        UnavailableCause::LimitExceeded => Reason::Limit,
        UnavailableCause::NotRecorded => Reason::NotRecorded,
        UnavailableCause::InvalidAnswer => Reason::InvalidAnswer,
        UnavailableCause::Status(401 | 403 | 407) => Reason::Forbidden,
        UnavailableCause::Connection | UnavailableCause::Status(_) => Reason::Unreachable,
    };
    Finding::unproven(check, subject, reason, unavailable.to_string())
}
