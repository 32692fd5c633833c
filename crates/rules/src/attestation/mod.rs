//! Whether what a bundle says is what was wanted: who signed, where, from what, about what.
//!
//! The certificate decides; what the statement says of the run must agree with it, because any step of a build can write a
//! statement (`gh attestation verify --help`; slsa-verifier's `provenance_forgeable.go`).

mod agreement;
mod builder;
mod host;
mod run;

use model::evidence::attestation::{
    ACTIONS_ISSUER, Attested, Candidate, Claim, Expected, Judged, JudgedBundle, LogProof, NameRule,
    Rejection, STATEMENT, STATEMENT_V01, Signer, SignerCertificate, SourceRule, Statement, Workflow,
    WorkflowRule,
};
use model::evidence::verdict::{Finding, Verdict};
use model::{Catalog, Digest, RepoSlug};
use regex::Regex;

/// How far a clock may be behind that of a log, in seconds.
const SKEW: i64 = 300;

/// A pattern of names, if it is one.
///
/// # Errors
/// What is wrong with it.
pub fn name_pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// The repositories whose workflows may sign: the one that is meant, or every one that the catalog's was.
#[must_use]
pub fn signing_repositories(catalog: &Catalog, slug: &RepoSlug, only_named: bool) -> Vec<SourceRule> {
    let known = catalog.eras.iter().any(|it| it.slug == *slug);
    let eras = catalog.eras.iter().filter(|it| known && (!only_named || it.slug == *slug));
    let rules: Vec<SourceRule> = eras
        .map(|it| SourceRule {
            url: it.slug.url(),
            repository_id: it.repository_id,
            owner_id: it.owner_id,
            since: it.begins(),
        })
        .collect();
    if rules.is_empty() {
        return vec![SourceRule { url: slug.url(), repository_id: None, owner_id: None, since: None }];
    }
    rules
}

/// Who may attest a release: the release workflow, dispatched on the branch, on GitHub's own runners.
#[must_use]
pub fn release_workflow(catalog: &Catalog, repositories: Vec<SourceRule>, branch: &str) -> Signer {
    Signer::Workflow(Box::new(WorkflowRule {
        repositories,
        workflow: Workflow::File(catalog.source_workflow.clone()),
        reference: Some(format!("refs/heads/{branch}")),
        commit: None,
        trigger: Some("workflow_dispatch".to_owned()),
        issuer: ACTIONS_ISSUER.to_owned(),
        hosted_only: true,
    }))
}

/// How long a piece of evidence is told, in characters: what a bundle says may be of any length.
const TOLD: usize = 400;

/// A bundle with its verdict, and what it says where it proves what was wanted.
#[must_use]
pub fn judge(expected: &Expected, candidate: Candidate) -> (JudgedBundle, Option<Attested>) {
    let came = candidate.checked.and_then(|attested| {
        let notes = holds(expected, &attested, candidate.repository_id)?;
        Ok((attested, notes))
    });
    let judged = |verdict, reason, evidence: String, notes| JudgedBundle {
        origin: candidate.origin,
        verdict,
        reason,
        evidence: evidence.chars().take(TOLD).collect(),
        notes,
    };
    match came {
        Ok((attested, notes)) => (judged(Verdict::Proven, "ok", signed(&attested), notes), Some(attested)),
        Err(it) => (judged(it.verdict, it.reason, it.evidence, Vec::new()), None),
    }
}

/// What a list of sums proves of a file: that it is the one that the list names. `found` is `None` if there is no such file.
#[must_use]
pub fn listed(subject: &str, listed: Digest, found: Option<Digest>) -> Finding {
    let (verdict, reason, evidence, hint) = match found {
        None => {
            let evidence = "the list names it, and it is not in the folder of the list".to_owned();
            (Verdict::Unproven, "not-there", evidence, "download it there")
        }
        Some(found) if found == listed => {
            (Verdict::Proven, "ok", format!("the list of sums has {listed}"), "")
        }
        Some(found) => {
            let evidence = format!("the list of sums has {listed}, the file {found}");
            (Verdict::Refuted, "sums-content", evidence, "do not use it, and download it again")
        }
    };
    let check = if found.is_some() { "sums" } else { "attestation" };
    Finding { check, subject: subject.to_owned(), verdict, reason, evidence, hint: hint.to_owned() }
}

/// What all bundles together prove of an artifact. One that holds is enough; the others are told.
#[must_use]
pub fn attestation(subject: &str, judged: &Judged) -> Finding {
    let found = |verdict, reason, evidence: String, hint: &str| Finding {
        check: "attestation",
        subject: subject.to_owned(),
        verdict,
        reason,
        evidence,
        hint: hint.to_owned(),
    };
    if let Some((at, _)) = &judged.proven {
        let it = &judged.bundles[*at];
        let others = judged.bundles.iter().filter(|it| it.verdict != Verdict::Proven).count();
        let mut evidence = it.evidence.clone();
        for note in &it.notes {
            evidence.push_str("; note: ");
            evidence.push_str(note);
        }
        if others > 0 {
            evidence = format!("{evidence}; {others} other bundles do not hold");
        }
        return found(Verdict::Proven, "ok", evidence, "");
    }
    // What says something else is no evidence, neither for nor against.
    let looked: Vec<&JudgedBundle> =
        judged.bundles.iter().filter(|it| it.reason != "predicate-type").collect();
    let refuted = looked.iter().find(|it| it.verdict == Verdict::Refuted);
    match refuted.or(looked.first()) {
        Some(it) => found(it.verdict, it.reason, it.evidence.clone(), hint(it.reason)),
        None if judged.bundles.is_empty() => {
            found(Verdict::Unproven, "missing", "there is no attestation".to_owned(), hint("missing"))
        }
        None => {
            let evidence = format!("there is no such attestation: {}", judged.bundles[0].evidence);
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
fn signed(attested: &Attested) -> String {
    let who = attested.signer.as_ref().map_or("with the key", |it| it.name.as_str());
    let commit = attested.signer.as_ref().and_then(|it| it.claims.get(Claim::SourceDigest));
    let commit =
        commit.map_or(String::new(), |it| format!(" at {}", it.chars().take(12).collect::<String>()));
    let time = attested
        .times
        .iter()
        .min()
        .map_or(String::new(), |it| format!(" on {}", model::base::time::rfc3339(*it)));
    format!("signed by {who}{commit}{time}")
}

type Holds = Result<Vec<String>, Rejection>;

fn refuted(reason: &'static str, evidence: impl Into<String>) -> Rejection {
    Rejection::refuted(reason, evidence)
}

/// What does not stand against a bundle that holds.
fn holds(expected: &Expected, attested: &Attested, repository_id: Option<u64>) -> Holds {
    let mut notes = Vec::new();
    let statement = attested.statement.as_ref();
    predicate_type(expected, statement)?;
    if let Some(it) = statement {
        statement_type(expected, &it.kind)?;
    }
    if attested.log_proof == Some(LogProof::Promise) && matches!(expected.signer, Signer::Workflow(_)) {
        return Err(refuted("tlog", "the log only promised to include it: there is no proof that it did"));
    }
    if let Some(time) = attested.times.iter().find(|it| **it > expected.now + SKEW) {
        return Err(refuted(
            "time",
            format!("it was signed in the future, {}", model::base::time::rfc3339(*time)),
        ));
    }
    match (&expected.signer, &attested.signer) {
        (Signer::Key, _) => {}
        (_, None) => return Err(refuted("signer", "nobody is named who signed it")),
        (Signer::Identity { name, issuer }, Some(signer)) => identity(signer, name, issuer)?,
        (Signer::Host(rule), Some(signer)) => {
            host::host(rule, signer, (statement, expected.name.as_deref()), repository_id)?;
        }
        (Signer::Builder(rule), Some(signer)) => {
            builder::builder(rule, signer, statement)?;
        }
        (Signer::Workflow(rule), Some(signer)) => {
            let time = attested.times.iter().min().copied().unwrap_or(0);
            run::workflow(rule, signer, time, &mut notes)?;
            run::listed_for(signer, repository_id)?;
            if let Some(statement) = statement {
                agreement::about(expected, statement, signer, &mut notes)?;
            }
        }
    }
    Ok(notes)
}

/// What is no statement of the wanted type is not refuted: it says something else.
fn predicate_type(expected: &Expected, statement: Option<&Statement>) -> Result<(), Rejection> {
    let wanted = &expected.predicate_types;
    let found = statement.map_or("a signature of the artifact itself", |it| it.predicate_type.as_str());
    if wanted.is_empty() || wanted.iter().any(|it| it == found) {
        return Ok(());
    }
    Err(Rejection::unproven("predicate-type", format!("it says {found}, expected {}", wanted.join(" or "))))
}

/// Whether a statement is of a version that is known. Attestations of the repository's own workflows have never been of an
/// older one; elsewhere both are in use. An unknown version is unproven: nobody here knows what it means.
fn statement_type(expected: &Expected, found: &str) -> Result<(), Rejection> {
    if matches!(expected.signer, Signer::Workflow(_) | Signer::Host(_)) {
        return same("statement", "its type is", found, STATEMENT);
    }
    if [STATEMENT, STATEMENT_V01].contains(&found) {
        return Ok(());
    }
    let said = format!("its type is '{found}', expected {STATEMENT} or {STATEMENT_V01}");
    Err(Rejection::unproven("unsupported", said))
}

/// As cosign compares: the name exactly or by a pattern, the issuer exactly.
fn identity(signer: &SignerCertificate, name: &NameRule, issuer: &str) -> Result<(), Rejection> {
    let found = signer.claims.get(Claim::Issuer).or_else(|| signer.claims.0.get(&1).map(String::as_str));
    if found != Some(issuer) {
        let found = found.unwrap_or("nobody");
        return Err(refuted("issuer", format!("the token was issued by {found}, and {issuer} is wanted")));
    }
    let fits = match name {
        NameRule::Exactly(wanted) => signer.name == *wanted,
        NameRule::Matching(pattern) => name_pattern(pattern).is_ok_and(|it| it.is_match(&signer.name)),
    };
    if fits { Ok(()) } else { Err(refuted("identity", format!("it was signed by {}", signer.name))) }
}

fn same(reason: &'static str, what: &str, found: &str, wanted: &str) -> Result<(), Rejection> {
    if found == wanted {
        Ok(())
    } else {
        Err(refuted(reason, format!("{what} {found}, and {wanted} is wanted")))
    }
}
