//! What was proven, and what not.

use serde::Serialize;

use crate::evidence::reason::{Explanation, Reason};

/// The three verdicts, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was looked at, and it holds.
    Proven,
    /// Nobody could look, or there is no evidence. That is not success.
    Unproven,
    /// It was looked at, and it does not hold.
    Refuted,
}

/// The result of one check on one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked, as in `signature`.
    pub check: &'static str,
    /// What it was checked on: a tag, a file, a branch.
    pub subject: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, and what to do about it.
    #[serde(flatten)]
    pub explanation: Explanation,
}

impl Finding {
    /// A finding with a verdict and its reason.
    #[must_use]
    pub fn new(check: &'static str, subject: &str, verdict: Verdict, explanation: Explanation) -> Self {
        Self { check, subject: subject.to_owned(), verdict, explanation }
    }

    /// A proven finding.
    #[must_use]
    pub fn proven(check: &'static str, subject: &str, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Proven, Explanation::new(Reason::Ok, evidence))
    }

    /// An unproven finding.
    #[must_use]
    pub fn unproven(check: &'static str, subject: &str, reason: Reason, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Unproven, Explanation::new(reason, evidence))
    }

    /// A refuted finding.
    #[must_use]
    pub fn refuted(check: &'static str, subject: &str, reason: Reason, evidence: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Refuted, Explanation::new(reason, evidence))
    }

    /// The reason of the verdict.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.explanation.reason
    }
}

/// The worst of the findings. Looking at nothing proves nothing.
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
