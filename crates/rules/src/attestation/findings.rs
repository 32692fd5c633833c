//! The findings that follow from all bundles of an artifact, or from a list of checksums.

use model::Digest;
use model::evidence::attestation::{BundleVerdict, BundleVerdicts};
use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict};

/// Returns the finding for a file in a list of checksums. It is proven if the digests are equal. `found` is `None` if
/// the file does not exist.
#[must_use]
pub fn listed_digest_finding(subject: &str, expected: Digest, found: Option<Digest>) -> Finding {
    match found {
        None => {
            let evidence = "the list names the file, but it is not in the folder of the list";
            Finding::unproven("attestation", subject, Reason::FileMissing, evidence)
        }
        Some(found) if found == expected => {
            Finding::proven("sums", subject, format!("the file has {expected}, as listed"))
        }
        Some(found) => {
            let evidence = format!("the file has {found}, expected {expected} from the list");
            Finding::refuted("sums", subject, Reason::SumsContent, evidence)
        }
    }
}

/// Returns the finding for an artifact from the verdicts on its bundles. One proven bundle is enough. If none is
/// proven, the first refuted one decides, because it is stronger evidence than an unproven one.
#[must_use]
pub fn attestation_finding(subject: &str, verdicts: &BundleVerdicts) -> Finding {
    const CHECK: &str = "attestation";
    if let Some((index, _)) = &verdicts.proven {
        let bundle = &verdicts.bundles[*index];
        let others = verdicts.bundles.iter().filter(|it| it.verdict != Verdict::Proven).count();
        let mut evidence = bundle.explanation.evidence.clone();
        for warning in &bundle.warnings {
            evidence.push_str("; note: ");
            evidence.push_str(warning);
        }
        match others {
            0 => {}
            1 => evidence.push_str("; 1 other bundle is not proven"),
            _ => evidence = format!("{evidence}; {others} other bundles are not proven"),
        }
        return Finding::proven(CHECK, subject, evidence);
    }
    // A bundle with another predicate type is neither evidence for the artifact nor against it, so it is ignored.
    let is_relevant = |it: &&BundleVerdict| it.explanation.reason != Reason::PredicateType;
    let relevant: Vec<&BundleVerdict> = verdicts.bundles.iter().filter(is_relevant).collect();
    let refuted = relevant.iter().find(|it| it.verdict == Verdict::Refuted);
    match (refuted.or(relevant.first()), verdicts.bundles.first()) {
        (Some(bundle), _) => Finding::new(CHECK, subject, bundle.verdict, bundle.explanation.clone()),
        (None, None) => {
            Finding::unproven(CHECK, subject, Reason::AttestationMissing, "no attestation exists")
        }
        (None, Some(other)) => {
            let evidence = format!(
                "no attestation of the expected type exists (--predicate-type): {}",
                other.explanation.evidence
            );
            Finding::unproven(CHECK, subject, Reason::AttestationMissing, evidence)
        }
    }
}
