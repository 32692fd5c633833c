//! Checks the workflow run that signed, as its certificate identifies it.

use model::evidence::attestation::{
    AcceptedRepository, FulcioClaim, Rejection, SignerCertificate, Workflow, WorkflowPolicy,
};
use model::evidence::reason::Reason;

use super::rejections::expect_eq;

/// Checks that the policy allows the workflow run to sign. An allowed self-hosted runner is a warning.
pub(super) fn check_workflow(
    policy: &WorkflowPolicy,
    signer: &SignerCertificate,
    time: i64,
    warnings: &mut Vec<String>,
) -> Result<(), Rejection> {
    let claims = WorkflowClaims::from_certificate(signer)?;
    expect_eq(Reason::WrongIssuer, "the token's issuer is", claims.issuer, &policy.issuer)?;
    if signer.github_instance {
        return Err(Rejection::refuted(
            Reason::TrustDomain,
            "it was signed with GitHub's Sigstore instance, which is for private repositories",
        ));
    }
    expect_eq(Reason::TrustDomain, "the repository's visibility was", claims.visibility, "public")?;
    let source = find_repository(policy, &claims, time)?;
    if signer.san != claims.signer_uri || claims.signer_uri != claims.config_uri {
        let evidence = format!(
            "it was signed by {}, but the workflow that was started is {}",
            claims.signer_uri, claims.config_uri
        );
        return Err(Rejection::refuted(Reason::WrongSigner, evidence));
    }
    if claims.signer_digest != claims.source_digest || claims.config_digest != claims.source_digest {
        return Err(Rejection::refuted(
            Reason::WrongSigner,
            "the workflow has another commit than the source that was built",
        ));
    }
    check_workflow_path(policy, &claims, source)?;
    if let Some(wanted) = &policy.reference {
        expect_eq(Reason::WrongRef, "the workflow ran on", claims.source_ref, wanted)?;
    }
    if let Some(wanted) = &policy.commit {
        expect_eq(Reason::WrongCommit, "it was built from", claims.source_digest, wanted)?;
    }
    if let Some(wanted) = &policy.trigger {
        expect_eq(Reason::WrongTrigger, "the workflow was started by", claims.trigger, wanted)?;
    }
    if claims.runner_environment != "github-hosted" {
        let evidence = format!("the runner environment is {}, not github-hosted", claims.runner_environment);
        if policy.deny_self_hosted {
            return Err(Rejection::refuted(Reason::SelfHostedRunner, evidence));
        }
        warnings.push(evidence);
    }
    Ok(())
}

/// The claims of a workflow run of GitHub Actions. All are required: a certificate that lacks one is not of such a run.
struct WorkflowClaims<'a> {
    issuer: &'a str,
    signer_uri: &'a str,
    signer_digest: &'a str,
    runner_environment: &'a str,
    repository_uri: &'a str,
    source_digest: &'a str,
    source_ref: &'a str,
    repository_id: &'a str,
    owner_uri: &'a str,
    owner_id: &'a str,
    config_uri: &'a str,
    config_digest: &'a str,
    trigger: &'a str,
    visibility: &'a str,
}

impl<'a> WorkflowClaims<'a> {
    fn from_certificate(signer: &'a SignerCertificate) -> Result<Self, Rejection> {
        if !signer.san_is_uri {
            return Err(Rejection::refuted(
                Reason::CertificateProfile,
                format!("the certificate's name is not a URI: {}", signer.san),
            ));
        }
        let claim = |it: FulcioClaim| {
            let missing = || {
                Rejection::refuted(
                    Reason::CertificateProfile,
                    format!("the certificate lacks the claim 1.3.6.1.4.1.57264.1.{}", it as u32),
                )
            };
            signer.claims.get(it).filter(|it| !it.is_empty()).ok_or_else(missing)
        };
        let claims = Self {
            issuer: claim(FulcioClaim::Issuer)?,
            signer_uri: claim(FulcioClaim::BuildSignerUri)?,
            signer_digest: claim(FulcioClaim::BuildSignerDigest)?,
            runner_environment: claim(FulcioClaim::RunnerEnvironment)?,
            repository_uri: claim(FulcioClaim::SourceRepositoryUri)?,
            source_digest: claim(FulcioClaim::SourceRepositoryDigest)?,
            source_ref: claim(FulcioClaim::SourceRepositoryRef)?,
            repository_id: claim(FulcioClaim::SourceRepositoryId)?,
            owner_uri: claim(FulcioClaim::SourceRepositoryOwnerUri)?,
            owner_id: claim(FulcioClaim::SourceRepositoryOwnerId)?,
            config_uri: claim(FulcioClaim::BuildConfigUri)?,
            config_digest: claim(FulcioClaim::BuildConfigDigest)?,
            trigger: claim(FulcioClaim::BuildTrigger)?,
            visibility: claim(FulcioClaim::SourceRepositoryVisibility)?,
        };
        claim(FulcioClaim::RunInvocationUri)?;
        let is_commit = matches!(claims.source_digest.len(), 40 | 64)
            && claims.source_digest.bytes().all(|it| it.is_ascii_hexdigit());
        if is_commit {
            Ok(claims)
        } else {
            Err(Rejection::refuted(
                Reason::CertificateProfile,
                "the claim 1.3.6.1.4.1.57264.1.13 is not a commit id",
            ))
        }
    }
}

/// Finds the accepted repository that the certificate names, at the time of signing. GitHub ignores the case of owners
/// and repositories, so only these two are compared in any case. Pinned ids detect another repository of the same name.
fn find_repository<'r>(
    policy: &'r WorkflowPolicy,
    claims: &WorkflowClaims<'_>,
    time: i64,
) -> Result<&'r AcceptedRepository, Rejection> {
    let fits = |it: &&AcceptedRepository| {
        let owner = it.url.rsplit_once('/').map_or("", |(owner, _)| owner);
        it.url.eq_ignore_ascii_case(claims.repository_uri) && owner.eq_ignore_ascii_case(claims.owner_uri)
    };
    let wanted: Vec<&str> = policy.repositories.iter().map(|it| it.url.as_str()).collect();
    let foreign = || {
        let evidence = format!(
            "it was built in {}, owned by {}, expected {}",
            claims.repository_uri,
            claims.owner_uri,
            wanted.join(" or ")
        );
        Rejection::refuted(Reason::WrongRepository, evidence)
    };
    let source = policy.repositories.iter().find(fits).ok_or_else(foreign)?;
    if source.since.is_some_and(|it| time < it) {
        return Err(Rejection::refuted(
            Reason::WrongRepository,
            format!("it was signed before the repository had the name {}", claims.repository_uri),
        ));
    }
    let differs = |pinned: Option<u64>, found: &str| pinned.is_some_and(|it| it.to_string() != found);
    if differs(source.repository_id, claims.repository_id) || differs(source.owner_id, claims.owner_id) {
        let evidence = format!(
            "the repository has id {} and its owner id {}: it is another one of the same name",
            claims.repository_id, claims.owner_id
        );
        return Err(Rejection::refuted(Reason::WrongRepositoryId, evidence));
    }
    Ok(source)
}

/// Checks the workflow that signed. The certificate's reference is removed as a whole, because a reference may contain
/// `@`.
fn check_workflow_path(
    policy: &WorkflowPolicy,
    claims: &WorkflowClaims<'_>,
    source: &AcceptedRepository,
) -> Result<(), Rejection> {
    let tail = format!("@{}", claims.source_ref);
    let found = claims.signer_uri.strip_suffix(&tail);
    let folder = format!("{}/.github/workflows/", source.url);
    let wanted = match &policy.workflow {
        Workflow::Any => "a workflow of the repository".to_owned(),
        Workflow::File(file) => format!("{folder}{file}"),
        Workflow::Uri(address) => address.clone(),
    };
    let fits = match (&policy.workflow, found) {
        (_, None) => false,
        (Workflow::File(_) | Workflow::Uri(_), Some(found)) => same_workflow(&wanted, found),
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
    Err(Rejection::refuted(
        Reason::WrongWorkflow,
        format!("it was signed by {}, expected {wanted}", claims.signer_uri),
    ))
}

/// Compares two workflow URLs: host, owner and repository in any case, as on GitHub, and the path exactly.
fn same_workflow(wanted: &str, found: &str) -> bool {
    let split =
        |it: &str| it.find("/.github/").map(|at| (it[..at].to_ascii_lowercase(), it[at..].to_owned()));
    match (split(wanted), split(found)) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => false,
    }
}

/// Checks that GitHub stores the bundle for the repository that the certificate names.
pub(super) fn check_repository_id(
    signer: &SignerCertificate,
    repository_id: Option<u64>,
) -> Result<(), Rejection> {
    let claimed = signer.claims.get(FulcioClaim::SourceRepositoryId).unwrap_or_default();
    match repository_id {
        Some(id) if id.to_string() != claimed => Err(Rejection::refuted(
            Reason::WrongRepositoryId,
            format!("GitHub stores it for the repository with id {id}, but its certificate names {claimed}"),
        )),
        _ => Ok(()),
    }
}
