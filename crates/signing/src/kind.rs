//! What every kind of signature does.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::signature::{SignatureCheck, SignatureFormat, SignerKey};

use crate::error::{PolicyError, ReadFileError, SignError};

/// The purpose of signatures of tags (`PROTOCOL.sshsig`: the namespace).
pub(crate) const SSHSIG_NAMESPACE: &str = "git";
/// The shortest RSA or DSA key that is accepted, in bits (NIST SP 800-131A).
pub(crate) const MIN_RSA_BITS: usize = 2048;

/// Reads a file that `[signers]` names.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, ReadFileError>;

/// A kind of signature: how its keys are selected, and how its part of `[signers]` is read.
pub(crate) trait SignatureKind: Sync {
    /// Its format, as `gpg.format` names it.
    fn format(&self) -> SignatureFormat;

    /// The keys of git's configuration that name its programs.
    fn program_keys(&self) -> &'static [&'static str];

    /// The key that would sign: the one that was asked for, else the configured one, else a default of the kind. `tagger`
    /// is `Name <address>`.
    fn select_key(
        &self,
        config: &GitSigningConfig,
        requested: Option<&str>,
        tagger: &str,
    ) -> Result<Rc<dyn KeySigner>, SignError>;

    /// Its policy. Returns `None` if `[signers]` configures none.
    fn read_policy(
        &self,
        signers: &TagSignerPolicy,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<dyn KindPolicy>>, PolicyError>;
}

/// The trusted signers of one kind.
pub(crate) trait KindPolicy: Debug + Send + Sync {
    /// Checks that an armored signature is one of `payload`, by current algorithms, and tells by which key.
    fn check(&self, payload: &[u8], armor: &[u8]) -> SignatureCheck;

    /// What the policy says of a key before it signs. Returns `None` if it cannot tell.
    fn lookup(&self, key: &KeyDescription) -> Option<SignerKey>;

    /// The same policy, set up in advance for a check that follows soon. Returns `None` if there is nothing to set up.
    fn prepared(&self) -> Option<Arc<dyn KindPolicy>> {
        None
    }
}

/// A key that signs.
pub(crate) trait KeySigner: Debug {
    /// The name that reports use.
    fn name(&self) -> &str;

    /// Makes a detached signature in its armor.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The public half. Returns `None` if it is unknown before the key signs.
    fn describe(&self) -> Option<KeyDescription>;

    /// A policy that checks signatures of this key alone. Returns `None` if the public key cannot be had.
    fn self_policy(&self) -> Result<Option<Arc<dyn KindPolicy>>, SignError>;

    /// The public key as a file of `[signers]`. `email` is the address that its owner makes tags with.
    fn export(&self, email: &str) -> Result<ExportedKey, SignError>;
}

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDescription {
    /// What identifies it: an OpenSSH public key, or a fingerprint.
    pub(crate) identity: String,
    /// When it was made, in seconds since 1970; `None` if unknown.
    pub(crate) created: Option<i64>,
    /// When it expires, in seconds since 1970; `None` if it does not.
    pub(crate) expires: Option<i64>,
}

/// A public key as a file of a signer policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedKey {
    /// The usual name of the file.
    pub file: &'static str,
    /// The key of `[signers]` that names the file.
    pub file_key: &'static str,
    /// The content of the file.
    pub bytes: Vec<u8>,
    /// The key of `[signers]` that pins fingerprints, and the fingerprint. `None` for SSH keys, which the file itself names.
    pub pin: Option<(&'static str, String)>,
}

/// What git's configuration says about signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSigningConfig {
    /// Values by their keys in lower case, as in `gpg.ssh.program`.
    pub values: BTreeMap<String, String>,
    /// The folder that `~` means.
    pub home: Option<PathBuf>,
}

impl GitSigningConfig {
    /// The value of a key. Returns `None` if it is not set.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}
