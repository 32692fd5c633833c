//! Whether what a bundle says is what was wanted: who signed, where, from what, about what.
//!
//! The certificate decides; what the statement says of the run must agree with it, because any step of a build can write a
//! statement (`gh attestation verify --help`; slsa-verifier's `provenance_forgeable.go`).

use model::attestation::{
    Attested, Candidate, Claim, Expected, Judged, JudgedBundle, NameRule, Predicate, Provenance, Rejection,
    STATEMENT, Signer, SignerCertificate, SourceRule, Statement, WorkflowRule,
};
use model::verdict::{Finding, Verdict};
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
        "repo" | "repo-id" | "workflow" | "signer" | "ref" | "commit" | "issuer" | "identity" => {
            "it was made by somebody else or for something else: do not use the artifact"
        }
        _ => "do not use the artifact, and tell the maintainers",
    }
}

/// Who signed, and when, in words.
fn signed(attested: &Attested) -> String {
    let who = attested.signer.as_ref().map_or("with the key", |it| it.name.as_str());
    let commit = attested.signer.as_ref().and_then(|it| it.claims.get(Claim::SourceDigest));
    let commit = commit.map_or(String::new(), |it| format!(" at {}", &it[..it.len().min(12)]));
    let time =
        attested.times.iter().min().map_or(String::new(), |it| format!(" on {}", model::time::rfc3339(*it)));
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
    if let Some(time) = attested.times.iter().find(|it| **it > expected.now + SKEW) {
        return Err(refuted("time", format!("it was signed in the future, {}", model::time::rfc3339(*time))));
    }
    match (&expected.signer, &attested.signer) {
        (Signer::Key, _) => {}
        (_, None) => return Err(refuted("signer", "nobody is named who signed it")),
        (Signer::Identity { name, issuer }, Some(signer)) => identity(signer, name, issuer)?,
        (Signer::Workflow(rule), Some(signer)) => {
            let time = attested.times.iter().min().copied().unwrap_or(0);
            workflow(rule, signer, time, &mut notes)?;
            listed_for(signer, repository_id)?;
            if let Some(statement) = statement {
                about(expected, statement, signer, &mut notes)?;
            }
        }
    }
    Ok(notes)
}

/// What is no statement of the wanted type is not refuted: it says something else.
fn predicate_type(expected: &Expected, statement: Option<&Statement>) -> Result<(), Rejection> {
    let Some(wanted) = &expected.predicate_type else { return Ok(()) };
    let found = statement.map_or("a signature of the artifact itself", |it| it.predicate_type.as_str());
    if found == wanted {
        return Ok(());
    }
    Err(Rejection::unproven("predicate-type", format!("it says {found}, and {wanted} is wanted")))
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

/// The run is one that the rule lets sign.
fn workflow(
    rule: &WorkflowRule,
    signer: &SignerCertificate,
    time: i64,
    notes: &mut Vec<String>,
) -> Result<(), Rejection> {
    let claims = Run::of(signer)?;
    same("issuer", "the token was issued by", claims.issuer, &rule.issuer)?;
    if signer.internal {
        return Err(refuted(
            "trust-domain",
            "it was signed in GitHub's own instance, which is for private repositories",
        ));
    }
    same("trust-domain", "the repository was", claims.visibility, "public")?;
    let source = repository(rule, &claims, time)?;
    if signer.name != claims.signer || claims.signer != claims.config {
        let said = format!("{} signed, and {} was started", claims.signer, claims.config);
        return Err(refuted("signer", said));
    }
    if claims.signer_digest != claims.commit || claims.config_digest != claims.commit {
        return Err(refuted("signer", "the workflow is of another commit than what was built"));
    }
    path(rule, &claims, source)?;
    if let Some(wanted) = &rule.reference {
        same("ref", "it ran on", claims.reference, wanted)?;
    }
    if let Some(wanted) = &rule.commit {
        same("commit", "it was built from", claims.commit, wanted)?;
    }
    if claims.runner != "github-hosted" {
        let said = format!("it ran on a runner that is {}", claims.runner);
        if rule.hosted_only {
            return Err(refuted("runner", said));
        }
        notes.push(said);
    }
    Ok(())
}

/// The claims that a run of GitHub Actions has. All of them are there, or it is none.
struct Run<'a> {
    issuer: &'a str,
    signer: &'a str,
    signer_digest: &'a str,
    runner: &'a str,
    source: &'a str,
    commit: &'a str,
    reference: &'a str,
    source_id: &'a str,
    owner: &'a str,
    owner_id: &'a str,
    config: &'a str,
    config_digest: &'a str,
    visibility: &'a str,
}

impl<'a> Run<'a> {
    fn of(signer: &'a SignerCertificate) -> Result<Self, Rejection> {
        if !signer.is_uri {
            return Err(refuted("cert-profile", format!("its name is no address: {}", signer.name)));
        }
        let claim = |it: Claim| {
            let missing = || refuted("cert-profile", format!("it lacks the claim .{}", it as u32));
            signer.claims.get(it).filter(|it| !it.is_empty()).ok_or_else(missing)
        };
        Ok(Self {
            issuer: claim(Claim::Issuer)?,
            signer: claim(Claim::SignerUri)?,
            signer_digest: claim(Claim::SignerDigest)?,
            runner: claim(Claim::Runner)?,
            source: claim(Claim::Source)?,
            commit: claim(Claim::SourceDigest)?,
            reference: claim(Claim::SourceRef)?,
            source_id: claim(Claim::SourceId)?,
            owner: claim(Claim::Owner)?,
            owner_id: claim(Claim::OwnerId)?,
            config: claim(Claim::ConfigUri)?,
            config_digest: claim(Claim::ConfigDigest)?,
            visibility: claim(Claim::Visibility)?,
        })
    }
}

fn same(reason: &'static str, what: &str, found: &str, wanted: &str) -> Result<(), Rejection> {
    if found == wanted {
        Ok(())
    } else {
        Err(refuted(reason, format!("{what} {found}, and {wanted} is wanted")))
    }
}

/// Owners and repositories are the same in capitals and small letters on GitHub; nothing else is.
fn repository<'r>(rule: &'r WorkflowRule, claims: &Run<'_>, time: i64) -> Result<&'r SourceRule, Rejection> {
    let fits = |it: &&SourceRule| {
        let owner = it.url.rsplit_once('/').map_or("", |(owner, _)| owner);
        it.url.eq_ignore_ascii_case(claims.source) && owner.eq_ignore_ascii_case(claims.owner)
    };
    let wanted: Vec<&str> = rule.repositories.iter().map(|it| it.url.as_str()).collect();
    let foreign = || {
        let said = format!(
            "it was built in {} of {}, and {} is wanted",
            claims.source,
            claims.owner,
            wanted.join(" or ")
        );
        refuted("repo", said)
    };
    let source = rule.repositories.iter().find(fits).ok_or_else(foreign)?;
    if source.since.is_some_and(|it| time < it) {
        return Err(refuted("repo", format!("{} did not carry this name then", claims.source)));
    }
    let differs = |pinned: Option<u64>, found: &str| pinned.is_some_and(|it| it.to_string() != found);
    if differs(source.repository_id, claims.source_id) || differs(source.owner_id, claims.owner_id) {
        let said = format!(
            "the repository has number {} and its owner {}: it is another one of the same name",
            claims.source_id, claims.owner_id
        );
        return Err(refuted("repo-id", said));
    }
    Ok(source)
}

/// The workflow and its reference, compared as a whole: a reference may have an `@` of its own.
fn path(rule: &WorkflowRule, claims: &Run<'_>, source: &SourceRule) -> Result<(), Rejection> {
    let tail = format!("@{}", claims.reference);
    let found = claims.signer.strip_suffix(&tail);
    let fits = match (&rule.workflow, found) {
        (_, None) => false,
        (Some(wanted), Some(found)) => same_workflow(wanted, found),
        (None, Some(found)) => {
            let folder = format!("{}/.github/workflows/", source.url);
            let file = found.get(folder.len()..).unwrap_or_default();
            found.get(..folder.len()).is_some_and(|it| it.eq_ignore_ascii_case(&folder))
                && !file.is_empty()
                && !file.contains(['/', '@'])
        }
    };
    if fits {
        return Ok(());
    }
    let wanted = rule.workflow.as_deref().unwrap_or("a workflow of the repository");
    Err(refuted("workflow", format!("it was signed by {}, and {wanted} is wanted", claims.signer)))
}

/// The host, owner and repository in any case, the path exactly.
fn same_workflow(wanted: &str, found: &str) -> bool {
    let split =
        |it: &str| it.find("/.github/").map(|at| (it[..at].to_ascii_lowercase(), it[at..].to_owned()));
    match (split(wanted), split(found)) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => false,
    }
}

/// GitHub keeps a bundle for the repository that the certificate names.
fn listed_for(signer: &SignerCertificate, repository_id: Option<u64>) -> Result<(), Rejection> {
    let claimed = signer.claims.get(Claim::SourceId).unwrap_or_default();
    match repository_id {
        Some(id) if id.to_string() != claimed => {
            Err(refuted("repo-id", format!("GitHub keeps it for repository {id}, and it is of {claimed}")))
        }
        _ => Ok(()),
    }
}

/// What the statement is about, and whether it agrees with the certificate.
fn about(
    expected: &Expected,
    statement: &Statement,
    signer: &SignerCertificate,
    notes: &mut Vec<String>,
) -> Result<(), Rejection> {
    if statement.kind != STATEMENT {
        return Err(refuted(
            "statement",
            format!("its type is {}, and {STATEMENT} is wanted", statement.kind),
        ));
    }
    if let Some(name) = &expected.name
        && statement.subjects.iter().all(|it| it.name != *name)
    {
        let names: Vec<&str> = statement.subjects.iter().take(5).map(|it| it.name.as_str()).collect();
        return Err(refuted(
            "subject-name",
            format!("it is about {}, and not about {name}", names.join(", ")),
        ));
    }
    match &statement.predicate {
        Predicate::Provenance(it) => agrees(it, signer, notes),
        Predicate::Malformed(said) => Err(refuted("predicate-mismatch", said.clone())),
        Predicate::Release(_) | Predicate::Other => Ok(()),
    }
}

/// The provenance says of the run what the certificate says.
fn agrees(it: &Provenance, signer: &SignerCertificate, notes: &mut Vec<String>) -> Result<(), Rejection> {
    let claim = |claim: Claim| signer.claims.get(claim).unwrap_or_default();
    let config = format!("{}/{}@{}", it.repository, it.path, it.reference);
    let pairs = [
        ("reference", it.reference.as_str(), claim(Claim::SourceRef)),
        ("repository", &it.repository, claim(Claim::Source)),
        ("workflow", &config, claim(Claim::ConfigUri)),
        ("event", &it.event, claim(Claim::Trigger)),
        ("repository's number", &it.repository_id, claim(Claim::SourceId)),
        ("owner's number", &it.owner_id, claim(Claim::OwnerId)),
        ("runner", &it.runner, claim(Claim::Runner)),
        ("builder", &it.builder, claim(Claim::SignerUri)),
        ("run", &it.invocation, claim(Claim::Invocation)),
    ];
    if let Some((what, said, known)) = pairs.into_iter().find(|(_, said, known)| said != known) {
        let evidence = format!("the statement says of the {what} '{said}', the certificate '{known}'");
        return Err(refuted("predicate-mismatch", evidence));
    }
    let [(uri, commit)] = &it.sources[..] else {
        let said = format!("the statement names {} sources, and one is wanted", it.sources.len());
        return Err(refuted("predicate-mismatch", said));
    };
    let wanted = format!("git+{}@{}", claim(Claim::Source), claim(Claim::SourceRef));
    if *uri != wanted || commit != claim(Claim::SourceDigest) {
        return Err(refuted(
            "predicate-mismatch",
            format!("the statement says it was built from {uri} at {commit}"),
        ));
    }
    if !it.unknown.is_empty() {
        notes.push(format!("the run had parameters that are not known here: {}", it.unknown.join(", ")));
    }
    Ok(())
}
