//! Checks the signature of a builder, which is a reusable workflow of another repository, and the source that it built
//! (`slsa-verifier`, "verifiers/internal/gha").

use model::Version;
use model::catalog::version::Scheme;
use model::evidence::attestation::{
    BuilderPolicy, FulcioClaim, Predicate, Rejection, SignerCertificate, Statement,
};
use model::evidence::reason::Reason;

use super::rejections::expect_eq;

/// Workflows that run the builder of another repository. Their statements name that builder (SLSA's "bring your own
/// builder").
const DELEGATOR_WORKFLOWS: [&str; 2] = [
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml",
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml",
];

/// The claims of a certificate about a build, from the current extensions or from those that Fulcio used before 2023.
struct BuilderClaims<'a> {
    issuer: &'a str,
    source_uri: String,
    source_digest: &'a str,
    source_ref: &'a str,
    runner_environment: Option<&'a str>,
}

/// Checks the signer, the source of the build, and that the statement agrees with the certificate.
pub(super) fn check_builder(
    policy: &BuilderPolicy,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let claims = builder_claims(signer)?;
    expect_eq(Reason::WrongIssuer, "the token's issuer is", claims.issuer, &policy.issuer)?;
    let Some((workflow, reference)) = signer.san.split_once('@').filter(|_| signer.san_is_uri) else {
        return Err(Rejection::refuted(
            Reason::WrongSigner,
            format!("the signer {} is not a workflow", signer.san),
        ));
    };
    if !same_workflow(workflow, &policy.workflow) {
        let evidence = format!("it was signed by {workflow}, expected {}", policy.workflow);
        return Err(Rejection::refuted(Reason::WrongWorkflow, evidence));
    }
    match &policy.reference {
        Some(wanted) => expect_eq(Reason::WrongWorkflow, "the builder's reference is", reference, wanted)?,
        None if is_release_tag(reference) => {}
        None => {
            let evidence = format!(
                "the builder's reference is {reference}, expected the tag of a final version, as in refs/tags/v1.2.3"
            );
            return Err(Rejection::refuted(Reason::WrongWorkflow, evidence));
        }
    }
    if !claims.source_uri.eq_ignore_ascii_case(&policy.source_uri) {
        return Err(Rejection::refuted(
            Reason::WrongRepository,
            format!("it was built from {}, expected {}", claims.source_uri, policy.source_uri),
        ));
    }
    if let Some(wanted) = &policy.source_ref {
        expect_eq(Reason::WrongRef, "it was built from", claims.source_ref, wanted)?;
    }
    if let Some(wanted) = &policy.source_digest {
        expect_eq(Reason::WrongCommit, "it was built from", claims.source_digest, wanted)?;
    }
    if policy.deny_self_hosted && claims.runner_environment != Some("github-hosted") {
        let evidence = format!(
            "the runner environment is {}, not github-hosted",
            claims.runner_environment.unwrap_or("not stated")
        );
        return Err(Rejection::refuted(Reason::SelfHostedRunner, evidence));
    }
    check_builder_statement(&claims, signer, statement)
}

/// Reads the claims. If a certificate has a claim in both the old and the new form, the values must agree.
fn builder_claims(signer: &SignerCertificate) -> Result<BuilderClaims<'_>, Rejection> {
    let old = |number: u32| signer.claims.0.get(&number).map(String::as_str);
    let either = |new: FulcioClaim, number: u32, what: &str| match (signer.claims.get(new), old(number)) {
        (Some(new), Some(old)) if new != old => Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("the certificate names two {what}s, {old} and {new}"),
        )),
        (Some(found), _) | (None, Some(found)) if !found.is_empty() => Ok(found),
        _ => Err(Rejection::refuted(Reason::CertificateProfile, format!("the certificate names no {what}"))),
    };
    let source = match (signer.claims.get(FulcioClaim::SourceRepositoryUri), old(5)) {
        (Some(new), Some(old)) if new != format!("https://github.com/{old}") => {
            return Err(Rejection::refuted(
                Reason::CertificateProfile,
                format!("the certificate names two repositories, {old} and {new}"),
            ));
        }
        (Some(new), _) => new.to_owned(),
        (None, Some(old)) => format!("https://github.com/{old}"),
        (None, None) => {
            return Err(Rejection::refuted(
                Reason::CertificateProfile,
                "the certificate names no repository",
            ));
        }
    };
    let commit = either(FulcioClaim::SourceRepositoryDigest, 3, "commit")?;
    let config = signer.claims.get(FulcioClaim::BuildConfigUri);
    if config.is_some_and(|it| !it.starts_with(&format!("{source}/"))) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("the workflow that was started does not belong to {source}"),
        ));
    }
    if signer.claims.get(FulcioClaim::BuildConfigDigest).is_some_and(|it| it != commit) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            "the workflow that was started has another commit than the source",
        ));
    }
    if signer.claims.get(FulcioClaim::BuildSignerUri).is_some_and(|it| it != signer.san) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("the certificate's name is {}, which is not its build signer URI", signer.san),
        ));
    }
    Ok(BuilderClaims {
        issuer: either(FulcioClaim::Issuer, 1, "issuer")?,
        source_digest: commit,
        source_ref: either(FulcioClaim::SourceRepositoryRef, 6, "reference")?,
        runner_environment: signer.claims.get(FulcioClaim::RunnerEnvironment),
        source_uri: source,
    })
}

/// Returns true if a reference is the tag of a final version (Semantic Versioning 2.0.0, with a `v`). A branch could
/// change after the review of the builder.
fn is_release_tag(reference: &str) -> bool {
    let version =
        reference.strip_prefix("refs/tags/v").and_then(|it| Version::parse(Scheme::SemVer, it).ok());
    version.is_some_and(|it| !it.is_prerelease())
}

/// Compares two workflow URLs: host, owner and repository in any case, as on GitHub, and the path exactly.
fn same_workflow(found: &str, wanted: &str) -> bool {
    let split =
        |it: &str| it.find("/.github/").map(|at| (it[..at].to_ascii_lowercase(), it[at..].to_owned()));
    split(found).is_some_and(|found| split(wanted) == Some(found))
}

/// Checks that the statement names the same builder and source as the certificate. Any step of a build can write a
/// statement, so the statement alone proves nothing.
fn check_builder_statement(
    claims: &BuilderClaims<'_>,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let Some(statement) = statement else {
        return Err(Rejection::refuted(
            Reason::Statement,
            "it is a signature of the artifact itself, expected the statement of a builder",
        ));
    };
    let source = format!("git+{}", claims.source_uri);
    let (builder, sources) = match &statement.predicate {
        Predicate::GenericProvenance(provenance) => {
            (provenance.builder_id.as_str(), &provenance.resolved_dependencies)
        }
        Predicate::Provenance(provenance) => {
            (provenance.builder_id.as_str(), &provenance.resolved_dependencies)
        }
        Predicate::Malformed(evidence) => {
            return Err(Rejection::refuted(Reason::PredicateMismatch, evidence.clone()));
        }
        Predicate::Release(_) | Predicate::Other => {
            let evidence =
                format!("the predicate type {} is not supported for builders", statement.predicate_type);
            return Err(Rejection::unproven(Reason::Unsupported, evidence));
        }
    };
    if builder != signer.san {
        let evidence =
            format!("the builder is '{builder}' in the statement, {} in the certificate", signer.san);
        let delegated = DELEGATOR_WORKFLOWS.iter().any(|it| signer.san.starts_with(&format!("{it}@")));
        return Err(if delegated {
            Rejection::unproven(
                Reason::Unsupported,
                format!("{evidence}, which runs builders of other repositories"),
            )
        } else {
            Rejection::refuted(Reason::PredicateMismatch, evidence)
        });
    }
    let wanted = format!("{source}@{}", claims.source_ref);
    let is_source = |(uri, commit): &(String, String)| {
        commit == claims.source_digest && (uri.eq_ignore_ascii_case(&source) || *uri == wanted)
    };
    if sources.iter().any(is_source) {
        return Ok(());
    }
    let evidence = format!("the statement does not name the source {wanted} at {}", claims.source_digest);
    Err(Rejection::refuted(Reason::PredicateMismatch, evidence))
}
