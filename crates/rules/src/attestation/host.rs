//! GitHub's own attestations.

use model::evidence::attestation::{HostRule, Predicate, Rejection, SignerCertificate, Statement, Subject};

use super::{refuted, same};

/// GitHub's own word on an immutable release (`cli/cli:pkg/cmd/release/shared`), and about this one: `gh` does not look at
/// repository and purl.
pub(super) fn host(
    rule: &HostRule,
    signer: &SignerCertificate,
    (statement, name): (Option<&Statement>, Option<&str>),
    repository_id: Option<u64>,
) -> Result<(), Rejection> {
    const NAME: &str = "https://dotcom.releases.github.com";
    if !signer.internal || !signer.is_uri || signer.name != NAME {
        return Err(refuted("signer", format!("{} signed, and {NAME} is wanted", signer.name)));
    }
    let found = statement.map(|it| (&it.predicate, &it.subjects));
    let Some((Predicate::Release(it), subjects)) = found else {
        return Err(Rejection::unproven("predicate-type", "it says nothing of a release"));
    };
    same("tag", "it is about", &it.tag, &rule.tag)?;
    let is_of = |repository: &String| {
        let purl = format!("pkg:github/{repository}@{}", rule.tag);
        it.repository.eq_ignore_ascii_case(repository) && it.purl.eq_ignore_ascii_case(&purl)
    };
    if !rule.repositories.iter().any(is_of) {
        return Err(refuted("repo", format!("it is about {} of {}", it.purl, it.repository)));
    }
    if repository_id.is_some_and(|id| id.to_string() != it.repository_id) {
        return Err(refuted("repo-id", format!("it is of repository {}", it.repository_id)));
    }
    if subjects.iter().all(|it| !it.is_artifact || name.is_some_and(|name| it.name != name)) {
        return Err(refuted("subject-name", "it calls these bytes otherwise"));
    }
    let object = rule.object.to_string();
    let names_object = |it: &Subject| it.digests.get("sha1").or(it.digests.get("sha256")) == Some(&object);
    if subjects.first().is_some_and(names_object) {
        return Ok(());
    }
    Err(refuted("moved", format!("it is about another object than {object}: the tag was moved since")))
}
