//! Makes and checks detached signatures: OpenPGP, X.509, and SSH in the namespace `git`.
//!
//! SSH signatures are made by `ssh-keygen -Y sign`, as git does, because agents, hardware keys and passphrases are its
//! trade, and checked in this process; the others are made by gpg and gpgsm with the operator's keys, and checked
//! by them with the policy's keys alone. This crate will not decide whether a signer counts, read a tag object, or trust a file
//! of the operator's: it says whose signature it is and what the policy it was handed says of that key.

mod allowed_signers;
mod gnupg_home;
mod gpg;
mod sign;
mod ssh;
mod ssh_certificate;

use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{ArmoredSignature, PolicyLookup, SignatureCheck, SignatureFormat};

pub use allowed_signers::{AllowedSigners, PolicyError};
pub use gpg::PinnedKeys;
pub use sign::{ExportedKey, GitSigningConfig, SignError, SigningKey};
pub use ssh::SshPolicy;

/// What signatures of tags are made for (`PROTOCOL.sshsig`: the namespace).
const SSHSIG_NAMESPACE: &str = "git";
/// The shortest RSA or DSA key that counts, in bits (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

/// The policy that signatures are looked at by: none for a kind of which nobody says who may sign.
#[derive(Debug, Clone, Default)]
pub struct SignaturePolicy {
    /// Who may sign with SSH keys.
    pub ssh: Option<SshPolicy>,
    /// Who may sign with OpenPGP keys.
    pub openpgp: Option<PinnedKeys>,
    /// Who may sign with certificates.
    pub x509: Option<PinnedKeys>,
}

impl SignaturePolicy {
    /// The same policy, set up for a check that is about to come: gpg's keyrings stand in homes of their own already. Takes
    /// about as long as gpg takes to sign, beside which it can be done.
    #[must_use]
    pub fn prepared(&self) -> Self {
        let prepared = |it: &Option<PinnedKeys>| it.as_ref().map(PinnedKeys::prepared);
        Self { ssh: self.ssh.clone(), openpgp: prepared(&self.openpgp), x509: prepared(&self.x509) }
    }

    /// The part of the policy that a key like this is judged by.
    #[must_use]
    pub fn restrict_to(self, key: &SigningKey) -> Self {
        match key {
            SigningKey::Ssh(_) => Self { openpgp: None, x509: None, ..self },
            SigningKey::OpenPgp(_) => Self { ssh: None, x509: None, ..self },
            SigningKey::X509(_) | SigningKey::External(_) => Self { ssh: None, openpgp: None, ..self },
        }
    }

    /// What the policy says of a key that would sign.
    #[must_use]
    pub fn lookup(&self, key: &SigningKey) -> PolicyLookup {
        let signer = match key {
            SigningKey::Ssh(key) => {
                self.ssh.as_ref().zip(key.public()).and_then(|(it, public)| it.lookup(public))
            }
            SigningKey::OpenPgp(key) => self.openpgp.as_ref().map(|it| it.lookup(key)),
            SigningKey::X509(key) => self.x509.as_ref().map(|it| it.lookup(key)),
            SigningKey::External(_) => None,
        };
        signer.map_or(PolicyLookup::KindNotConfigured, PolicyLookup::Key)
    }
}

/// Looks at a signature: whether it is one of `payload`, by modern means, and by which key.
#[must_use]
pub fn check(payload: &[u8], armored: &ArmoredSignature, policy: &SignaturePolicy) -> SignatureCheck {
    let no_policy = || {
        let evidence = format!("[signers] configures no {} signers", armored.format);
        SignatureCheck::Unknown(Explanation::new(Reason::NoPolicy, evidence))
    };
    match armored.format {
        SignatureFormat::Ssh => {
            policy.ssh.as_ref().map_or_else(no_policy, |it| ssh::check(payload, &armored.text, it))
        }
        SignatureFormat::OpenPgp => {
            policy.openpgp.as_ref().map_or_else(no_policy, |it| gpg::check(payload, &armored.text, it))
        }
        SignatureFormat::X509 => {
            policy.x509.as_ref().map_or_else(no_policy, |it| gpg::check(payload, &armored.text, it))
        }
    }
}
