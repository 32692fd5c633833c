//! Checks one bundle against a policy: its type, its log proof, its time, its signer and its statement.

use model::evidence::attestation::{
    AttestationPolicy, BundleCheck, BundleVerdict, ExpectedSigner, FulcioClaim, IN_TOTO_STATEMENT_V01,
    IN_TOTO_STATEMENT_V1, IdentityMatcher, LogProof, Rejection, SignerCertificate, Statement, VerifiedBundle,
};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::verdict::Verdict;

use super::identity_regexp::compile_identity_regexp;
use super::rejections::expect_eq;
use super::{builder, consistency, release_attestation, workflow_identity};

/// How far a clock may be behind that of a log, in seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

/// How long a piece of evidence is told, in characters: what a bundle says may be of any length.
const MAX_EVIDENCE_CHARS: usize = 400;

/// A bundle with its verdict, and what it says where it proves what was wanted.
#[must_use]
pub fn check_bundle(
    policy: &AttestationPolicy,
    bundle: BundleCheck,
) -> (BundleVerdict, Option<VerifiedBundle>) {
    let checked = bundle.result.and_then(|verified| {
        let warnings = check_policy(policy, &verified, bundle.repository_id)?;
        Ok((verified, warnings))
    });
    let bundle_verdict = |verdict, Explanation { reason, evidence }, warnings| {
        let evidence: String = evidence.chars().take(MAX_EVIDENCE_CHARS).collect();
        let explanation = Explanation { reason, evidence };
        BundleVerdict { origin: bundle.origin, verdict, explanation, warnings }
    };
    match checked {
        Ok((verified, warnings)) => {
            let explanation = Explanation::new(Reason::Ok, describe_signature(&verified));
            (bundle_verdict(Verdict::Proven, explanation, warnings), Some(verified))
        }
        Err(rejection) => (bundle_verdict(rejection.verdict, rejection.explanation, Vec::new()), None),
    }
}

/// Who signed, and when, in words.
fn describe_signature(bundle: &VerifiedBundle) -> String {
    let who = bundle.signer.as_ref().map_or("with the key", |it| it.san.as_str());
    let commit = bundle.signer.as_ref().and_then(|it| it.claims.get(FulcioClaim::SourceRepositoryDigest));
    let commit =
        commit.map_or(String::new(), |it| format!(" at {}", it.chars().take(12).collect::<String>()));
    let time = bundle
        .timestamps
        .iter()
        .min()
        .map_or(String::new(), |it| format!(" on {}", model::base::time::format_rfc3339(*it)));
    format!("signed by {who}{commit}{time}")
}

/// What does not stand against a bundle that holds.
fn check_policy(
    policy: &AttestationPolicy,
    bundle: &VerifiedBundle,
    repository_id: Option<u64>,
) -> Result<Vec<String>, Rejection> {
    let mut warnings = Vec::new();
    let statement = bundle.statement.as_ref();
    check_predicate_type(policy, statement)?;
    if let Some(statement) = statement {
        check_statement_type(policy, &statement.statement_type)?;
    }
    if bundle.log_proof == Some(LogProof::InclusionPromise)
        && matches!(policy.signer, ExpectedSigner::Workflow(_))
    {
        return Err(Rejection::refuted(
            Reason::LogProof,
            "the log only promised to include it: there is no proof that it did",
        ));
    }
    if let Some(time) = bundle.timestamps.iter().find(|it| **it > policy.now + MAX_CLOCK_SKEW_SECONDS) {
        return Err(Rejection::refuted(
            Reason::SigningTime,
            format!("it was signed in the future, {}", model::base::time::format_rfc3339(*time)),
        ));
    }
    match (&policy.signer, &bundle.signer) {
        (ExpectedSigner::Key, _) => {}
        (_, None) => return Err(Rejection::refuted(Reason::WrongSigner, "nobody is named who signed it")),
        (ExpectedSigner::Identity { name, issuer }, Some(signer)) => check_identity(signer, name, issuer)?,
        (ExpectedSigner::GitHubRelease(rule), Some(signer)) => {
            release_attestation::check_release_attestation(
                rule,
                signer,
                (statement, policy.subject_name.as_deref()),
                repository_id,
            )?;
        }
        (ExpectedSigner::Builder(rule), Some(signer)) => {
            builder::check_builder(rule, signer, statement)?;
        }
        (ExpectedSigner::Workflow(rule), Some(signer)) => {
            let time = bundle.timestamps.iter().min().copied().unwrap_or(0);
            workflow_identity::check_workflow(rule, signer, time, &mut warnings)?;
            workflow_identity::check_repository_id(signer, repository_id)?;
            if let Some(statement) = statement {
                consistency::check_statement(policy, statement, signer, &mut warnings)?;
            }
        }
    }
    Ok(warnings)
}

/// What is no statement of the wanted type is not refuted: it says something else.
fn check_predicate_type(policy: &AttestationPolicy, statement: Option<&Statement>) -> Result<(), Rejection> {
    let wanted = &policy.predicate_types;
    let found = statement.map_or("a signature of the artifact itself", |it| it.predicate_type.as_str());
    if wanted.is_empty() || wanted.iter().any(|it| it == found) {
        return Ok(());
    }
    Err(Rejection::unproven(
        Reason::PredicateType,
        format!("it says {found}, expected {}", wanted.join(" or ")),
    ))
}

/// Whether a statement is of a version that is known. Attestations of the repository's own workflows have never been of an
/// older one; elsewhere both are in use. An unknown version is unproven: nobody here knows what it means.
fn check_statement_type(policy: &AttestationPolicy, found: &str) -> Result<(), Rejection> {
    if matches!(policy.signer, ExpectedSigner::Workflow(_) | ExpectedSigner::GitHubRelease(_)) {
        return expect_eq(Reason::Statement, "its type is", found, IN_TOTO_STATEMENT_V1);
    }
    if [IN_TOTO_STATEMENT_V1, IN_TOTO_STATEMENT_V01].contains(&found) {
        return Ok(());
    }
    let evidence =
        format!("its type is '{found}', expected {IN_TOTO_STATEMENT_V1} or {IN_TOTO_STATEMENT_V01}");
    Err(Rejection::unproven(Reason::Unsupported, evidence))
}

/// As cosign compares: the name exactly or by a pattern, the issuer exactly.
fn check_identity(signer: &SignerCertificate, name: &IdentityMatcher, issuer: &str) -> Result<(), Rejection> {
    let found =
        signer.claims.get(FulcioClaim::Issuer).or_else(|| signer.claims.0.get(&1).map(String::as_str));
    if found != Some(issuer) {
        let found = found.unwrap_or("nobody");
        return Err(Rejection::refuted(
            Reason::WrongIssuer,
            format!("the token was issued by {found}, and {issuer} is wanted"),
        ));
    }
    let fits = match name {
        IdentityMatcher::Exact(wanted) => signer.san == *wanted,
        IdentityMatcher::Regexp(pattern) => {
            compile_identity_regexp(pattern).is_ok_and(|it| it.is_match(&signer.san))
        }
    };
    if fits {
        Ok(())
    } else {
        Err(Rejection::refuted(Reason::WrongIdentity, format!("it was signed by {}", signer.san)))
    }
}
