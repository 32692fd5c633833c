//! Compares a statement with the artifact's name and with the certificate of its signer.

use model::evidence::attestation::{
    AttestationPolicy, FulcioClaim, Predicate, Provenance, Rejection, SignerCertificate, Statement,
};
use model::evidence::reason::Reason;

/// The build type of the provenance that npm makes in GitHub Actions (`npm/cli`, `libnpmpublish/lib/provenance.js`).
const NPM_BUILD_TYPE: &str = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1";

/// Checks that the statement gives the artifact its name and agrees with the certificate. The name must be that of the
/// subject with the matching digest.
pub(super) fn check_statement(
    policy: &AttestationPolicy,
    statement: &Statement,
    signer: &SignerCertificate,
    warnings: &mut Vec<String>,
) -> Result<(), Rejection> {
    if let Some(name) = &policy.subject_name
        && statement.subjects.iter().all(|it| !it.matches_artifact || it.name != *name)
    {
        let names =
            statement.subjects.iter().filter(|it| it.matches_artifact).take(5).map(|it| it.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(Rejection::refuted(
            Reason::SubjectName,
            format!("the statement names these bytes {names}, expected {name}"),
        ));
    }
    match &statement.predicate {
        Predicate::Provenance(provenance) => check_provenance(provenance, signer, warnings),
        Predicate::Malformed(evidence) => {
            Err(Rejection::refuted(Reason::PredicateMismatch, evidence.clone()))
        }
        Predicate::GenericProvenance(provenance) if provenance.build_type == NPM_BUILD_TYPE => {
            check_source(&provenance.resolved_dependencies, signer)
        }
        Predicate::GenericProvenance(provenance) => {
            let evidence = format!(
                "the statement's build type is '{}', which is not that of a GitHub workflow",
                provenance.build_type
            );
            Err(Rejection::refuted(Reason::PredicateMismatch, evidence))
        }
        Predicate::Release(_) | Predicate::Other => Ok(()),
    }
}

/// Checks that the provenance describes the same workflow run as the certificate. Unknown parameters are a warning.
fn check_provenance(
    provenance: &Provenance,
    signer: &SignerCertificate,
    warnings: &mut Vec<String>,
) -> Result<(), Rejection> {
    let claim = |claim: FulcioClaim| signer.claims.get(claim).unwrap_or_default();
    let config = format!(
        "{}/{}@{}",
        provenance.workflow_repository, provenance.workflow_path, provenance.workflow_ref
    );
    let pairs = [
        ("reference", provenance.workflow_ref.as_str(), claim(FulcioClaim::SourceRepositoryRef)),
        ("repository", &provenance.workflow_repository, claim(FulcioClaim::SourceRepositoryUri)),
        ("workflow", &config, claim(FulcioClaim::BuildConfigUri)),
        ("event", &provenance.event_name, claim(FulcioClaim::BuildTrigger)),
        ("repository id", &provenance.repository_id, claim(FulcioClaim::SourceRepositoryId)),
        ("owner id", &provenance.repository_owner_id, claim(FulcioClaim::SourceRepositoryOwnerId)),
        ("runner", &provenance.runner_environment, claim(FulcioClaim::RunnerEnvironment)),
        ("builder", &provenance.builder_id, claim(FulcioClaim::BuildSignerUri)),
        ("run", &provenance.invocation_id, claim(FulcioClaim::RunInvocationUri)),
    ];
    if let Some((what, stated, certified)) =
        pairs.into_iter().find(|(_, stated, certified)| stated != certified)
    {
        let evidence = format!("the {what} is '{stated}' in the statement, '{certified}' in the certificate");
        return Err(Rejection::refuted(Reason::PredicateMismatch, evidence));
    }
    check_source(&provenance.resolved_dependencies, signer)?;
    if !provenance.unknown_parameters.is_empty() {
        warnings
            .push(format!("the run had unknown parameters: {}", provenance.unknown_parameters.join(", ")));
    }
    Ok(())
}

/// Checks that a statement names exactly one source: that of the certificate.
fn check_source(sources: &[(String, String)], signer: &SignerCertificate) -> Result<(), Rejection> {
    let claim = |claim: FulcioClaim| signer.claims.get(claim).unwrap_or_default();
    let [(uri, commit)] = sources else {
        let stated = format!("the statement names {} sources, expected 1", sources.len());
        return Err(Rejection::refuted(Reason::PredicateMismatch, stated));
    };
    let wanted = format!(
        "git+{}@{}",
        claim(FulcioClaim::SourceRepositoryUri),
        claim(FulcioClaim::SourceRepositoryRef)
    );
    if *uri != wanted || commit != claim(FulcioClaim::SourceRepositoryDigest) {
        return Err(Rejection::refuted(
            Reason::PredicateMismatch,
            format!("the statement names the source {uri} at {commit}, the certificate another one"),
        ));
    }
    Ok(())
}
