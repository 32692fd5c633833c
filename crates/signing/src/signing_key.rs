//! The signing key, selected by git's configuration.

use std::rc::Rc;

use model::evidence::signature::{PolicyLookup, SignatureFormat};

use crate::error::SignError;
use crate::kind::{ExportedKey, GitSigningConfig, KeySigner, SignatureKind};
use crate::kinds::kind_of;
use crate::policy::SignaturePolicy;

/// A key that signs tags.
#[derive(Debug, Clone)]
pub struct SigningKey {
    format: SignatureFormat,
    signer: Rc<dyn KeySigner>,
}

impl SigningKey {
    /// Makes a detached signature of `payload`, in its armor. The signing program or its agent may ask for a
    /// passphrase, or for a touch of a hardware key.
    ///
    /// # Errors
    /// [`SignError::ProgramFailed`] with the error output of the program.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign(payload)
    }

    /// Returns a policy to verify signatures by this key with, independent of `[signers]`. It is empty if the public
    /// key is unknown.
    ///
    /// # Errors
    /// [`SignError::ProgramFailed`] if the public key cannot be exported.
    pub fn self_policy(&self) -> Result<SignaturePolicy, SignError> {
        Ok(SignaturePolicy::of_kind(self.format, self.signer.self_policy()?))
    }

    /// Returns the public key as a file for `[signers]`. `email` is the tagger address of its owner.
    ///
    /// # Errors
    /// [`SignError::NotPublic`] if the public key is unknown, [`SignError::ProgramFailed`] if it cannot be exported,
    /// [`SignError::InvalidAddress`] if `email` cannot be a principal of an SSH policy.
    pub fn export(&self, email: &str) -> Result<ExportedKey, SignError> {
        self.signer.export(email)
    }

    /// Returns the format of its signatures.
    #[must_use]
    pub fn format(&self) -> SignatureFormat {
        self.format
    }

    /// Returns the policy entries of the key before it signs.
    #[must_use]
    pub fn lookup(&self, policy: &SignaturePolicy) -> PolicyLookup {
        let lookup =
            policy.kind(self.format).zip(self.signer.describe()).and_then(|(it, key)| it.lookup(&key));
        lookup.map_or(PolicyLookup::KindNotConfigured, PolicyLookup::Key)
    }

    /// Returns the name of the key for reports.
    #[must_use]
    pub fn name(&self) -> &str {
        self.signer.name()
    }
}

impl GitSigningConfig {
    /// Returns the kind that `gpg.format` names. The default is OpenPGP, as in git.
    fn kind(&self) -> Result<&'static dyn SignatureKind, SignError> {
        let name = self.get("gpg.format").unwrap_or(SignatureFormat::OpenPgp.name());
        SignatureFormat::parse(name)
            .and_then(kind_of)
            .ok_or_else(|| SignError::UnknownFormat(name.to_owned()))
    }

    /// Returns the configuration keys of git, in lower case, that name the programs which select the key and sign.
    /// Empty for an unknown format.
    #[must_use]
    pub fn program_keys(&self) -> &'static [&'static str] {
        self.kind().map_or(&[], SignatureKind::program_keys)
    }

    /// Returns the key that would sign: the requested one, or else `user.signingKey`, or else the default of the
    /// format. `tagger` is `Name <address>`; OpenPGP and X.509 search their default key by it.
    ///
    /// # Errors
    /// [`SignError`] if the format is unknown, if no key is configured, or if the key is missing, expired, revoked or
    /// not a signing key.
    pub fn select_key(&self, requested: Option<&str>, tagger: &str) -> Result<SigningKey, SignError> {
        let kind = self.kind()?;
        let requested = requested.or_else(|| self.get("user.signingkey"));
        Ok(SigningKey { format: kind.format(), signer: kind.select_key(self, requested, tagger)? })
    }
}
