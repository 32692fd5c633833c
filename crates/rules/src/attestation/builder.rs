//! A reusable workflow of another repository that signed, and the repository that it built from (SLSA's verification by
//! builder and source; `slsa-verifier`, "verifiers/internal/gha").

use model::Version;
use model::catalog::version::Scheme;
use model::evidence::attestation::{
    BuilderPolicy, FulcioClaim, Predicate, Rejection, SignerCertificate, Statement,
};
use model::evidence::reason::Reason;

use super::rejections::expect_eq;

/// Workflows that run somebody else's builder, which the statement names instead of them (SLSA's "bring your own builder").
const DELEGATOR_WORKFLOWS: [&str; 2] = [
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml",
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml",
];

/// What a certificate says of a build, in the claims of today or in those that Fulcio made before 2023.
struct BuilderClaims<'a> {
    issuer: &'a str,
    source_uri: String,
    source_digest: &'a str,
    source_ref: &'a str,
    runner_environment: Option<&'a str>,
}

/// Checks who signed, from what it built, and that the statement says the same.
pub(super) fn check_builder(
    policy: &BuilderPolicy,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let claims = builder_claims(signer)?;
    expect_eq(Reason::WrongIssuer, "the token was issued by", claims.issuer, &policy.issuer)?;
    let Some((workflow, reference)) = signer.san.split_once('@').filter(|_| signer.san_is_uri) else {
        return Err(Rejection::refuted(Reason::WrongSigner, format!("{} is no workflow", signer.san)));
    };
    if !same_workflow(workflow, &policy.workflow) {
        let evidence = format!("it was signed by {workflow}, expected {}", policy.workflow);
        return Err(Rejection::refuted(Reason::WrongWorkflow, evidence));
    }
    match &policy.reference {
        Some(wanted) => expect_eq(Reason::WrongWorkflow, "the builder is of", reference, wanted)?,
        None if is_release_tag(reference) => {}
        None => {
            let evidence =
                format!("the builder is of {reference}, expected the tag of a version, as in v1.2.3");
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
        let evidence =
            format!("it ran on a runner that is {}", claims.runner_environment.unwrap_or("not named"));
        return Err(Rejection::refuted(Reason::SelfHostedRunner, evidence));
    }
    check_builder_statement(&claims, signer, statement)
}

/// Reads the claims. Where a certificate makes one twice, in the old form and in the new, both must say the same.
fn builder_claims(signer: &SignerCertificate) -> Result<BuilderClaims<'_>, Rejection> {
    let old = |number: u32| signer.claims.0.get(&number).map(String::as_str);
    let either = |new: FulcioClaim, number: u32, what: &str| match (signer.claims.get(new), old(number)) {
        (Some(new), Some(old)) if new != old => Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("it names two {what}s, {old} and {new}"),
        )),
        (Some(found), _) | (None, Some(found)) if !found.is_empty() => Ok(found),
        _ => Err(Rejection::refuted(Reason::CertificateProfile, format!("it names no {what}"))),
    };
    let source = match (signer.claims.get(FulcioClaim::SourceRepositoryUri), old(5)) {
        (Some(new), Some(old)) if new != format!("https://github.com/{old}") => {
            return Err(Rejection::refuted(
                Reason::CertificateProfile,
                format!("it names two repositories, {old} and {new}"),
            ));
        }
        (Some(new), _) => new.to_owned(),
        (None, Some(old)) => format!("https://github.com/{old}"),
        (None, None) => return Err(Rejection::refuted(Reason::CertificateProfile, "it names no repository")),
    };
    let commit = either(FulcioClaim::SourceRepositoryDigest, 3, "commit")?;
    let config = signer.claims.get(FulcioClaim::BuildConfigUri);
    if config.is_some_and(|it| !it.starts_with(&format!("{source}/"))) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("the workflow that was started is not of {source}"),
        ));
    }
    if signer.claims.get(FulcioClaim::BuildConfigDigest).is_some_and(|it| it != commit) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            "the workflow that was started is of another commit",
        ));
    }
    if signer.claims.get(FulcioClaim::BuildSignerUri).is_some_and(|it| it != signer.san) {
        return Err(Rejection::refuted(
            Reason::CertificateProfile,
            format!("its name is {}, and not its builder's", signer.san),
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

/// Whether a reference is the tag of a version (Semantic Versioning 2.0.0, with a `v`), and of no pre-release.
fn is_release_tag(reference: &str) -> bool {
    let version =
        reference.strip_prefix("refs/tags/v").and_then(|it| Version::parse(Scheme::SemVer, it).ok());
    version.is_some_and(|it| !it.is_prerelease())
}

/// The host, owner and repository in any case, the path exactly.
fn same_workflow(found: &str, wanted: &str) -> bool {
    let split =
        |it: &str| it.find("/.github/").map(|at| (it[..at].to_ascii_lowercase(), it[at..].to_owned()));
    split(found).is_some_and(|found| split(wanted) == Some(found))
}

/// Any step of a build can write a statement: it must name the builder and the source of the certificate.
fn check_builder_statement(
    claims: &BuilderClaims<'_>,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let Some(statement) = statement else {
        return Err(Rejection::refuted(
            Reason::Statement,
            "it is a signature of the artifact, and no statement of a builder",
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
            let evidence = format!("what {} says of a build is not known here", statement.predicate_type);
            return Err(Rejection::unproven(Reason::Unsupported, evidence));
        }
    };
    if builder != signer.san {
        let evidence = format!("the statement names the builder '{builder}', the certificate {}", signer.san);
        let delegated = DELEGATOR_WORKFLOWS.iter().any(|it| signer.san.starts_with(&format!("{it}@")));
        return Err(if delegated {
            Rejection::unproven(Reason::Unsupported, format!("{evidence}, which runs builders of others"))
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
    let evidence =
        format!("the statement does not say that it was built from {wanted} at {}", claims.source_digest);
    Err(Rejection::refuted(Reason::PredicateMismatch, evidence))
}
