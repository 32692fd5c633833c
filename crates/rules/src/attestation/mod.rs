//! Whether what a bundle says is what was wanted: who signed, where, from what, about what.
//!
//! The certificate decides; what the statement says of the run must agree with it, because any step of a build can write a
//! statement (`gh attestation verify --help`; slsa-verifier's `provenance_forgeable.go`).

mod builder;
mod consistency;
mod release_attestation;
mod workflow_identity;

use model::evidence::attestation::{
    AcceptedRepository, AttestationPolicy, BundleCheck, BundleVerdict, BundleVerdicts, ExpectedSigner,
    FulcioClaim, GITHUB_ACTIONS_ISSUER, IN_TOTO_STATEMENT_V01, IN_TOTO_STATEMENT_V1, IdentityMatcher,
    LogProof, Rejection, SignerCertificate, Statement, VerifiedBundle, Workflow, WorkflowPolicy,
};
use model::evidence::verdict::{Finding, Verdict};
use model::{Catalog, Digest, RepoSlug};
use regex::Regex;

/// How far a clock may be behind that of a log, in seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

/// A pattern of names, if it is one.
///
/// # Errors
/// What is wrong with it.
pub fn compile_identity_regexp(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// The repositories whose workflows may sign: the one that is meant, or every one that the catalog's was.
#[must_use]
pub fn accepted_repositories(
    catalog: &Catalog,
    slug: &RepoSlug,
    only_named: bool,
) -> Vec<AcceptedRepository> {
    let known = catalog.identities.iter().any(|it| it.slug == *slug);
    let eras = catalog.identities.iter().filter(|it| known && (!only_named || it.slug == *slug));
    let rules: Vec<AcceptedRepository> = eras
        .map(|it| AcceptedRepository {
            url: it.slug.url(),
            repository_id: it.repository_id,
            owner_id: it.owner_id,
            since: it.starts_at(),
        })
        .collect();
    if rules.is_empty() {
        return vec![AcceptedRepository {
            url: slug.url(),
            repository_id: None,
            owner_id: None,
            since: None,
        }];
    }
    rules
}

/// Who may attest a release: the release workflow, dispatched on the branch, on GitHub's own runners.
#[must_use]
pub fn release_workflow_policy(
    catalog: &Catalog,
    repositories: Vec<AcceptedRepository>,
    branch: &str,
) -> ExpectedSigner {
    ExpectedSigner::Workflow(Box::new(WorkflowPolicy {
        repositories,
        workflow: Workflow::File(catalog.source_workflow.clone()),
        reference: Some(format!("refs/heads/{branch}")),
        commit: None,
        trigger: Some("workflow_dispatch".to_owned()),
        issuer: GITHUB_ACTIONS_ISSUER.to_owned(),
        deny_self_hosted: true,
    }))
}

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
    let bundle_verdict = |verdict, reason, evidence: String, warnings| BundleVerdict {
        origin: bundle.origin,
        verdict,
        reason,
        evidence: evidence.chars().take(MAX_EVIDENCE_CHARS).collect(),
        warnings,
    };
    match checked {
        Ok((verified, warnings)) => {
            (bundle_verdict(Verdict::Proven, "ok", describe_signature(&verified), warnings), Some(verified))
        }
        Err(rejection) => {
            (bundle_verdict(rejection.verdict, rejection.reason, rejection.evidence, Vec::new()), None)
        }
    }
}

/// What a list of sums proves of a file: that it is the one that the list names. `found` is `None` if there is no such file.
#[must_use]
pub fn listed_digest_finding(subject: &str, expected: Digest, found: Option<Digest>) -> Finding {
    let (verdict, reason, evidence, hint) = match found {
        None => {
            let evidence = "the list names it, and it is not in the folder of the list".to_owned();
            (Verdict::Unproven, "not-there", evidence, "download it there")
        }
        Some(found) if found == expected => {
            (Verdict::Proven, "ok", format!("the list of sums has {expected}"), "")
        }
        Some(found) => {
            let evidence = format!("the list of sums has {expected}, the file {found}");
            (Verdict::Refuted, "sums-content", evidence, "do not use it, and download it again")
        }
    };
    let check = if found.is_some() { "sums" } else { "attestation" };
    Finding { check, subject: subject.to_owned(), verdict, reason, evidence, hint: hint.to_owned() }
}

/// What all bundles together prove of an artifact. One that holds is enough; the others are told.
#[must_use]
pub fn attestation_finding(subject: &str, verdicts: &BundleVerdicts) -> Finding {
    let found = |verdict, reason, evidence: String, hint: &str| Finding {
        check: "attestation",
        subject: subject.to_owned(),
        verdict,
        reason,
        evidence,
        hint: hint.to_owned(),
    };
    if let Some((index, _)) = &verdicts.proven {
        let bundle = &verdicts.bundles[*index];
        let others = verdicts.bundles.iter().filter(|it| it.verdict != Verdict::Proven).count();
        let mut evidence = bundle.evidence.clone();
        for note in &bundle.warnings {
            evidence.push_str("; note: ");
            evidence.push_str(note);
        }
        if others > 0 {
            evidence = format!("{evidence}; {others} other bundles do not hold");
        }
        return found(Verdict::Proven, "ok", evidence, "");
    }
    // What says something else is no evidence, neither for nor against.
    let relevant: Vec<&BundleVerdict> =
        verdicts.bundles.iter().filter(|it| it.reason != "predicate-type").collect();
    let refuted = relevant.iter().find(|it| it.verdict == Verdict::Refuted);
    match refuted.or(relevant.first()) {
        Some(bundle) => found(bundle.verdict, bundle.reason, bundle.evidence.clone(), hint(bundle.reason)),
        None if verdicts.bundles.is_empty() => {
            found(Verdict::Unproven, "missing", "there is no attestation".to_owned(), hint("missing"))
        }
        None => {
            let evidence = format!("there is no such attestation: {}", verdicts.bundles[0].evidence);
            found(Verdict::Unproven, "missing", evidence, hint("missing"))
        }
    }
}

/// What to do about a bundle that does not hold.
fn hint(reason: &str) -> &'static str {
    match reason {
        "missing" => "an attestation is made by the release workflow, which may still run",
        "subject-digest" => "these are not the bytes that were attested: do not use them",
        "subject-name" => {
            "if the file was renamed, give it its name back; else it belongs to another release"
        }
        "trust-root" => "check --trusted-root, or go online so that the trusted roots can be refreshed",
        "limit" | "unreadable" => "look at the bundle, and hand over only what belongs to the artifact",
        "unsupported" => "hand over the file itself and not its digest",
        "parse" => "fetch the bundle again",
        "unreachable" => "run again",
        "repo" | "repo-id" | "workflow" | "signer" | "ref" | "commit" | "trigger" | "issuer" | "identity" => {
            "it was made by somebody else or for something else: do not use the artifact"
        }
        _ => "do not use the artifact, and tell the maintainers",
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

type PolicyResult = Result<Vec<String>, Rejection>;

fn refuted(reason: &'static str, evidence: impl Into<String>) -> Rejection {
    Rejection::refuted(reason, evidence)
}

/// What does not stand against a bundle that holds.
fn check_policy(
    policy: &AttestationPolicy,
    bundle: &VerifiedBundle,
    repository_id: Option<u64>,
) -> PolicyResult {
    let mut warnings = Vec::new();
    let statement = bundle.statement.as_ref();
    check_predicate_type(policy, statement)?;
    if let Some(statement) = statement {
        check_statement_type(policy, &statement.statement_type)?;
    }
    if bundle.log_proof == Some(LogProof::InclusionPromise)
        && matches!(policy.signer, ExpectedSigner::Workflow(_))
    {
        return Err(refuted("tlog", "the log only promised to include it: there is no proof that it did"));
    }
    if let Some(time) = bundle.timestamps.iter().find(|it| **it > policy.now + MAX_CLOCK_SKEW_SECONDS) {
        return Err(refuted(
            "time",
            format!("it was signed in the future, {}", model::base::time::format_rfc3339(*time)),
        ));
    }
    match (&policy.signer, &bundle.signer) {
        (ExpectedSigner::Key, _) => {}
        (_, None) => return Err(refuted("signer", "nobody is named who signed it")),
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
    Err(Rejection::unproven("predicate-type", format!("it says {found}, expected {}", wanted.join(" or "))))
}

/// Whether a statement is of a version that is known. Attestations of the repository's own workflows have never been of an
/// older one; elsewhere both are in use. An unknown version is unproven: nobody here knows what it means.
fn check_statement_type(policy: &AttestationPolicy, found: &str) -> Result<(), Rejection> {
    if matches!(policy.signer, ExpectedSigner::Workflow(_) | ExpectedSigner::GitHubRelease(_)) {
        return expect_eq("statement", "its type is", found, IN_TOTO_STATEMENT_V1);
    }
    if [IN_TOTO_STATEMENT_V1, IN_TOTO_STATEMENT_V01].contains(&found) {
        return Ok(());
    }
    let evidence =
        format!("its type is '{found}', expected {IN_TOTO_STATEMENT_V1} or {IN_TOTO_STATEMENT_V01}");
    Err(Rejection::unproven("unsupported", evidence))
}

/// As cosign compares: the name exactly or by a pattern, the issuer exactly.
fn check_identity(signer: &SignerCertificate, name: &IdentityMatcher, issuer: &str) -> Result<(), Rejection> {
    let found =
        signer.claims.get(FulcioClaim::Issuer).or_else(|| signer.claims.0.get(&1).map(String::as_str));
    if found != Some(issuer) {
        let found = found.unwrap_or("nobody");
        return Err(refuted("issuer", format!("the token was issued by {found}, and {issuer} is wanted")));
    }
    let fits = match name {
        IdentityMatcher::Exact(wanted) => signer.san == *wanted,
        IdentityMatcher::Regexp(pattern) => {
            compile_identity_regexp(pattern).is_ok_and(|it| it.is_match(&signer.san))
        }
    };
    if fits { Ok(()) } else { Err(refuted("identity", format!("it was signed by {}", signer.san))) }
}

fn expect_eq(reason: &'static str, what: &str, found: &str, wanted: &str) -> Result<(), Rejection> {
    if found == wanted {
        Ok(())
    } else {
        Err(refuted(reason, format!("{what} {found}, and {wanted} is wanted")))
    }
}
