//! What was proven, and what not.

use serde::Serialize;

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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// What it was checked on.
    pub subject: String,
    /// What came of it.
    pub verdict: Verdict,
    /// A stable word for the case.
    pub reason: &'static str,
    /// What was seen.
    pub evidence: String,
    /// What to do, where there is something to do.
    pub hint: String,
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
        let finding = |verdict| Finding {
            check: "c",
            subject: String::new(),
            verdict,
            reason: "r",
            evidence: String::new(),
            hint: String::new(),
        };
        assert_eq!(overall(&[]), Verdict::Unproven);
        assert_eq!(overall(&[finding(Verdict::Proven)]), Verdict::Proven);
        assert_eq!(overall(&[finding(Verdict::Proven), finding(Verdict::Unproven)]), Verdict::Unproven);
        assert_eq!(overall(&[finding(Verdict::Refuted), finding(Verdict::Unproven)]), Verdict::Refuted);
    }
}
