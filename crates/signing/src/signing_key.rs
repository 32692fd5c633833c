//! The key that would sign, as git is configured.

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
    /// Makes a detached signature in its armor. Agents and programs may ask for passphrases and touches.
    ///
    /// # Errors
    /// [`SignError::ProgramFailed`] with the program's own message.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign(payload)
    }

    /// A policy that checks signatures of this key alone.
    ///
    /// # Errors
    /// [`SignError::ProgramFailed`] if the public key cannot be exported.
    pub fn self_policy(&self) -> Result<SignaturePolicy, SignError> {
        Ok(SignaturePolicy::of_kind(self.format, self.signer.self_policy()?))
    }

    /// The public key as a file of a signer policy. `email` is the address that its owner makes tags with.
    ///
    /// # Errors
    /// [`SignError::NotPublic`] if the public key is unknown; [`SignError::ProgramFailed`] if it cannot be exported.
    pub fn export(&self, email: &str) -> Result<ExportedKey, SignError> {
        self.signer.export(email)
    }

    /// The format of its signatures.
    #[must_use]
    pub fn format(&self) -> SignatureFormat {
        self.format
    }

    /// What a policy says of the key before it signs.
    #[must_use]
    pub fn lookup(&self, policy: &SignaturePolicy) -> PolicyLookup {
        let lookup =
            policy.kind(self.format).zip(self.signer.describe()).and_then(|(it, key)| it.lookup(&key));
        lookup.map_or(PolicyLookup::KindNotConfigured, PolicyLookup::Key)
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(&self) -> &str {
        self.signer.name()
    }
}

impl GitSigningConfig {
    fn kind(&self) -> Result<&'static dyn SignatureKind, SignError> {
        let name = self.get("gpg.format").unwrap_or(SignatureFormat::OpenPgp.name());
        SignatureFormat::parse(name)
            .and_then(kind_of)
            .ok_or_else(|| SignError::UnknownFormat(name.to_owned()))
    }

    /// The keys of git's configuration that name the programs which select the key and sign. Empty for an unknown format.
    #[must_use]
    pub fn program_keys(&self) -> &'static [&'static str] {
        self.kind().map_or(&[], SignatureKind::program_keys)
    }

    /// The key that would sign: the one that was asked for, else `user.signingKey`, else the default of the format.
    /// `tagger` is `Name <address>`.
    ///
    /// # Errors
    /// [`SignError`]: an unknown format, no key, or one that is missing, expired, revoked or not made for signing.
    pub fn select_key(&self, requested: Option<&str>, tagger: &str) -> Result<SigningKey, SignError> {
        let kind = self.kind()?;
        let requested = requested.or_else(|| self.get("user.signingkey"));
        Ok(SigningKey { format: kind.format(), signer: kind.select_key(self, requested, tagger)? })
    }
}
