//! SSH signatures, made by `ssh-keygen` and verified in this process.

mod allowed_signers;
mod certificate;
mod key;
mod policy;

use std::rc::Rc;
use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::signature::SignatureFormat;

use self::allowed_signers::AllowedSigners;
use self::policy::SshPolicy;
use crate::error::{PolicyError, SignError};
use crate::kind::{GitSigningConfig, KeySigner, KindPolicy, ReadFile, SignatureKind};

/// The SSH kind: plain keys, and keys with a certificate.
#[derive(Debug)]
pub(crate) struct SshKind;

impl SignatureKind for SshKind {
    fn format(&self) -> SignatureFormat {
        SignatureFormat::Ssh
    }

    fn program_keys(&self) -> &'static [&'static str] {
        &["gpg.ssh.program", "gpg.ssh.defaultkeycommand"]
    }

    fn select_key(
        &self,
        config: &GitSigningConfig,
        requested: Option<&str>,
        _tagger: &str,
    ) -> Result<Rc<dyn KeySigner>, SignError> {
        Ok(Rc::new(key::select_ssh_key(config, requested)?))
    }

    fn read_policy(
        &self,
        signers: &TagSignerPolicy,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<dyn KindPolicy>>, PolicyError> {
        let Some(file) = &signers.allowed_signers else { return Ok(None) };
        let text = String::from_utf8_lossy(&read(file).map_err(PolicyError::Read)?).into_owned();
        let allowed = AllowedSigners::parse(file, &text)?;
        let revoked = signers.revoked_keys.as_ref();
        let revoked = revoked.map(|file| {
            let bytes = read(file).map_err(|error| model::with_causes(error.as_ref()));
            (file.as_str(), bytes)
        });
        Ok(Some(Arc::new(SshPolicy::new(allowed, revoked)?)))
    }
}
