//! The evaluation of a tag: its name, its target, its signature, its signer and its date.

use model::base::time::format_rfc3339;
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{
    AllowedSigner, PolicyLookup, RevocationStatus, SignatureCheck, SignerKey, SigstoreIdentity, TagEvidence,
    TagObject,
};
use model::evidence::verdict::{Finding, Verdict};
use model::release::facts::SigningKeyStatus;

use crate::pattern;

/// The namespace of git's SSH signatures. A key that is allowed only for other namespaces may not sign tags.
const GIT_NAMESPACE: &str = "git";

/// Evaluates a tag: its format, its name, its target, its signature, its signer and its date. `now` is in seconds since
/// 1970 (UTC). Returns at least one finding. Stricter than `git verify-tag`, which checks neither the name nor the
/// date.
#[must_use]
pub fn evaluate_tag(evidence: &TagEvidence, now: i64) -> Vec<Finding> {
    let evaluator = TagEvaluator { evidence };
    let object = match &evidence.object {
        None => {
            let reason = "the tag is a reference to a commit, which cannot be signed";
            return vec![evaluator.unproven("signature", Reason::Lightweight, reason)];
        }
        Some(Err(error)) => return vec![evaluator.finding("format", Verdict::Refuted, error.0.clone())],
        Some(Ok(object)) => object,
    };
    let mut findings = vec![evaluator.name(object), evaluator.target(object)];
    if object.signature.is_none() {
        findings.push(evaluator.unproven("signature", Reason::Unsigned, "the tag object has no signature"));
        return findings;
    }
    match &evidence.signature_check {
        None => findings.push(evaluator.unproven(
            "signature",
            Reason::NoPolicy,
            "no trusted signers are configured ([signers])",
        )),
        Some(SignatureCheck::Bad(explanation)) => {
            findings.push(evaluator.finding("signature", Verdict::Refuted, explanation.clone()));
        }
        Some(SignatureCheck::Unknown(explanation)) => {
            findings.push(evaluator.finding("signature", Verdict::Unproven, explanation.clone()));
        }
        Some(SignatureCheck::ByIdentity { signer, logged_at: time, allowed }) => {
            findings.extend(evaluator.identity(signer, *time, allowed));
            findings.push(evaluator.time(object, now));
        }
        Some(SignatureCheck::ByKey(signer)) => {
            let description = format!("made by {} for exactly this tag", signer.fingerprint);
            findings.push(evaluator.proven("signature", description));
            findings.push(evaluator.signer(object, signer, now));
            findings.push(evaluator.time(object, now));
        }
    }
    findings
}

/// Evaluates a key before it signs: returns whether it may sign for this e-mail address, by the rules for a tag made
/// now.
#[must_use]
pub fn evaluate_signer(name: &str, email: &str, signer: &SignerKey, now: i64) -> Finding {
    signer_finding(name, email, signer, now, now)
}

/// Returns whether the policy allows a key to sign a tag now. `key` is its name in reports, `email` the tagger's
/// address.
#[must_use]
pub fn signing_key_status(key: &str, email: &str, lookup: &PolicyLookup, now: i64) -> SigningKeyStatus {
    let explain = |reason, evidence: String| Explanation::new(reason, evidence);
    let signer = match lookup {
        PolicyLookup::NoPolicy => {
            let evidence = format!("{key} would sign, and no trusted signers are configured ([signers])");
            return SigningKeyStatus::Unchecked(explain(Reason::NoPolicy, evidence));
        }
        PolicyLookup::KindNotConfigured => {
            let evidence = format!(
                "{key} would sign; [signers] configures no such signers, or its public key is unknown before it signs"
            );
            return SigningKeyStatus::Refused(explain(Reason::KeyNotAllowed, evidence));
        }
        PolicyLookup::Key(signer) => signer,
    };
    let finding = evaluate_signer("signer", email, signer, now);
    let valid_until = signer.policy_entries.iter().filter_map(|it| it.valid_before).max();
    let valid_until = valid_until.map_or(String::new(), |it| format!(", until {}", format_rfc3339(it)));
    let evidence = finding.explanation.evidence;
    match finding.verdict {
        Verdict::Proven => SigningKeyStatus::Allowed(format!("{evidence}{valid_until}")),
        Verdict::Unproven | Verdict::Refuted => {
            SigningKeyStatus::Refused(explain(Reason::KeyNotAllowed, evidence))
        }
    }
}

/// Returns the first finding that makes a signature that was just made unusable. With a policy every check must be
/// proven. Without one only a refuted check counts, except for the signer, who cannot be checked. Returns `None` if
/// the signature is usable.
#[must_use]
pub fn self_check(findings: Vec<Finding>, has_policy: bool) -> Option<Finding> {
    let is_flaw = |it: &Finding| match it.verdict {
        Verdict::Proven => false,
        Verdict::Unproven => has_policy,
        Verdict::Refuted => has_policy || it.check != "signer",
    };
    findings.into_iter().find(is_flaw)
}

struct TagEvaluator<'a> {
    evidence: &'a TagEvidence,
}

impl TagEvaluator<'_> {
    fn finding(&self, check: &'static str, verdict: Verdict, explanation: Explanation) -> Finding {
        Finding::new(check, &self.evidence.name, verdict, explanation)
    }

    fn proven(&self, check: &'static str, evidence: String) -> Finding {
        Finding::proven(check, &self.evidence.name, evidence)
    }

    fn unproven(&self, check: &'static str, reason: Reason, evidence: &str) -> Finding {
        Finding::unproven(check, &self.evidence.name, reason, evidence)
    }

    fn refuted(&self, check: &'static str, reason: Reason, evidence: String) -> Finding {
        Finding::refuted(check, &self.evidence.name, reason, evidence)
    }

    fn name(&self, object: &TagObject) -> Finding {
        if object.name == self.evidence.name {
            return self.proven("name", format!("the tag object is named {}", object.name));
        }
        let evidence =
            format!("the tag object is named {}, the reference {}", object.name, self.evidence.name);
        self.refuted("name", Reason::TagName, evidence)
    }

    fn target(&self, object: &TagObject) -> Finding {
        let expected = self.evidence.expected_commit.object();
        match (object.target_type.as_str(), object.target) {
            ("commit", target) if target == expected => self.proven("target", format!("commit {target}")),
            ("commit", target) => self.refuted(
                "target",
                Reason::WrongCommit,
                format!("it points to commit {target}, expected {expected}"),
            ),
            (kind, target) => self.refuted(
                "target",
                Reason::NestedTag,
                format!("it points to the {kind} {target}, expected a commit"),
            ),
        }
    }

    fn signer(&self, object: &TagObject, signer: &SignerKey, now: i64) -> Finding {
        signer_finding(&self.evidence.name, &object.tagger.email, signer, object.time, now)
    }

    /// Checks that the policy allows the identity in a Sigstore certificate.
    fn identity(&self, signer: &SigstoreIdentity, time: i64, allowed: &[SigstoreIdentity]) -> [Finding; 2] {
        let SigstoreIdentity { name, issuer } = signer;
        let description =
            format!("made by {name} ({issuer}) for exactly this tag, logged on {}", format_rfc3339(time));
        let signer = if allowed.contains(signer) {
            self.proven("signer", format!("the policy allows {name}"))
        } else {
            self.refuted(
                "signer",
                Reason::WrongIdentity,
                format!("the policy does not name {name} ({issuer})"),
            )
        };
        [self.proven("signature", description), signer]
    }

    /// Checks the tag's date, which only the signer states: it must not be before the commit or in the future.
    fn time(&self, object: &TagObject, now: i64) -> Finding {
        /// The largest accepted difference between clocks, in seconds.
        const MAX_CLOCK_SKEW_SECONDS: i64 = 300;
        let tagged = format!("tagged {}", format_rfc3339(object.time));
        if object.time + MAX_CLOCK_SKEW_SECONDS < self.evidence.commit_time {
            let commit = format_rfc3339(self.evidence.commit_time);
            return self.refuted(
                "time",
                Reason::Backdated,
                format!("{tagged}, before its commit of {commit}"),
            );
        }
        if object.time > now + MAX_CLOCK_SKEW_SECONDS {
            return self.refuted("time", Reason::Future, format!("{tagged}, which is in the future"));
        }
        self.proven("time", tagged)
    }
}

fn signer_finding(subject: &str, email: &str, signer: &SignerKey, signed_at: i64, now: i64) -> Finding {
    let key = &signer.fingerprint;
    let refuted = |reason, evidence: String| Finding::refuted("signer", subject, reason, evidence);
    match &signer.revocation {
        RevocationStatus::Revoked => return refuted(Reason::Revoked, format!("{key} is revoked")),
        RevocationStatus::Unreadable(message) => {
            let evidence = format!("whether {key} is revoked is unknown: {message}");
            return Finding::unproven("signer", subject, Reason::RevocationUnknown, evidence);
        }
        RevocationStatus::NotRevoked => {}
    }
    let verdicts: Vec<Result<(), Explanation>> =
        signer.policy_entries.iter().map(|it| check_allowed_signer(it, email, signed_at, now)).collect();
    if verdicts.iter().any(Result::is_ok) {
        return Finding::proven("signer", subject, format!("{key} may sign for {email}"));
    }
    match verdicts.into_iter().find_map(Result::err) {
        None => refuted(Reason::UnknownKey, format!("{key} is not among the allowed signers")),
        Some(Explanation { reason, evidence }) => refuted(reason, format!("{key} {evidence}")),
    }
}

/// Checks whether a policy entry allows a signature for `email` that was made at `signed_at`. A key that has expired by
/// now could have signed with any earlier date, so without an independent time its signature is refuted too.
fn check_allowed_signer(
    allowed_signer: &AllowedSigner,
    email: &str,
    signed_at: i64,
    now: i64,
) -> Result<(), Explanation> {
    let refuse = |reason, evidence: String| Err(Explanation::new(reason, evidence));
    let AllowedSigner { principals, namespaces, .. } = allowed_signer;
    if !namespaces.is_empty() && !matches_pattern_list(namespaces, GIT_NAMESPACE) {
        return refuse(
            Reason::WrongNamespace,
            format!("may sign for {} and not for git", namespaces.join(", ")),
        );
    }
    if !matches_pattern_list(principals, email) {
        return refuse(
            Reason::WrongPrincipal,
            format!("belongs to {} and not to {email}", principals.join(",")),
        );
    }
    if let Some(named) =
        allowed_signer.certificate_principals.as_ref().filter(|it| it.iter().all(|it| it != email))
    {
        let evidence = format!("is certified for {} and not for {email}", named.join(","));
        return refuse(Reason::WrongPrincipal, evidence);
    }
    if let Some(after) = allowed_signer.valid_after.filter(|it| signed_at < *it) {
        return refuse(Reason::NotYetValid, format!("is valid from {}", format_rfc3339(after)));
    }
    match allowed_signer.valid_before {
        Some(before) if signed_at > before => {
            refuse(Reason::Expired, format!("was valid until {}", format_rfc3339(before)))
        }
        Some(before) if now > before => {
            let when = format_rfc3339(before);
            let evidence = format!("was valid until {when}, and only the signer states when this was signed");
            refuse(Reason::ExpiredNoTrustedTime, evidence)
        }
        _ => Ok(()),
    }
}

/// Matches a text against a pattern list of OpenSSH (`ssh_config(5)`, "PATTERNS"): at least one pattern must match, and
/// no pattern with a `!` may match.
fn matches_pattern_list(patterns: &[String], text: &str) -> bool {
    let matches = |pattern: &str| pattern::matches_wildcards(pattern, text, Some(b'?'));
    let excluded = patterns.iter().filter_map(|it| it.strip_prefix('!')).any(matches);
    !excluded && patterns.iter().any(|it| matches(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &str) -> Vec<String> {
        patterns.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn pattern_lists_match_as_in_openssh() {
        assert!(
            matches_pattern_list(&list("a@x"), "a@x")
                && matches_pattern_list(&list("*@x"), "a@x")
                && matches_pattern_list(&list("?@x,b"), "a@x")
        );
        assert!(
            !matches_pattern_list(&list("a@x"), "A@x")
                && !matches_pattern_list(&list("*@x,!a@x"), "a@x")
                && !matches_pattern_list(&list("?@x"), "@x")
        );
        assert!(!matches_pattern_list(&list("!a@x"), "b@x"), "an exclusion alone allows no address");
    }

    fn allowed_signer(after: Option<i64>, before: Option<i64>) -> AllowedSigner {
        AllowedSigner {
            principals: list("a@x"),
            certificate_principals: None,
            namespaces: vec![],
            valid_after: after,
            valid_before: before,
        }
    }

    #[test]
    fn validity_windows_are_inclusive() {
        let reason = |grant: AllowedSigner, signed_at, now| {
            check_allowed_signer(&grant, "a@x", signed_at, now).err().map(|it| it.reason.code())
        };
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 10, 20), None);
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 20, 20), None);
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 9, 20), Some("not-yet-valid"));
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 21, 21), Some("expired"));
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 15, 21), Some("expired-no-trusted-time"));
    }
}
