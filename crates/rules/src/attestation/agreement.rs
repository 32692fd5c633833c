//! What a statement says, held against the artifact's name and the certificate.

use model::evidence::attestation::{
    Claim, Expected, Predicate, Provenance, Rejection, SignerCertificate, Statement,
};

use super::refuted;

/// What the statement is about, and whether it agrees with the certificate.
pub(super) fn about(
    expected: &Expected,
    statement: &Statement,
    signer: &SignerCertificate,
    notes: &mut Vec<String>,
) -> Result<(), Rejection> {
    if let Some(name) = &expected.name
        && statement.subjects.iter().all(|it| !it.is_artifact || it.name != *name)
    {
        let names = statement.subjects.iter().filter(|it| it.is_artifact).take(5).map(|it| it.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(refuted("subject-name", format!("it calls these bytes {names}, and not {name}")));
    }
    match &statement.predicate {
        Predicate::Provenance(it) => agrees(it, signer, notes),
        Predicate::Malformed(said) => Err(refuted("predicate-mismatch", said.clone())),
        Predicate::Build(it) => {
            let said =
                format!("its build type is '{}', which is not that of a GitHub workflow", it.build_type);
            Err(refuted("predicate-mismatch", said))
        }
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
