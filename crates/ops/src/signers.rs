//! The signer policy, and the key that would sign a tag.

use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::PolicyLookup;
use model::release::facts::SigningKeyStatus;
use model::release::request::TagSigning;
use repo::RawSigningConfig;
use signing::{
    AllowedSigners, GitSigningConfig, PinnedKeys, SignError, SignaturePolicy, SigningKey, SshPolicy,
};

use crate::context::OpsContext;
use crate::error::OpsError;

/// The longest file of a policy that is read, in bytes.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// The policy that the catalog names; none where it names none.
///
/// # Errors
/// [`OpsError::PolicyFile`] where a file cannot be read, [`OpsError::Policy`] where a line of it cannot.
pub(crate) fn signature_policy(context: OpsContext<'_>) -> Result<Option<SignaturePolicy>, OpsError> {
    let (Some(signers), Some(root)) = (&context.catalog.signer_policy, &context.env.policy_root) else {
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
        return Ok(Some(SignaturePolicy { ssh: None, openpgp, x509 }));
    };
    let text = String::from_utf8_lossy(&read(allowed_signers)?).into_owned();
    let allowed = AllowedSigners::parse(allowed_signers, &text)?;
    let revoked = signers
        .revoked_keys
        .as_ref()
        .map(|file| (file.as_str(), read(file).map_err(|error| model::with_causes(&error))));
    Ok(Some(SignaturePolicy { ssh: Some(SshPolicy::new(allowed, revoked)?), openpgp, x509 }))
}

/// Whether the catalog names trusted signers.
pub(crate) fn has_signers(context: OpsContext<'_>) -> bool {
    context.catalog.signer_policy.is_some() && context.env.policy_root.is_some()
}

/// The key that would sign as git is configured, or as it was asked for.
pub(crate) fn signing_key(
    context: OpsContext<'_>,
    requested_key: Option<&str>,
    tagger: &str,
) -> Result<SigningKey, OpsError> {
    match signing_settings(context)? {
        (settings, None) => Ok(settings.select_key(requested_key, tagger)?),
        (_, Some(blocked)) => Err(OpsError::ProgramNotStarted(blocked)),
    }
}

/// Git's configuration of signing, with the folder that `~` stands for; and what to say if a program of the repository's
/// own configuration would have to be started.
fn signing_settings(context: OpsContext<'_>) -> Result<(GitSigningConfig, Option<Explanation>), OpsError> {
    let RawSigningConfig { values: mut config, blocked_programs: not_started } =
        context.repo().spawn_signing_config().wait()?;
    let settings = GitSigningConfig {
        format: config.remove("gpg.format"),
        signing_key: config.remove("user.signingkey"),
        openpgp_program: config.remove("gpg.openpgp.program").or_else(|| config.remove("gpg.program")),
        x509_program: config.remove("gpg.x509.program"),
        ssh_program: config.remove("gpg.ssh.program"),
        ssh_default_key_command: config.remove("gpg.ssh.defaultkeycommand"),
        home: context.env.home.clone(),
    };
    let not_started_program =
        settings.program_keys().into_iter().find_map(|it| not_started.get_key_value(it));
    let blocked = not_started_program.map(|(key, program)| {
        let evidence = format!("{key} of this repository is '{program}', which only a release runs");
        Explanation::new(Reason::ProgramNotRun { key: key.clone(), program: program.clone() }, evidence)
    });
    Ok((settings, blocked))
}

/// Which key would sign, and whether the policy takes it from this tagger, given as `Name <address>`, now.
pub(crate) fn signing_key_status(
    context: OpsContext<'_>,
    signing: &TagSigning,
    tagger: &str,
) -> Result<(SigningKeyStatus, Option<SigningKey>), OpsError> {
    let TagSigning::Signed(requested_key) = signing else {
        return Ok((missing_key_status(&SignError::NoKey), None));
    };
    let settings = match signing_settings(context)? {
        (settings, None) => settings,
        (_, Some(blocked)) => return Ok((SigningKeyStatus::Unchecked(blocked), None)),
    };
    match settings.select_key(requested_key.as_deref(), tagger) {
        Ok(key) => Ok((evaluate_key(context, &key, tagger)?, Some(key))),
        Err(error) => Ok((missing_key_status(&error), None)),
    }
}

fn missing_key_status(error: &SignError) -> SigningKeyStatus {
    let reason = Reason::NoSigningKey { advice: error.hint() };
    SigningKeyStatus::Refused(Explanation::new(reason, error.to_string()))
}

fn evaluate_key(
    context: OpsContext<'_>,
    key: &SigningKey,
    tagger: &str,
) -> Result<SigningKeyStatus, OpsError> {
    let email = tagger.rsplit_once('<').map_or("", |(_, it)| it.trim_end_matches('>'));
    let lookup = signature_policy(context)?.map_or(PolicyLookup::NoPolicy, |it| it.lookup(key));
    Ok(rules::signing_key_status(key.name(), email, &lookup, context.env.now))
}
