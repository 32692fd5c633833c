//! Signing keys of the operator in gpg or gpgsm.

use std::process::{Command, Stdio};
use std::sync::Arc;

use gpgme::{Context, ExportMode, SignMode};

use super::engine::{GpgEngine, seconds};
use super::policy::PinnedKeys;
use crate::error::SignError;
use crate::kind::{ExportedKey, KeyDescription, KeySigner, KindPolicy};

/// A secret key of the operator.
#[derive(Debug, Clone)]
pub(crate) struct GpgKey {
    engine: GpgEngine,
    program: Option<String>,
    key: gpgme::Key,
    fingerprint: String,
    name: String,
    created: Option<i64>,
    expires: Option<i64>,
}

impl GpgKey {
    /// Finds the secret key for `name`: a fingerprint, a key ID, a name or an address, as gpg interprets it. Returns
    /// the first match that can sign now.
    ///
    /// # Errors
    /// [`SignError::UnusableKey`] if gpg has no secret key for `name`, or none that can sign now.
    pub(crate) fn find(engine: GpgEngine, program: Option<&str>, name: &str) -> Result<Self, SignError> {
        let wrong = |reason: String| SignError::UnusableKey { key: name.to_owned(), reason };
        let program = program.map(|it| find_program(engine, it)).transpose().map_err(wrong)?;
        let mut context = context(engine, program.as_deref()).map_err(|error| wrong(error.to_string()))?;
        let found = context.find_secret_keys([name]).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let keys = found.map_err(|error| wrong(error.to_string()))?;
        let usable =
            |key: &&gpgme::Key| !(key.is_bad() || key.is_revoked() || key.is_expired()) && key.can_sign();
        let Some(key) = keys.iter().find(usable) else {
            return Err(wrong(
                keys.first().map_or_else(
                    || format!("{} has no secret key for it", engine.program()),
                    unusable_reason,
                ),
            ));
        };
        let primary = key.primary_key();
        let fingerprint = key.fingerprint().unwrap_or_default().to_ascii_uppercase();
        let user_id =
            key.user_ids().next().and_then(|it| it.id().ok().map(str::to_owned)).unwrap_or_default();
        Ok(Self {
            engine,
            program,
            key: key.clone(),
            name: format!("{fingerprint} ({user_id})"),
            fingerprint,
            created: seconds(primary.and_then(|it| it.creation_time())),
            expires: seconds(primary.and_then(|it| it.expiration_time())),
        })
    }

    /// Exports the public key or certificate. An OpenPGP key is exported without the signatures of other people.
    fn export_public(&self, is_armored: bool) -> Result<Vec<u8>, SignError> {
        let export = || -> gpgme::Result<Vec<u8>> {
            let mut keyring = Vec::new();
            let mode =
                if self.engine == GpgEngine::OpenPgp { ExportMode::MINIMAL } else { ExportMode::empty() };
            let mut context = context(self.engine, self.program.as_deref())?;
            context.set_armor(is_armored);
            context.export([self.fingerprint.as_str()], mode, &mut keyring)?;
            Ok(keyring)
        };
        export().map_err(|error| self.failed(&error.to_string()))
    }

    /// Returns the error of a failed run of the program.
    fn failed(&self, reason: &str) -> SignError {
        SignError::ProgramFailed {
            program: self.program.clone().unwrap_or_else(|| self.engine.program().to_owned()),
            reason: reason.to_owned(),
        }
    }
}

impl KeySigner for GpgKey {
    fn name(&self) -> &str {
        &self.name
    }

    /// Makes a detached signature of `payload`, in its armor. gpg-agent asks for passphrases.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let sign = || -> gpgme::Result<Vec<u8>> {
            let mut context = context(self.engine, self.program.as_deref())?;
            context.set_armor(true);
            context.add_signer(&self.key)?;
            let mut signature = Vec::new();
            context.sign(SignMode::Detached, payload, &mut signature)?;
            Ok(signature)
        };
        let signature = sign().map_err(|error| self.failed(&error.to_string()))?;
        let armor = self.engine.format().armor_label();
        if signature.starts_with(format!("-----BEGIN {armor}-----\n").as_bytes()) {
            return Ok(signature);
        }
        Err(self.failed("it printed no detached signature"))
    }

    fn describe(&self) -> Option<KeyDescription> {
        let identity = self.fingerprint.clone();
        Some(KeyDescription { identity, created: self.created, expires: self.expires })
    }

    fn self_policy(&self) -> Result<Option<Arc<dyn KindPolicy>>, SignError> {
        let fingerprints = std::slice::from_ref(&self.fingerprint);
        Ok(Some(Arc::new(PinnedKeys::new(self.engine, self.export_public(false)?, fingerprints))))
    }

    fn export(&self, _email: &str) -> Result<ExportedKey, SignError> {
        let (file, file_key, pin_key) = match self.engine {
            GpgEngine::OpenPgp => ("release-keys.asc", "openpgp_keyring", "openpgp_fingerprints"),
            GpgEngine::X509 => ("release-certificates.pem", "x509_certificates", "x509_fingerprints"),
        };
        let pin = Some((pin_key, self.fingerprint.clone()));
        Ok(ExportedKey { file, file_key, bytes: self.export_public(true)?, pin })
    }
}

/// Returns why a key cannot sign. Revocation is reported before expiry, because it cannot be reversed.
fn unusable_reason(key: &gpgme::Key) -> String {
    let word = if key.is_revoked() {
        "is revoked"
    } else if key.is_expired() {
        "has expired"
    } else if key.is_bad() {
        "is disabled or not valid"
    } else {
        "cannot sign"
    };
    format!("{} {word}", key.fingerprint().unwrap_or("the key"))
}

/// Returns a gpgme context of the operator's gpg or gpgsm, with the operator's keys. `program` replaces the default
/// one.
fn context(engine: GpgEngine, program: Option<&str>) -> gpgme::Result<Context> {
    let mut context = Context::from_protocol(engine.protocol())?;
    if let Some(program) = program {
        context.set_engine_path(program)?;
    }
    Ok(context)
}

/// Returns the absolute path of a program, which gpgme needs because it does not search `PATH`.
fn find_program(engine: GpgEngine, program: &str) -> Result<String, String> {
    if program.contains('/') {
        return Ok(program.to_owned());
    }
    let output =
        Command::new("sh").args(["-c", "command -v -- \"$0\"", program]).stdin(Stdio::null()).output();
    let path = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned()).unwrap_or_default();
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(format!("cannot find {program}, the configured program for {}", engine.program()))
    }
}
