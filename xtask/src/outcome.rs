//! How a run ends.

use model::evidence::verdict::Verdict;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// Done.
    Success,
    /// It could not be done, and the report says why.
    Failure,
    /// It was looked at, and this is what it proves.
    Verdict(Verdict),
}
