//! Verification of tags and their signatures.

use model::evidence::attestation::{FulcioClaim, Rejection};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{SignatureCheck, SigstoreIdentity, TagEvidence, TagObject};
use model::evidence::verdict::{Finding, Verdict};
use model::release::tag_digests::TagDigests;
use model::{CommitId, ObjectId, ReleaseTag};
use provenance::BundleVerifier;
use repo::Repo;
use signing::SignaturePolicy;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::prove::trust_root;
use crate::signers::signature_policy;
use crate::source_archive::commit_digests;

/// Parses the tag object and checks its signature, and adds both to the evidence. Without a policy the signature is not
/// checked, because no key is trusted.
pub(crate) fn check_signature(
    context: OpsContext<'_>,
    evidence: TagEvidence,
    bytes: &[u8],
    trust: Option<&SignaturePolicy>,
) -> TagEvidence {
    let object = TagObject::parse(bytes);
    let signature_check = match (&object, trust) {
        (Ok(TagObject { signature: Some(armored), payload, .. }), Some(trust)) => {
            if provenance::is_gitsign(&armored.text) {
                Some(check_gitsign(context, payload, &armored.text))
            } else {
                Some(signing::check(payload, armored, trust))
            }
        }
        _ => None,
    };
    TagEvidence { object: Some(object), signature_check, ..evidence }
}

/// Checks a gitsign signature, made with a Sigstore certificate. Makes no network requests.
fn check_gitsign(context: OpsContext<'_>, payload: &[u8], armored: &[u8]) -> SignatureCheck {
    let roots = match trust_root::load_trust_root(&context.env.trust_root) {
        Ok(roots) => roots,
        Err(error) => {
            return SignatureCheck::Unknown(Explanation::new(Reason::TrustRoot, error.to_string()));
        }
    };
    let attested = match BundleVerifier::new(&roots, None).verify_gitsign(payload, armored) {
        Ok(attested) => attested,
        Err(Rejection { verdict: Verdict::Refuted, explanation }) => return SignatureCheck::Bad(explanation),
        Err(Rejection { explanation, .. }) => return SignatureCheck::Unknown(explanation),
    };
    let signer = attested.signer.map(|it| {
        let issuer = it.claims.get(FulcioClaim::Issuer).or_else(|| it.claims.0.get(&1).map(String::as_str));
        SigstoreIdentity { issuer: issuer.unwrap_or_default().to_owned(), name: it.san }
    });
    let (Some(signer), Some(time)) = (signer, attested.timestamps.into_iter().min()) else {
        let evidence = "the bundle has no signing certificate, or no trusted time";
        return SignatureCheck::Unknown(Explanation::new(Reason::WrongSigner, evidence));
    };
    let allowed = context.catalog.signer_policy.as_ref().map_or_else(Vec::new, |it| it.sigstore.clone());
    SignatureCheck::ByIdentity { signer, logged_at: time, allowed }
}

/// Returns the evidence about a tag before its object is read: its name, the expected commit and that commit's time.
pub(crate) fn tag_evidence(repo: &Repo, name: &str, expected: CommitId) -> Result<TagEvidence, OpsError> {
    let commit_time = repo.archive_source(expected)?.time;
    Ok(TagEvidence {
        name: name.to_owned(),
        expected_commit: expected,
        commit_time,
        object: None,
        signature_check: None,
    })
}

/// Verifies a tag of the clone. `expected` is the commit that it must point to; `None` accepts the commit that it
/// points to.
///
/// # Errors
/// [`OpsError::TagNotFound`] if the tag does not exist, [`OpsError::TagNotACommit`] if it does not point to a commit,
/// and [`OpsError::Policy`] if the signer policy cannot be read.
pub fn verify_tag(
    context: OpsContext<'_>,
    name: &str,
    expected: Option<CommitId>,
) -> Result<Vec<Finding>, OpsError> {
    let repo = context.repo();
    let Some((object, commit, _)) = repo.tag(name)? else {
        return Err(OpsError::TagNotFound(name.to_owned()));
    };
    let Some(expected) = expected.or(commit) else { return Err(OpsError::TagNotACommit(name.to_owned())) };
    let evidence = tag_evidence(repo, name, expected)?;
    let trust = signature_policy(context)?;
    let evidence = match repo.tag_bytes(object)? {
        Some(bytes) => check_signature(context, evidence, &bytes, trust.as_ref()),
        None => evidence,
    };
    let mut findings = rules::evaluate_tag(&evidence, context.env.now);
    let object = evidence.object.as_ref().and_then(|it| it.as_ref().ok());
    if let Some(stated) = object.and_then(digests_in) {
        let expected = match ReleaseTag::parse(context.catalog, name) {
            Ok(tag) => commit_digests(repo, &tag, expected)?,
            Err(_) => TagDigests { evtag: repo.evtag_digest(expected)?, ..TagDigests::default() },
        };
        findings.extend(rules::tag_digests_finding(name, &stated, &expected));
    }
    Ok(findings)
}

/// Returns the digests in the message of a tag object, or what is wrong with them. `None` if there are none.
pub(crate) fn stated_digests(
    repo: &Repo,
    object: ObjectId,
) -> Result<Option<Result<TagDigests, String>>, OpsError> {
    let tag = repo.tag_bytes(object)?.and_then(|bytes| TagObject::parse(&bytes).ok());
    Ok(tag.as_ref().and_then(digests_in))
}

fn digests_in(tag: &TagObject) -> Option<Result<TagDigests, String>> {
    let stated = TagDigests::parse(&tag.message());
    Some(stated).filter(|it| !it.as_ref().is_ok_and(TagDigests::is_empty))
}
