//! Checks one bundle against a policy: its type, its log proof, its signing time, its signer and its statement.

use model::evidence::attestation::{
    AttestationPolicy, BundleCheck, BundleVerdict, ExpectedSigner, FulcioClaim, IN_TOTO_STATEMENT_V01,
    IN_TOTO_STATEMENT_V1, IdentityMatcher, LogProof, Rejection, SignerCertificate, Statement, VerifiedBundle,
};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::verdict::Verdict;

use super::identity_regexp::compile_identity_regexp;
use super::rejections::expect_eq;
use super::{builder, consistency, release_attestation, workflow_identity};

/// The largest accepted lag of the local clock behind that of a log, in seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

/// The longest evidence in a report, in characters. Values from a bundle may have any length.
const MAX_EVIDENCE_CHARS: usize = 400;

/// Checks a bundle against a policy. Returns its verdict, and its content if it is proven.
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

/// Describes the signature for evidence: the signer, the commit and the earliest signing time.
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

/// Checks a verified bundle against a policy. Returns the warnings if it satisfies the policy, otherwise the rejection.
/// The type is checked first, so that a bundle of another type is never refuted for its other properties.
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
            "the log entry has only an inclusion promise, expected an inclusion proof",
        ));
    }
    if let Some(time) = bundle.timestamps.iter().find(|it| **it > policy.now + MAX_CLOCK_SKEW_SECONDS) {
        return Err(Rejection::refuted(
            Reason::SigningTime,
            format!("it was signed on {}, which is in the future", model::base::time::format_rfc3339(*time)),
        ));
    }
    match (&policy.signer, &bundle.signer) {
        (ExpectedSigner::Key, _) => {}
        (_, None) => {
            return Err(Rejection::refuted(Reason::WrongSigner, "the bundle has no signing certificate"));
        }
        (ExpectedSigner::Identity { name, issuer }, Some(signer)) => check_identity(signer, name, issuer)?,
        (ExpectedSigner::GitHubRelease(rule), Some(signer)) => {
            release_attestation::check_release_attestation(
                rule,
                signer,
                statement,
                policy.subject_name.as_deref(),
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

/// Checks the predicate type. Another type is unproven, not refuted: such a statement makes no claim about the policy.
fn check_predicate_type(policy: &AttestationPolicy, statement: Option<&Statement>) -> Result<(), Rejection> {
    let wanted = &policy.predicate_types;
    let found = statement.map_or("a signature of the artifact itself", |it| it.predicate_type.as_str());
    if wanted.is_empty() || wanted.iter().any(|it| it == found) {
        return Ok(());
    }
    Err(Rejection::unproven(
        Reason::PredicateType,
        format!("it contains {found}, expected {}", wanted.join(" or ")),
    ))
}

/// Checks the version of the statement's type. Workflows of the repository and GitHub itself have always written
/// version 1; other signers also use version 0.1. An unknown version is unproven, because its meaning is unknown.
fn check_statement_type(policy: &AttestationPolicy, found: &str) -> Result<(), Rejection> {
    if matches!(policy.signer, ExpectedSigner::Workflow(_) | ExpectedSigner::GitHubRelease(_)) {
        return expect_eq(Reason::Statement, "the statement's type is", found, IN_TOTO_STATEMENT_V1);
    }
    if [IN_TOTO_STATEMENT_V1, IN_TOTO_STATEMENT_V01].contains(&found) {
        return Ok(());
    }
    let evidence = format!(
        "the statement's type is '{found}', expected {IN_TOTO_STATEMENT_V1} or {IN_TOTO_STATEMENT_V01}"
    );
    Err(Rejection::unproven(Reason::Unsupported, evidence))
}

/// Checks an identity as cosign does: the name exactly or by a regular expression, the issuer exactly.
fn check_identity(signer: &SignerCertificate, name: &IdentityMatcher, issuer: &str) -> Result<(), Rejection> {
    let found =
        signer.claims.get(FulcioClaim::Issuer).or_else(|| signer.claims.0.get(&1).map(String::as_str));
    if found != Some(issuer) {
        let found = found.unwrap_or("not stated");
        return Err(Rejection::refuted(
            Reason::WrongIssuer,
            format!("the token's issuer is {found}, expected {issuer}"),
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
