//! Creates and signs the tag of a release in the clone, or keeps an existing one.

use model::ObjectId;
use model::evidence::signature::TagEvidence;
use model::evidence::verdict::Verdict;
use model::release::facts::TagKind;
use model::release::receipt::LocalTag;
use model::release::request::{Request, TagSigning};
use model::release::tag_digests::TagDigests;
use repo::{Repo, RepoError};
use signing::SigningKey;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::event::ReleaseEvent;
use crate::prepare::Prepared;
use crate::prove::tag::{check_signature, stated_digests, tag_evidence};
use crate::signers::signature_policy;

/// Creates the tag, or keeps it if it already exists at the right commit. The refs are read again, because they may
/// have changed since the plan was made. A signed tag states `digests`; one that exists and states others is an
/// error.
pub(super) fn create_tag(
    context: OpsContext<'_>,
    request: &Request,
    (prepared, digests): (&Prepared, TagDigests),
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<LocalTag, OpsError> {
    let (repo, name, commit) = (context.repo(), request.tag.name(), prepared.facts.commit);
    let tag_changed = || OpsError::TagChanged { tag: name.clone(), commit: commit.to_string() };
    if let Some((object, tag_commit, kind)) = repo.tag(&name)? {
        let signed_enough = request.tag_signing == TagSigning::Unsigned || kind == TagKind::Signed;
        if tag_commit != Some(commit) || !signed_enough {
            return Err(tag_changed());
        }
        if kind == TagKind::Signed {
            let evtag = digests.evtag.map_or_else(|| repo.evtag_digest(commit), |it| Ok(Some(it)))?;
            check_digests(repo, &name, object, &TagDigests { evtag, ..digests })?;
        }
        on_event(ReleaseEvent::TagExists(name.clone()));
        return Ok(LocalTag { object, kind, already_existed: true });
    }
    on_event(ReleaseEvent::CreatingTag(name.clone()));
    let tagger = repo.spawn_tagger().wait()?;
    let is_signed = request.tag_signing != TagSigning::Unsigned;
    let title = request.tag.message();
    let message = if is_signed { digests.message(&title) } else { title };
    let mut object = Repo::tag_object(&name, commit, &tagger, &message);
    if is_signed {
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

/// Compares the digests that an existing tag states with those of this release.
fn check_digests(repo: &Repo, name: &str, object: ObjectId, expected: &TagDigests) -> Result<(), OpsError> {
    let Some(stated) = stated_digests(repo, object)? else { return Ok(()) };
    let error = |evidence: String| OpsError::TagDigests { tag: name.to_owned(), evidence };
    match rules::tag_digests_finding(name, &stated, expected) {
        Some(it) if it.verdict != Verdict::Proven => return Err(error(it.explanation.evidence)),
        _ => {}
    }
    match stated.ok().and_then(|it| it.archive) {
        Some(archive) if Some(&archive) != expected.archive.as_ref() => {
            Err(error(format!("Archive-SHA256 is {}, which is not that of this archive", archive.1)))
        }
        _ => Ok(()),
    }
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
