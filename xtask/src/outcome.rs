//! The outcome of a command, from which the exit code follows.

use model::evidence::verdict::Verdict;

/// The outcome of a command that printed a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// The command succeeded (exit code 0).
    Success,
    /// The command failed, and the report says why (exit code 1).
    Failure,
    /// The verdict of a verification (exit code 0, 10 if refuted, 11 if unproven).
    Verdict(Verdict),
}
