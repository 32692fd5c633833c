//! The run of a workflow that signed, as its certificate has it.

use model::evidence::attestation::{Claim, Rejection, SignerCertificate, SourceRule, Workflow, WorkflowRule};

use super::{refuted, same};

/// The run is one that the rule lets sign.
pub(super) fn workflow(
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
    if let Some(wanted) = &rule.trigger {
        same("trigger", "it was started by", claims.trigger, wanted)?;
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
    trigger: &'a str,
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
        let run = Self {
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
            trigger: claim(Claim::Trigger)?,
            visibility: claim(Claim::Visibility)?,
        };
        claim(Claim::Invocation)?;
        let is_commit =
            matches!(run.commit.len(), 40 | 64) && run.commit.bytes().all(|it| it.is_ascii_hexdigit());
        if is_commit { Ok(run) } else { Err(refuted("cert-profile", "the claim .13 is no commit")) }
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
    let folder = format!("{}/.github/workflows/", source.url);
    let wanted = match &rule.workflow {
        Workflow::Any => "a workflow of the repository".to_owned(),
        Workflow::File(file) => format!("{folder}{file}"),
        Workflow::At(address) => address.clone(),
    };
    let fits = match (&rule.workflow, found) {
        (_, None) => false,
        (Workflow::File(_) | Workflow::At(_), Some(found)) => same_workflow(&wanted, found),
        (Workflow::Any, Some(found)) => {
            let file = found.get(folder.len()..).unwrap_or_default();
            found.get(..folder.len()).is_some_and(|it| it.eq_ignore_ascii_case(&folder))
                && !file.is_empty()
                && !file.contains(['/', '@'])
        }
    };
    if fits {
        return Ok(());
    }
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
pub(super) fn listed_for(signer: &SignerCertificate, repository_id: Option<u64>) -> Result<(), Rejection> {
    let claimed = signer.claims.get(Claim::SourceId).unwrap_or_default();
    match repository_id {
        Some(id) if id.to_string() != claimed => {
            Err(refuted("repo-id", format!("GitHub keeps it for repository {id}, and it is of {claimed}")))
        }
        _ => Ok(()),
    }
}
