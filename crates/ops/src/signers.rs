//! The signer policy, and the operator's signing key.

use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::PolicyLookup;
use model::release::facts::SigningKeyStatus;
use model::release::request::TagSigning;
use repo::RawSigningConfig;
use signing::{GitSigningConfig, ReadFileError, SignError, SignaturePolicy, SigningKey};

use crate::context::OpsContext;
use crate::error::OpsError;

/// The maximum size of a file of the signer policy, in bytes.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// Reads the signer policy that `[signers]` describes. Returns `None` if no trusted signers are configured.
///
/// # Errors
/// [`OpsError::Policy`] if a file does not exist, cannot be read, or has content that is not valid.
pub(crate) fn signature_policy(context: OpsContext<'_>) -> Result<Option<SignaturePolicy>, OpsError> {
    let (Some(signers), Some(root)) = (&context.catalog.signer_policy, &context.env.policy_root) else {
        return Ok(None);
    };
    let read = |file: &str| -> Result<Vec<u8>, ReadFileError> {
        let missing = || format!("{} does not exist", root.join(file).display());
        archive::read_below(root, file, MAX_POLICY_BYTES)?.ok_or_else(|| missing().into())
    };
    Ok(Some(SignaturePolicy::read(signers, &read)?))
}

/// Returns whether trusted signers are configured.
pub(crate) fn has_signers(context: OpsContext<'_>) -> bool {
    context.catalog.signer_policy.is_some() && context.env.policy_root.is_some()
}

/// Returns the requested signing key, or the key that git is configured for.
///
/// # Errors
/// [`OpsError::Sign`] if no key is usable, [`OpsError::ProgramNotStarted`] if a program of the repository's
/// configuration is needed.
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

/// Returns git's signing configuration. The second value is set if the key needs a program that only the repository's
/// configuration names: commands other than `release` must not start it.
fn signing_settings(context: OpsContext<'_>) -> Result<(GitSigningConfig, Option<Explanation>), OpsError> {
    let RawSigningConfig { values, blocked_programs: not_started } =
        context.repo().spawn_signing_config().wait()?;
    let settings = GitSigningConfig { values: values.into_iter().collect(), home: context.env.home.clone() };
    let not_started_program = settings.program_keys().iter().find_map(|it| not_started.get_key_value(*it));
    let blocked = not_started_program.map(|(key, program)| {
        let evidence = format!("{key} of this repository is '{program}', which only a release runs");
        Explanation::new(Reason::ProgramNotRun { key: key.clone(), program: program.clone() }, evidence)
    });
    Ok((settings, blocked))
}

/// Returns whether the signing key is usable and allowed by the policy now, and the key. `tagger` has the form
/// `Name <address>`.
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
    let lookup = signature_policy(context)?.map_or(PolicyLookup::NoPolicy, |it| key.lookup(&it));
    Ok(rules::signing_key_status(key.name(), email, &lookup, context.env.now))
}
