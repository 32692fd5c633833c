//! What all bundles of an artifact, or a list of checksums, prove.

use model::Digest;
use model::evidence::attestation::{BundleVerdict, BundleVerdicts};
use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict};

/// What a list of checksums proves of a file: that it is the listed one. `found` is `None` if there is no such file.
#[must_use]
pub fn listed_digest_finding(subject: &str, expected: Digest, found: Option<Digest>) -> Finding {
    match found {
        None => {
            let evidence = "the list names it, and its folder has no such file";
            Finding::unproven("attestation", subject, Reason::FileMissing, evidence)
        }
        Some(found) if found == expected => {
            Finding::proven("sums", subject, format!("the list has {expected}"))
        }
        Some(found) => {
            let evidence = format!("the file has {found}, expected {expected} from the list");
            Finding::refuted("sums", subject, Reason::SumsContent, evidence)
        }
    }
}

/// What all bundles together prove of an artifact. One valid bundle is enough; the others are listed.
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
    // A bundle of another type is no evidence, neither for nor against.
    let is_relevant = |it: &&BundleVerdict| it.explanation.reason != Reason::PredicateType;
    let relevant: Vec<&BundleVerdict> = verdicts.bundles.iter().filter(is_relevant).collect();
    let refuted = relevant.iter().find(|it| it.verdict == Verdict::Refuted);
    match (refuted.or(relevant.first()), verdicts.bundles.first()) {
        (Some(bundle), _) => Finding::new(CHECK, subject, bundle.verdict, bundle.explanation.clone()),
        (None, None) => {
            Finding::unproven(CHECK, subject, Reason::AttestationMissing, "there is no attestation")
        }
        (None, Some(other)) => {
            let evidence = format!("there is no such attestation: {}", other.explanation.evidence);
            Finding::unproven(CHECK, subject, Reason::AttestationMissing, evidence)
        }
    }
}
