//! The observation of a pre-flight check, before `--allow` is applied.

use std::collections::BTreeSet;

use model::evidence::reason::{Explanation, Reason};
use model::release::plan::{CheckOutcome, CheckResult};
use model::release::preflight_check::PreflightCheck;

/// The observation of one check: evidence if it passed, an explanation otherwise.
pub(crate) enum CheckObservation {
    Pass(String),
    Warn(Explanation),
    Fail(Explanation),
}

pub(crate) fn pass(evidence: impl Into<String>) -> CheckObservation {
    CheckObservation::Pass(evidence.into())
}

pub(crate) fn warn(reason: Reason, evidence: impl Into<String>) -> CheckObservation {
    CheckObservation::Warn(Explanation::new(reason, evidence))
}

pub(crate) fn fail(reason: Reason, evidence: impl Into<String>) -> CheckObservation {
    CheckObservation::Fail(Explanation::new(reason, evidence))
}

/// Returns the result of a check. A failure that the operator allows with `--allow` does not stop the release.
pub(crate) fn check_result(
    check: PreflightCheck,
    observation: CheckObservation,
    allow: &BTreeSet<PreflightCheck>,
) -> CheckResult {
    let (outcome, explanation) = match observation {
        CheckObservation::Pass(evidence) => (CheckOutcome::Passed, Explanation::new(Reason::Ok, evidence)),
        CheckObservation::Warn(explanation) => (CheckOutcome::Warned, explanation),
        CheckObservation::Fail(explanation) if allow.contains(&check) => (CheckOutcome::Allowed, explanation),
        CheckObservation::Fail(explanation) => (CheckOutcome::Failed, explanation),
    };
    CheckResult { check, outcome, explanation }
}
