//! Findings that several parts of the audit use.

use model::evidence::lookup::Lookup;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

use crate::no_answer::no_answer;

/// Returns the finding for a yes-or-no query to GitHub. `reason` is the reason if the answer is no.
pub(super) fn yes_no_finding(
    check: &'static str,
    subject: &str,
    answer: &Lookup<bool>,
    [yes, no]: [String; 2],
    reason: Reason,
) -> Finding {
    match answer {
        Lookup::Unavailable(unavailable) => no_answer(check, subject, unavailable),
        Lookup::Absent => {
            let evidence = "GitHub does not know one of the two commits";
            Finding::unproven(check, subject, Reason::Unreachable, evidence)
        }
        Lookup::Found(true) => Finding::proven(check, subject, yes),
        Lookup::Found(false) => Finding::refuted(check, subject, reason, no),
    }
}
