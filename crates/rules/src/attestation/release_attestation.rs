//! GitHub's attestations of immutable releases.

use model::evidence::attestation::{
    Predicate, Rejection, ReleaseAttestationPolicy, SignerCertificate, Statement, Subject,
};
use model::evidence::reason::Reason;

use super::rejections::expect_eq;

/// Checks GitHub's attestation of an immutable release (`cli/cli:pkg/cmd/release/shared`): signer, tag, repository,
/// subject and the tag's object. Stricter than `gh`, which does not compare the repository and the package URL.
pub(super) fn check_release_attestation(
    policy: &ReleaseAttestationPolicy,
    signer: &SignerCertificate,
    statement: Option<&Statement>,
    name: Option<&str>,
    repository_id: Option<u64>,
) -> Result<(), Rejection> {
    const RELEASE_SIGNER_SAN: &str = "https://dotcom.releases.github.com";
    if !signer.github_instance || !signer.san_is_uri || signer.san != RELEASE_SIGNER_SAN {
        return Err(Rejection::refuted(
            Reason::WrongSigner,
            format!("it was signed by {}, expected {RELEASE_SIGNER_SAN}", signer.san),
        ));
    }
    let found = statement.map(|it| (&it.predicate, &it.subjects));
    let Some((Predicate::Release(predicate), subjects)) = found else {
        return Err(Rejection::unproven(Reason::PredicateType, "the statement is not about a release"));
    };
    expect_eq(Reason::WrongTag, "it is about the tag", &predicate.tag, &policy.tag)?;
    let is_of = |repository: &String| {
        let purl = format!("pkg:github/{repository}@{}", policy.tag);
        predicate.repository.eq_ignore_ascii_case(repository) && predicate.purl.eq_ignore_ascii_case(&purl)
    };
    if !policy.repositories.iter().any(is_of) {
        return Err(Rejection::refuted(
            Reason::WrongRepository,
            format!("it is about {} of {}", predicate.purl, predicate.repository),
        ));
    }
    if repository_id.is_some_and(|id| id.to_string() != predicate.repository_id) {
        return Err(Rejection::refuted(
            Reason::WrongRepositoryId,
            format!("it is about the repository with id {}", predicate.repository_id),
        ));
    }
    if subjects.iter().all(|it| !it.matches_artifact || name.is_some_and(|name| it.name != name)) {
        return Err(Rejection::refuted(Reason::SubjectName, "the statement gives these bytes another name"));
    }
    let object = policy.object.to_string();
    let names_object = |it: &Subject| it.digests.get("sha1").or(it.digests.get("sha256")) == Some(&object);
    if subjects.first().is_some_and(names_object) {
        return Ok(());
    }
    Err(Rejection::refuted(
        Reason::Moved,
        format!("it is about another object than {object}: the tag was moved after the release"),
    ))
}
