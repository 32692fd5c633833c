//! What a signed tag proves.

use model::base::time::format_rfc3339;
use model::evidence::signature::{
    AllowedSigner, RevocationStatus, SignatureCheck, SignerKey, SigstoreIdentity, TagEvidence, TagObject,
};
use model::evidence::verdict::{Finding, Verdict};

use crate::pattern;

/// The command that configures trusted signers.
pub const CONFIGURE_SIGNERS: &str = "cargo xtask config init --signer";
/// What signatures of tags are made for.
const GIT_NAMESPACE: &str = "git";

/// Judges a tag: its shape, its name, what it points to, its signature, who made it and when. `now` is in seconds since
/// 1970 in UTC. Stricter than `git verify-tag`, which compares neither the name nor the time.
#[must_use]
pub fn evaluate_tag(evidence: &TagEvidence, now: i64) -> Vec<Finding> {
    let evaluator = TagEvaluator { evidence };
    let object = match &evidence.object {
        None => {
            return vec![
                evaluator.unsigned("lightweight", "it is a reference to a commit: nothing can be signed"),
            ];
        }
        Some(Err(error)) => return vec![evaluator.refuted("shape", error.reason, error.message.clone())],
        Some(Ok(object)) => object,
    };
    let mut findings = vec![evaluator.name(object), evaluator.target(object)];
    if object.signature.is_none() {
        findings.push(evaluator.unsigned("unsigned", "the tag object has no signature"));
        return findings;
    }
    match &evidence.signature_check {
        None => findings.push(evaluator.unproven(
            "signature",
            "no-policy",
            "no trusted signers are configured ([signers]): nobody says whose signature counts",
            CONFIGURE_SIGNERS,
        )),
        Some(SignatureCheck::Bad { reason, evidence }) => {
            findings.push(evaluator.refuted("signature", reason, evidence.clone()));
        }
        Some(SignatureCheck::Unknown { reason, evidence }) => findings.push(evaluator.unproven(
            "signature",
            reason,
            evidence,
            "check it with git verify-tag, and the signer by hand",
        )),
        Some(SignatureCheck::ByIdentity { signer, logged_at: time, allowed }) => {
            findings.extend(evaluator.identity(signer, *time, allowed));
            findings.push(evaluator.time(object, now));
        }
        Some(SignatureCheck::ByKey(signer)) => {
            let description = format!("made by {} for the tag as it is", signer.fingerprint);
            findings.push(evaluator.proven("signature", description));
            findings.push(evaluator.signer(object, signer, now));
            findings.push(evaluator.time(object, now));
        }
    }
    findings
}

/// Whether a key counts for a person now, before anything is signed with it: the same rules, for a tag made now.
#[must_use]
pub fn evaluate_signer(name: &str, email: &str, signer: &SignerKey, now: i64) -> Finding {
    signer_finding(name, email, signer, now, now)
}

/// What speaks against a signature that was just made, if anything does: with a policy whatever is not proven, without
/// one only what is refuted, and nobody is there to say whether the signer counts.
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
    fn proven(&self, check: &'static str, evidence: String) -> Finding {
        let subject = self.evidence.name.clone();
        Finding { check, subject, verdict: Verdict::Proven, reason: "ok", evidence, hint: String::new() }
    }

    fn unproven(&self, check: &'static str, reason: &'static str, evidence: &str, hint: &str) -> Finding {
        let (verdict, hint) = (Verdict::Unproven, hint.to_owned());
        Finding { verdict, reason, hint, ..self.proven(check, evidence.to_owned()) }
    }

    fn refuted(&self, check: &'static str, reason: &'static str, evidence: String) -> Finding {
        let hint = "do not use what this tag names, and ask its maintainers".to_owned();
        Finding { verdict: Verdict::Refuted, reason, hint, ..self.proven(check, evidence) }
    }

    fn unsigned(&self, reason: &'static str, evidence: &str) -> Finding {
        self.unproven("signature", reason, evidence, "a published tag is never replaced: sign the next one")
    }

    fn name(&self, object: &TagObject) -> Finding {
        if object.name == self.evidence.name {
            return self.proven("name", format!("the object names itself {}", object.name));
        }
        let evidence =
            format!("the object names itself {} and stands under {}", object.name, self.evidence.name);
        self.refuted("name", "tag-name", evidence)
    }

    fn target(&self, object: &TagObject) -> Finding {
        let expected = self.evidence.expected_commit.object();
        match (object.target_type.as_str(), object.target) {
            ("commit", target) if target == expected => self.proven("target", format!("commit {target}")),
            ("commit", target) => self.refuted(
                "target",
                "commit",
                format!("it points to commit {target}, and {expected} was expected"),
            ),
            (kind, target) => self.refuted(
                "target",
                "nested",
                format!("it points to the {kind} {target} and not to a commit"),
            ),
        }
    }

    fn signer(&self, object: &TagObject, signer: &SignerKey, now: i64) -> Finding {
        signer_finding(&self.evidence.name, &object.tagger.email, signer, object.time, now)
    }

    /// Somebody whom a certificate names, and whom the policy must name too.
    fn identity(&self, signer: &SigstoreIdentity, time: i64, allowed: &[SigstoreIdentity]) -> [Finding; 2] {
        let SigstoreIdentity { name, issuer } = signer;
        let made =
            format!("made by {name} ({issuer}) for the tag as it is, logged on {}", format_rfc3339(time));
        let signer = if allowed.contains(signer) {
            self.proven("signer", format!("{name} may sign, says the policy"))
        } else {
            self.refuted("signer", "identity", format!("the policy does not name {name} ({issuer})"))
        };
        [self.proven("signature", made), signer]
    }

    /// A tagger's time is the signer's own word: it can be no earlier than the commit, and no later than now.
    fn time(&self, object: &TagObject, now: i64) -> Finding {
        /// How far clocks may be apart, in seconds.
        const MAX_CLOCK_SKEW_SECONDS: i64 = 300;
        if object.time + MAX_CLOCK_SKEW_SECONDS < self.evidence.commit_time {
            let commit = format_rfc3339(self.evidence.commit_time);
            return self.refuted(
                "time",
                "backdated",
                format!("tagged {}, before its commit of {commit}", format_rfc3339(object.time)),
            );
        }
        if object.time > now + MAX_CLOCK_SKEW_SECONDS {
            return self.refuted(
                "time",
                "future",
                format!("tagged {}, which is in the future", format_rfc3339(object.time)),
            );
        }
        self.proven("time", format!("tagged {}", format_rfc3339(object.time)))
    }
}

fn signer_finding(subject: &str, email: &str, signer: &SignerKey, signed_at: i64, now: i64) -> Finding {
    let finding = |verdict, reason, evidence: String, hint: &str| Finding {
        check: "signer",
        subject: subject.to_owned(),
        verdict,
        reason,
        evidence,
        hint: hint.to_owned(),
    };
    let key = &signer.fingerprint;
    let refuted = |reason, evidence: String| {
        finding(Verdict::Refuted, reason, evidence, "see [signers] of release.toml")
    };
    match &signer.revocation {
        RevocationStatus::Revoked => return refuted("revoked", format!("{key} is revoked")),
        RevocationStatus::Unreadable(message) => {
            let evidence = format!("whether {key} is revoked cannot be told: {message}");
            return finding(
                Verdict::Unproven,
                "revocation",
                evidence,
                "mend the file that [signers] names as revoked",
            );
        }
        RevocationStatus::NotRevoked => {}
    }
    let verdicts: Vec<Result<(), (&'static str, String)>> =
        signer.policy_entries.iter().map(|it| check_allowed_signer(it, email, signed_at, now)).collect();
    if verdicts.iter().any(Result::is_ok) {
        return finding(Verdict::Proven, "ok", format!("{key} may sign for {email}"), "");
    }
    match verdicts.into_iter().find_map(Result::err) {
        None => refuted("unknown-key", format!("{key} is not among the allowed signers")),
        Some((reason, why)) => refuted(reason, format!("{key} {why}")),
    }
}

/// Whether a line of the policy allows a signature for `email` that was made at `at`. A key that is outside of its time
/// by now could have signed with any date: without an independent time, that is refused too.
fn check_allowed_signer(
    allowed_signer: &AllowedSigner,
    email: &str,
    signed_at: i64,
    now: i64,
) -> Result<(), (&'static str, String)> {
    if !allowed_signer.namespaces.is_empty()
        && !matches_pattern_list(&allowed_signer.namespaces, GIT_NAMESPACE)
    {
        return Err((
            "namespace",
            format!("may sign for {} and not for git", allowed_signer.namespaces.join(", ")),
        ));
    }
    if !matches_pattern_list(&allowed_signer.principals, email) {
        return Err((
            "principal",
            format!("belongs to {} and not to {email}", allowed_signer.principals.join(",")),
        ));
    }
    if let Some(named) =
        allowed_signer.certificate_principals.as_ref().filter(|it| it.iter().all(|it| it != email))
    {
        return Err(("principal", format!("is certified for {} and not for {email}", named.join(","))));
    }
    if let Some(after) = allowed_signer.valid_after.filter(|it| signed_at < *it) {
        return Err(("not-yet-valid", format!("counts from {} on", format_rfc3339(after))));
    }
    match allowed_signer.valid_before {
        Some(before) if signed_at > before => {
            Err(("expired", format!("counted until {}", format_rfc3339(before))))
        }
        Some(before) if now > before => {
            let when = format_rfc3339(before);
            Err((
                "expired-no-trusted-time",
                format!("counted until {when}, and only the signer says when this was signed"),
            ))
        }
        _ => Ok(()),
    }
}

/// The pattern lists of OpenSSH (`ssh_config(5)`, "PATTERNS"): any pattern that fits, and none with a `!` that does.
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
        assert!(!matches_pattern_list(&list("!a@x"), "b@x"), "an exclusion allows nobody");
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
            check_allowed_signer(&grant, "a@x", signed_at, now).err().map(|it| it.0)
        };
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 10, 20), None);
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 20, 20), None);
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 9, 20), Some("not-yet-valid"));
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 21, 21), Some("expired"));
        assert_eq!(reason(allowed_signer(Some(10), Some(20)), 15, 21), Some("expired-no-trusted-time"));
    }
}
