//! OpenPGP signatures, made and verified by gpg.

use std::rc::Rc;
use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::signature::SignatureFormat;

use crate::error::{PolicyError, SignError};
use crate::gpg::engine::GpgEngine;
use crate::gpg::key::GpgKey;
use crate::gpg::policy::PinnedKeys;
use crate::kind::{GitSigningConfig, KeySigner, KindPolicy, ReadFile, SignatureKind};

/// The OpenPGP kind. Its default key is the one that gpg finds by the tagger's name and address, as in git.
#[derive(Debug)]
pub(crate) struct OpenPgpKind;

impl SignatureKind for OpenPgpKind {
    fn format(&self) -> SignatureFormat {
        SignatureFormat::OpenPgp
    }

    fn program_keys(&self) -> &'static [&'static str] {
        &["gpg.openpgp.program", "gpg.program"]
    }

    fn select_key(
        &self,
        config: &GitSigningConfig,
        requested: Option<&str>,
        tagger: &str,
    ) -> Result<Rc<dyn KeySigner>, SignError> {
        let program = config.get("gpg.openpgp.program").or_else(|| config.get("gpg.program"));
        Ok(Rc::new(GpgKey::find(GpgEngine::OpenPgp, program, requested.unwrap_or(tagger))?))
    }

    fn read_policy(
        &self,
        signers: &TagSignerPolicy,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<dyn KindPolicy>>, PolicyError> {
        let Some(file) = &signers.openpgp_keyring else { return Ok(None) };
        let keyring = read(file).map_err(PolicyError::Read)?;
        Ok(Some(Arc::new(PinnedKeys::new(GpgEngine::OpenPgp, keyring, &signers.openpgp_fingerprints))))
    }
}
