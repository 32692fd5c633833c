//! Rejections that several policies use.

use model::evidence::attestation::Rejection;
use model::evidence::reason::Reason;

/// Requires two texts to be equal. `what` is the start of the evidence, as in `the workflow ran on`.
///
/// # Errors
/// A refuted rejection with this reason, if they differ.
pub(super) fn expect_eq(reason: Reason, what: &str, found: &str, expected: &str) -> Result<(), Rejection> {
    if found == expected {
        return Ok(());
    }
    Err(Rejection::refuted(reason, format!("{what} {found}, expected {expected}")))
}
