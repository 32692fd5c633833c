//! The traits of a signature kind, and the types that all kinds share.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::signature::{SignatureCheck, SignatureFormat, SignerKey};

use crate::error::{PolicyError, ReadFileError, SignError};

/// The namespace of SSH signatures of git objects (`PROTOCOL.sshsig`). A signature with another namespace is not valid.
pub(crate) const SSHSIG_NAMESPACE: &str = "git";
/// The minimum length of an RSA or DSA key, in bits (NIST SP 800-131A).
pub(crate) const MIN_RSA_BITS: usize = 2048;

/// A function that reads a file by its path in `[signers]`.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, ReadFileError>;

/// A kind of signature: selects its signing key, and reads its part of `[signers]`.
pub(crate) trait SignatureKind: Sync {
    /// Returns the signature format, as `gpg.format` names it.
    fn format(&self) -> SignatureFormat;

    /// Returns the configuration keys of git that name programs of this kind, in lower case.
    fn program_keys(&self) -> &'static [&'static str];

    /// Returns the key that would sign: the requested one, or else the default key of this kind. `tagger` is
    /// `Name <address>`.
    fn select_key(
        &self,
        config: &GitSigningConfig,
        requested: Option<&str>,
        tagger: &str,
    ) -> Result<Rc<dyn KeySigner>, SignError>;

    /// Reads the policy of this kind. Returns `None` if `[signers]` does not configure this kind.
    fn read_policy(
        &self,
        signers: &TagSignerPolicy,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<dyn KindPolicy>>, PolicyError>;
}

/// The trusted signers of one kind.
pub(crate) trait KindPolicy: Debug + Send + Sync {
    /// Verifies an armored signature of `payload`, and returns the key that made it. Weak algorithms and short keys
    /// make the signature invalid.
    fn check(&self, payload: &[u8], armor: &[u8]) -> SignatureCheck;

    /// Returns the policy entries of a key before it signs. Returns `None` if the public key cannot be parsed.
    fn lookup(&self, key: &KeyDescription) -> Option<SignerKey>;

    /// Returns the same policy, set up in advance for a check that follows soon. `None` if there is nothing to set up.
    fn prepared(&self) -> Option<Arc<dyn KindPolicy>> {
        None
    }
}

/// A key that signs.
pub(crate) trait KeySigner: Debug {
    /// Returns the name of the key for reports.
    fn name(&self) -> &str;

    /// Makes a detached signature of `payload`, in its armor.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Returns the public key. `None` if it is unknown until the key signs.
    fn describe(&self) -> Option<KeyDescription>;

    /// Returns a policy to verify signatures by this key with, independent of `[signers]`. `None` if the public key is
    /// unknown.
    fn self_policy(&self) -> Result<Option<Arc<dyn KindPolicy>>, SignError>;

    /// Returns the public key as a file for `[signers]`. `email` is the tagger address of its owner.
    fn export(&self, email: &str) -> Result<ExportedKey, SignError>;
}

/// The public key of a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDescription {
    /// The OpenSSH public key as a line, or the OpenPGP or X.509 fingerprint.
    pub(crate) identity: String,
    /// The time of its creation, in seconds since 1970. `None` if unknown, as for SSH keys.
    pub(crate) created: Option<i64>,
    /// The time of its expiry, in seconds since 1970. `None` if it does not expire.
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
    /// The key of `[signers]` that pins fingerprints, and the fingerprint. `None` for SSH keys: their file lists the
    /// allowed keys itself.
    pub pin: Option<(&'static str, String)>,
}

/// The signing settings of git's configuration (`gpg.*` and `user.signingKey`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSigningConfig {
    /// The values by their keys in lower case, as in `gpg.ssh.program`.
    pub values: BTreeMap<String, String>,
    /// The home directory that replaces `~`. `None` if it is unknown; `~` is then not replaced.
    pub home: Option<PathBuf>,
}

impl GitSigningConfig {
    /// Returns the value of a key in lower case. `None` if it is not set.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }
}
