//! Rejections that several policies give.

use model::evidence::attestation::Rejection;
use model::evidence::reason::Reason;

/// Requires two texts to be equal. `what` begins the evidence, as in `it ran on`.
///
/// # Errors
/// A refutation with this reason.
pub(super) fn expect_eq(reason: Reason, what: &str, found: &str, expected: &str) -> Result<(), Rejection> {
    if found == expected {
        return Ok(());
    }
    Err(Rejection::refuted(reason, format!("{what} {found}, expected {expected}")))
}
