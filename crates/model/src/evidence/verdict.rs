//! Verdicts and findings: what was proven and what was not.

use serde::Serialize;

use crate::evidence::reason::{Explanation, Reason};

/// The result of a check. The order is from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The check was made and passed.
    Proven,
    /// The check could not be made, or there is no evidence. This is not success.
    Unproven,
    /// The check was made and failed.
    Refuted,
}

/// The result of one check on one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, as in `signature`.
    pub check: &'static str,
    /// The subject of the check: a tag, a file or a branch.
    pub subject: String,
    /// The verdict of this check.
    pub verdict: Verdict,
    /// The reason, the evidence and the hint.
    #[serde(flatten)]
    pub explanation: Explanation,
}

impl Finding {
    /// Returns a finding with any verdict.
    #[must_use]
    pub fn new(check: &'static str, subject: &str, verdict: Verdict, explanation: Explanation) -> Self {
        Self { check, subject: subject.to_owned(), verdict, explanation }
    }

    /// Returns a proven finding. Its reason is always `ok`.
    #[must_use]
    pub fn proven(check: &'static str, subject: &str, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Proven, Explanation::new(Reason::Ok, evidence))
    }

    /// Returns an unproven finding.
    #[must_use]
    pub fn unproven(check: &'static str, subject: &str, reason: Reason, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Unproven, Explanation::new(reason, evidence))
    }

    /// Returns a refuted finding.
    #[must_use]
    pub fn refuted(check: &'static str, subject: &str, reason: Reason, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Refuted, Explanation::new(reason, evidence))
    }

    /// Returns true if an unproven check may succeed later without any action, so that waiting makes sense. A refuted
    /// one never does.
    #[must_use]
    pub fn may_resolve_later(&self) -> bool {
        self.verdict == Verdict::Unproven && self.reason().may_resolve_later()
    }

    /// The reason for the verdict.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.explanation.reason
    }
}

/// Returns the worst verdict of the findings. Without findings it is unproven: checking nothing proves nothing.
#[must_use]
pub fn overall(findings: &[Finding]) -> Verdict {
    findings.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Unproven)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overall_verdict_is_the_worst() {
        let finding = |verdict| Finding::new("c", "s", verdict, Explanation::new(Reason::Ok, ""));
        assert_eq!(overall(&[]), Verdict::Unproven);
        assert_eq!(overall(&[finding(Verdict::Proven)]), Verdict::Proven);
        assert_eq!(overall(&[finding(Verdict::Proven), finding(Verdict::Unproven)]), Verdict::Unproven);
        assert_eq!(overall(&[finding(Verdict::Refuted), finding(Verdict::Unproven)]), Verdict::Refuted);
    }
}
