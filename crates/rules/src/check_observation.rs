//! What a pre-flight check observes, before the operator's `--allow`.

use std::collections::BTreeSet;

use model::evidence::reason::{Explanation, Reason};
use model::release::facts::PreflightCheck;
use model::release::plan::{CheckOutcome, CheckResult};

/// The observation of one check.
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

/// The result of a check: a failure that the operator allows does not stop the release.
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
