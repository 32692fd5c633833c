//! Creates and signs the tag of a release in the clone, or keeps an existing one.

use model::evidence::signature::TagEvidence;
use model::release::facts::TagKind;
use model::release::receipt::LocalTag;
use model::release::request::{Request, TagSigning};
use repo::{Repo, RepoError};
use signing::SigningKey;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::event::ReleaseEvent;
use crate::prepare::Prepared;
use crate::prove::tag::{check_signature, tag_evidence};
use crate::signers::signature_policy;

/// Creates the tag, or keeps it if it already exists at the right commit. The refs are read again, because they may
/// have changed since the plan was made.
pub(super) fn create_tag(
    context: OpsContext<'_>,
    request: &Request,
    prepared: &Prepared,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<LocalTag, OpsError> {
    let (repo, name, commit) = (context.repo(), request.tag.name(), prepared.facts.commit);
    let tag_changed = || OpsError::TagChanged { tag: name.clone(), commit: commit.to_string() };
    if let Some((object, tag_commit, kind)) = repo.tag(&name)? {
        let signed_enough = request.tag_signing == TagSigning::Unsigned || kind == TagKind::Signed;
        if tag_commit != Some(commit) || !signed_enough {
            return Err(tag_changed());
        }
        on_event(ReleaseEvent::TagExists(name.clone()));
        return Ok(LocalTag { object, kind, already_existed: true });
    }
    on_event(ReleaseEvent::CreatingTag(name.clone()));
    let tagger = repo.spawn_tagger().wait()?;
    let mut object = Repo::tag_object(&name, commit, &tagger, &request.tag.message());
    if request.tag_signing != TagSigning::Unsigned {
        let key = prepared.key.as_ref().ok_or(signing::SignError::NoKey)?;
        object = sign_tag(context, key, tag_evidence(repo, &name, commit)?, &object)?;
    }
    let created = repo.create_tag(&name, &object).map_err(|error| match error {
        RepoError::TagExists(_) => tag_changed(),
        other => OpsError::Repo(other),
    })?;
    on_event(ReleaseEvent::TagCreated(name));
    Ok(created)
}

/// Signs a tag object and verifies the signature. Returns the signed object, which is not stored yet: a tag whose
/// signature fails verification is never created.
fn sign_tag(
    context: OpsContext<'_>,
    key: &SigningKey,
    evidence: TagEvidence,
    payload: &[u8],
) -> Result<Vec<u8>, OpsError> {
    let trust = signature_policy(context)?;
    // Without a policy the signature is still checked to be of this key and of these bytes.
    let policy = trust.clone().map_or_else(|| key.self_policy(), Ok)?.restrict_to(key.format());
    let (signature, policy) = std::thread::scope(|scope| {
        let prepared = scope.spawn(|| policy.prepared());
        let signature = key.sign(payload);
        (signature, prepared.join().unwrap_or_else(|_| policy.clone()))
    });
    let object = [payload, &signature?].concat();
    let evidence = check_signature(context, evidence, &object, Some(&policy));
    let findings = rules::evaluate_tag(&evidence, context.env.now);
    match rules::self_check(findings, trust.is_some()) {
        Some(finding) => Err(OpsError::SelfCheckFailed(finding.explanation)),
        None => Ok(object),
    }
}
