//! Signed tags: which key would sign, whether it counts, and what a tag proves.

use model::CommitId;
use model::evidence::attestation::{Claim, Rejection};
use model::evidence::signature::{Identity, Looked, TagEvidence, TagObject};
use model::evidence::verdict::{Finding, Verdict};
use model::release::facts::{SignerFact, SignerState};
use model::release::request::Signing;
use provenance::Checker;
use repo::{Repo, SigningConfig};
use signing::{AllowedSigners, Key, PinnedKeys, Settings, SignError, SshTrust, Trust};

use crate::{OpsError, Work, verify};

/// The longest file of a policy that is read, in bytes.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// The policy that the catalog names; none where it names none.
///
/// # Errors
/// [`OpsError::PolicyFile`] where a file cannot be read, [`OpsError::Policy`] where a line of it cannot.
fn trust(work: Work<'_>) -> Result<Option<Trust>, OpsError> {
    let (Some(signers), Some(root)) = (&work.catalog.signers, &work.around.policy_root) else {
        return Ok(None);
    };
    let read = |file: &String| {
        let bytes = archive::read_below(root, file, MAX_POLICY_BYTES).map_err(OpsError::PolicyFile)?;
        bytes.ok_or_else(|| OpsError::PolicyMissing(root.join(file)))
    };
    let keyring = signers.openpgp_keyring.as_ref().map(read).transpose()?;
    let openpgp = keyring.map(|it| PinnedKeys::openpgp(it, &signers.openpgp_fingerprints));
    let certificates = signers.x509_certificates.as_ref().map(read).transpose()?;
    let x509 = certificates.map(|it| PinnedKeys::x509(it, &signers.x509_fingerprints));
    let Some(allowed_signers) = &signers.allowed_signers else {
        return Ok(Some(Trust { ssh: None, openpgp, x509 }));
    };
    let text = String::from_utf8_lossy(&read(allowed_signers)?).into_owned();
    let allowed = AllowedSigners::parse(allowed_signers, &text)?;
    let revoked = signers
        .revoked
        .as_ref()
        .map(|file| (file.as_str(), read(file).map_err(|error| model::with_causes(&error))));
    Ok(Some(Trust { ssh: Some(SshTrust::new(allowed, revoked)?), openpgp, x509 }))
}

/// Whether the catalog names trusted signers.
pub(crate) fn has_signers(work: Work<'_>) -> bool {
    work.catalog.signers.is_some() && work.around.policy_root.is_some()
}

/// The key that would sign as git is configured, or as it was asked for.
pub(crate) fn own_key(work: Work<'_>, asked: Option<&str>, tagger: &str) -> Result<Key, OpsError> {
    match settings(work)? {
        (settings, None) => Ok(settings.resolve(asked, tagger)?),
        (_, Some(fact)) => Err(OpsError::NotStarted { evidence: fact.evidence }),
    }
}

/// Git's configuration of signing, with the folder that `~` stands for; and what to say if a program of the repository's
/// own configuration would have to be started.
fn settings(work: Work<'_>) -> Result<(Settings, Option<SignerFact>), OpsError> {
    let SigningConfig { values: mut config, not_started } = work.repo.ask_signing().wait()?;
    let settings = Settings {
        format: config.remove("gpg.format"),
        key: config.remove("user.signingkey"),
        openpgp_program: config.remove("gpg.openpgp.program").or_else(|| config.remove("gpg.program")),
        x509_program: config.remove("gpg.x509.program"),
        ssh_program: config.remove("gpg.ssh.program"),
        ssh_default_key_command: config.remove("gpg.ssh.defaultkeycommand"),
        home: work.around.home.clone(),
    };
    let found = settings.programs().into_iter().find_map(|it| not_started.get_key_value(it));
    let fact = found.map(|(key, program)| SignerFact {
        state: SignerState::NotStarted,
        evidence: format!("{key} of this repository is '{program}', which only the release itself starts"),
        hint: format!("git config --global {key} '{program}', to have it started by every command"),
    });
    Ok((settings, fact))
}

/// Which key would sign, and whether the policy takes it from this tagger, given as `Name <address>`, now.
pub(crate) fn signer(
    work: Work<'_>,
    signing: &Signing,
    tagger: &str,
) -> Result<(SignerFact, Option<Key>), OpsError> {
    let Signing::Signed(asked) = signing else { return Ok((no_key(&SignError::NoKey), None)) };
    let settings = match settings(work)? {
        (settings, None) => settings,
        (_, Some(fact)) => return Ok((fact, None)),
    };
    match settings.resolve(asked.as_deref(), tagger) {
        Ok(key) => Ok((judged(work, &key, tagger)?, Some(key))),
        Err(error) => Ok((no_key(&error), None)),
    }
}

fn no_key(error: &SignError) -> SignerFact {
    SignerFact { state: SignerState::None, evidence: error.to_string(), hint: error.hint().to_owned() }
}

fn judged(work: Work<'_>, key: &Key, tagger: &str) -> Result<SignerFact, OpsError> {
    let fact = |state, evidence: String, hint: &str| SignerFact { state, evidence, hint: hint.to_owned() };
    let email = tagger.rsplit_once('<').map_or("", |(_, it)| it.trim_end_matches('>'));
    let Some(trust) = trust(work)? else {
        let evidence =
            format!("{} would sign, and no trusted signers are configured ([signers])", key.name());
        return Ok(fact(SignerState::Unjudged, evidence, rules::CONFIGURE_SIGNERS));
    };
    let Some(signer) = trust.of(key) else {
        let evidence =
            format!("{} would sign, and [signers] of the catalog takes no key like it", key.name());
        let hint = "add allowed_signers, openpgp_keyring or x509_certificates to [signers]";
        return Ok(fact(SignerState::Refused, evidence, hint));
    };
    let judged = rules::judge_signer("signer", email, &signer, work.around.now);
    let until = signer.grants.iter().filter_map(|it| it.valid_before).max();
    let until = until.map_or(String::new(), |it| format!(", until {}", model::base::time::rfc3339(it)));
    let state = if judged.verdict == Verdict::Proven { SignerState::Accepted } else { SignerState::Refused };
    Ok(fact(state, format!("{}{until}", judged.evidence), &judged.hint))
}

/// A tag object, signed, and looked at by the policy before anybody sees it.
pub(crate) fn sign(
    work: Work<'_>,
    key: &Key,
    evidence: TagEvidence,
    payload: &[u8],
) -> Result<Vec<u8>, OpsError> {
    let trust = trust(work)?;
    // Without a policy it is still a signature of these bytes, or it is not made.
    let own = trust.clone().map_or_else(|| key.own_trust(), Ok)?.for_key(key);
    let (signature, own) = std::thread::scope(|scope| {
        let prepared = scope.spawn(|| own.prepared());
        let signature = key.sign(payload);
        (signature, prepared.join().unwrap_or_else(|_| own.clone()))
    });
    let object = [payload, &signature?].concat();
    let evidence = look(work, evidence, &object, Some(&own));
    let findings = rules::judge_tag(&evidence, work.around.now);
    match rules::flaw_of_own(findings, trust.is_some()) {
        Some(finding) => Err(OpsError::OwnSignature { reason: finding.reason, evidence: finding.evidence }),
        None => Ok(object),
    }
}

/// The evidence with the object read and its signature looked at.
fn look(work: Work<'_>, evidence: TagEvidence, bytes: &[u8], trust: Option<&Trust>) -> TagEvidence {
    let object = TagObject::parse(bytes);
    let looked = match (&object, trust) {
        (Ok(TagObject { signature: Some(armored), payload, .. }), Some(trust)) => {
            if provenance::is_gitsign(&armored.text) {
                Some(by_identity(work, payload, &armored.text))
            } else {
                Some(signing::check(payload, armored, trust))
            }
        }
        _ => None,
    };
    TagEvidence { object: Some(object), looked, ..evidence }
}

/// Who signed with a certificate of Sigstore's. Nobody is asked over the network.
fn by_identity(work: Work<'_>, payload: &[u8], armored: &[u8]) -> Looked {
    let roots = match verify::trusted(&work.around.trusted) {
        Ok(roots) => roots,
        Err(error) => return Looked::Unknown { reason: "trust-root", evidence: error.to_string() },
    };
    let attested = match Checker::new(&roots, None).check_gitsign(payload, armored) {
        Ok(attested) => attested,
        Err(Rejection { verdict: Verdict::Refuted, reason, evidence }) => {
            return Looked::Bad { reason, evidence };
        }
        Err(Rejection { reason, evidence, .. }) => return Looked::Unknown { reason, evidence },
    };
    let signer = attested.signer.map(|it| {
        let issuer = it.claims.get(Claim::Issuer).or_else(|| it.claims.0.get(&1).map(String::as_str));
        Identity { issuer: issuer.unwrap_or_default().to_owned(), name: it.name }
    });
    let (Some(signer), Some(time)) = (signer, attested.times.into_iter().min()) else {
        return Looked::Unknown { reason: "signer", evidence: "nobody is named who signed it".to_owned() };
    };
    let allowed = work.catalog.signers.as_ref().map_or_else(Vec::new, |it| it.sigstore.clone());
    Looked::Identity { signer, time, allowed }
}

/// What is known of a tag before its object is read.
pub(crate) fn evidence(repo: &Repo, name: &str, expected: CommitId) -> Result<TagEvidence, OpsError> {
    let commit_time = repo.snapshot(expected)?.time;
    Ok(TagEvidence { name: name.to_owned(), expected, commit_time, object: None, looked: None })
}

/// What a tag of this clone proves. `expected` is the commit that it should be at; without one, whatever it leads to.
///
/// # Errors
/// [`OpsError::NoTag`] where there is no such tag, [`OpsError::Policy`] where the policy cannot be read.
pub fn verify_tag(work: Work<'_>, name: &str, expected: Option<CommitId>) -> Result<Vec<Finding>, OpsError> {
    let repo = work.repo;
    let Some((object, commit, _)) = repo.tag(name)? else { return Err(OpsError::NoTag(name.to_owned())) };
    let Some(expected) = expected.or(commit) else { return Err(OpsError::NoCommit(name.to_owned())) };
    let evidence = evidence(repo, name, expected)?;
    let trust = trust(work)?;
    let evidence = match repo.tag_bytes(object)? {
        Some(bytes) => look(work, evidence, &bytes, trust.as_ref()),
        None => evidence,
    };
    Ok(rules::judge_tag(&evidence, work.around.now))
}
