//! A reusable workflow of another repository that signed, and the repository that it built from (SLSA's verification by
//! builder and source; `slsa-verifier`, "verifiers/internal/gha").

use model::Version;
use model::catalog::version::Scheme;
use model::evidence::attestation::{BuilderRule, Claim, Predicate, Rejection, SignerCertificate, Statement};

use super::{refuted, same};

/// Workflows that run somebody else's builder, which the statement names instead of them (SLSA's "bring your own builder").
const DELEGATORS: [&str; 2] = [
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml",
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml",
];

/// What a certificate says of a build, in the claims of today or in those that Fulcio made before 2023.
struct Build<'a> {
    issuer: &'a str,
    source: String,
    commit: &'a str,
    reference: &'a str,
    runner: Option<&'a str>,
}

/// Checks who signed, from what it built, and that the statement says the same.
pub(super) fn builder(
    rule: &BuilderRule,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let build = build(signer)?;
    same("issuer", "the token was issued by", build.issuer, &rule.issuer)?;
    let Some((workflow, reference)) = signer.name.split_once('@').filter(|_| signer.is_uri) else {
        return Err(refuted("signer", format!("{} is no workflow", signer.name)));
    };
    if !same_workflow(workflow, &rule.workflow) {
        let said = format!("it was signed by {workflow}, expected {}", rule.workflow);
        return Err(refuted("workflow", said));
    }
    match &rule.reference {
        Some(wanted) => same("workflow", "the builder is of", reference, wanted)?,
        None if is_released(reference) => {}
        None => {
            let said = format!("the builder is of {reference}, expected the tag of a version, as in v1.2.3");
            return Err(refuted("workflow", said));
        }
    }
    if !build.source.eq_ignore_ascii_case(&rule.source) {
        return Err(refuted("repo", format!("it was built from {}, expected {}", build.source, rule.source)));
    }
    if let Some(wanted) = &rule.source_ref {
        same("ref", "it was built from", build.reference, wanted)?;
    }
    if let Some(wanted) = &rule.source_digest {
        same("commit", "it was built from", build.commit, wanted)?;
    }
    if rule.hosted_only && build.runner != Some("github-hosted") {
        let said = format!("it ran on a runner that is {}", build.runner.unwrap_or("not named"));
        return Err(refuted("runner", said));
    }
    agrees(&build, signer, statement)
}

/// Reads the claims. Where a certificate makes one twice, in the old form and in the new, both must say the same.
fn build(signer: &SignerCertificate) -> Result<Build<'_>, Rejection> {
    let old = |number: u32| signer.claims.0.get(&number).map(String::as_str);
    let either = |new: Claim, number: u32, what: &str| match (signer.claims.get(new), old(number)) {
        (Some(new), Some(old)) if new != old => {
            Err(refuted("cert-profile", format!("it names two {what}s, {old} and {new}")))
        }
        (Some(found), _) | (None, Some(found)) if !found.is_empty() => Ok(found),
        _ => Err(refuted("cert-profile", format!("it names no {what}"))),
    };
    let source = match (signer.claims.get(Claim::Source), old(5)) {
        (Some(new), Some(old)) if new != format!("https://github.com/{old}") => {
            return Err(refuted("cert-profile", format!("it names two repositories, {old} and {new}")));
        }
        (Some(new), _) => new.to_owned(),
        (None, Some(old)) => format!("https://github.com/{old}"),
        (None, None) => return Err(refuted("cert-profile", "it names no repository")),
    };
    let commit = either(Claim::SourceDigest, 3, "commit")?;
    let config = signer.claims.get(Claim::ConfigUri);
    if config.is_some_and(|it| !it.starts_with(&format!("{source}/"))) {
        return Err(refuted("cert-profile", format!("the workflow that was started is not of {source}")));
    }
    if signer.claims.get(Claim::ConfigDigest).is_some_and(|it| it != commit) {
        return Err(refuted("cert-profile", "the workflow that was started is of another commit"));
    }
    if signer.claims.get(Claim::SignerUri).is_some_and(|it| it != signer.name) {
        return Err(refuted("cert-profile", format!("its name is {}, and not its builder's", signer.name)));
    }
    Ok(Build {
        issuer: either(Claim::Issuer, 1, "issuer")?,
        commit,
        reference: either(Claim::SourceRef, 6, "reference")?,
        runner: signer.claims.get(Claim::Runner),
        source,
    })
}

/// Whether a reference is the tag of a version (Semantic Versioning 2.0.0, with a `v`), and of no pre-release.
fn is_released(reference: &str) -> bool {
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
fn agrees(
    build: &Build<'_>,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
) -> Result<(), Rejection> {
    let Some(statement) = statement else {
        return Err(refuted("statement", "it is a signature of the artifact, and no statement of a builder"));
    };
    let source = format!("git+{}", build.source);
    let (builder, sources) = match &statement.predicate {
        Predicate::Build(it) => (it.builder.as_str(), &it.sources),
        Predicate::Provenance(it) => (it.builder.as_str(), &it.sources),
        Predicate::Malformed(said) => return Err(refuted("predicate-mismatch", said.clone())),
        Predicate::Release(_) | Predicate::Other => {
            let said = format!("what {} says of a build is not known here", statement.predicate_type);
            return Err(Rejection::unproven("unsupported", said));
        }
    };
    if builder != signer.name {
        let said = format!("the statement names the builder '{builder}', the certificate {}", signer.name);
        let delegated = DELEGATORS.iter().any(|it| signer.name.starts_with(&format!("{it}@")));
        return Err(if delegated {
            Rejection::unproven("unsupported", format!("{said}, which runs builders of others"))
        } else {
            refuted("predicate-mismatch", said)
        });
    }
    let wanted = format!("{source}@{}", build.reference);
    let is_source = |(uri, commit): &(String, String)| {
        commit == build.commit && (uri.eq_ignore_ascii_case(&source) || *uri == wanted)
    };
    if sources.iter().any(is_source) {
        return Ok(());
    }
    let said = format!("the statement does not say that it was built from {wanted} at {}", build.commit);
    Err(refuted("predicate-mismatch", said))
}
