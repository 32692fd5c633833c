//! The tag of a release in this clone: made, signed and checked, or kept.

use model::evidence::signature::TagEvidence;
use model::release::facts::TagKind;
use model::release::receipt::LocalTag;
use model::release::request::{Request, TagSigning};
use repo::{Repo, RepoError};
use signing::SigningKey;

use crate::context::Work;
use crate::error::OpsError;
use crate::event::Event;
use crate::prepare::Prepared;
use crate::prove::tag::{evidence, look};
use crate::signers::trust;

/// The tag in this clone: made, or kept where it is there and right. Looked at again, because the plan may be old.
pub(super) fn tag(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    tell: &mut dyn FnMut(Event),
) -> Result<LocalTag, OpsError> {
    let (repo, name, commit) = (work.repo, request.tag.name(), prepared.facts.commit);
    let race = || OpsError::TagRace { tag: name.clone(), commit: commit.to_string() };
    if let Some((object, at, kind)) = repo.tag(&name)? {
        let signed_enough = request.tag_signing == TagSigning::Unsigned || kind == TagKind::Signed;
        if at != Some(commit) || !signed_enough {
            return Err(race());
        }
        tell(Event::TagKept(name.clone()));
        return Ok(LocalTag { object, kind, already_existed: true });
    }
    tell(Event::Tagging(name.clone()));
    let tagger = repo.spawn_tagger().wait()?;
    let mut object = Repo::tag_object(&name, commit, &tagger, &request.tag.message());
    if request.tag_signing != TagSigning::Unsigned {
        let key = prepared.key.as_ref().ok_or(signing::SignError::NoKey)?;
        object = sign(work, key, evidence(repo, &name, commit)?, &object)?;
    }
    let made = repo.create_tag(&name, &object).map_err(|error| match error {
        RepoError::TagExists(_) => race(),
        other => OpsError::Repo(other),
    })?;
    tell(Event::Tagged(name));
    Ok(made)
}

/// A tag object, signed, and looked at by the policy before anybody sees it.
fn sign(
    work: Work<'_>,
    key: &SigningKey,
    evidence: TagEvidence,
    payload: &[u8],
) -> Result<Vec<u8>, OpsError> {
    let trust = trust(work)?;
    // Without a policy it is still a signature of these bytes, or it is not made.
    let own = trust.clone().map_or_else(|| key.self_policy(), Ok)?.restrict_to(key);
    let (signature, own) = std::thread::scope(|scope| {
        let prepared = scope.spawn(|| own.prepared());
        let signature = key.sign(payload);
        (signature, prepared.join().unwrap_or_else(|_| own.clone()))
    });
    let object = [payload, &signature?].concat();
    let evidence = look(work, evidence, &object, Some(&own));
    let findings = rules::evaluate_tag(&evidence, work.around.now);
    match rules::self_check(findings, trust.is_some()) {
        Some(finding) => Err(OpsError::OwnSignature { reason: finding.reason, evidence: finding.evidence }),
        None => Ok(object),
    }
}
