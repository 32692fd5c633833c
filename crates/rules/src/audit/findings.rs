//! Findings that several parts of the audit use.

use model::evidence::lookup::{Lookup, Unavailable, UnavailableCause};
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

/// Returns the finding for a query to GitHub that got no usable answer.
pub(super) fn unreachable(check: &'static str, subject: &str, unavailable: &Unavailable) -> Finding {
    if unavailable.cause == UnavailableCause::NoTrustedRoot {
        return Finding::unproven(check, subject, Reason::TrustRoot, &unavailable.message);
    }
    Finding::unproven(check, subject, Reason::Unreachable, format!("no answer from GitHub: {unavailable}"))
}

/// Returns the finding for a yes-or-no query to GitHub. `reason` is the reason if the answer is no.
pub(super) fn yes_no_finding(
    check: &'static str,
    subject: &str,
    answer: &Lookup<bool>,
    [yes, no]: [String; 2],
    reason: Reason,
) -> Finding {
    match answer {
        Lookup::Unavailable(unavailable) => unreachable(check, subject, unavailable),
        Lookup::Absent => {
            let evidence = "GitHub does not know one of the two commits";
            Finding::unproven(check, subject, Reason::Unreachable, evidence)
        }
        Lookup::Found(true) => Finding::proven(check, subject, yes),
        Lookup::Found(false) => Finding::refuted(check, subject, reason, no),
    }
}
