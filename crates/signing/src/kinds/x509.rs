//! X.509 (CMS) signatures, made by gpgsm or by another program with the same interface to git, such as gitsign.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::signature::SignatureFormat;

use crate::error::{PolicyError, SignError};
use crate::gpg::engine::GpgEngine;
use crate::gpg::key::GpgKey;
use crate::gpg::policy::PinnedKeys;
use crate::kind::{
    ExportedKey, GitSigningConfig, KeyDescription, KeySigner, KindPolicy, ReadFile, SignatureKind,
};
use crate::stdin::run_with_stdin;

/// The X.509 kind. gpgsm verifies its signatures, except those with Sigstore certificates (gitsign), which the crate
/// `provenance` verifies.
#[derive(Debug)]
pub(crate) struct X509Kind;

impl SignatureKind for X509Kind {
    fn format(&self) -> SignatureFormat {
        SignatureFormat::X509
    }

    fn program_keys(&self) -> &'static [&'static str] {
        &["gpg.x509.program"]
    }

    fn select_key(
        &self,
        config: &GitSigningConfig,
        requested: Option<&str>,
        tagger: &str,
    ) -> Result<Rc<dyn KeySigner>, SignError> {
        let name = requested.unwrap_or(tagger);
        let program = config.get("gpg.x509.program").unwrap_or("gpgsm");
        if Path::new(program).file_name().is_some_and(|it| it == "gpgsm") {
            return Ok(Rc::new(GpgKey::find(GpgEngine::X509, Some(program), name)?));
        }
        Ok(Rc::new(ExternalSigner { program: program.to_owned(), user: name.to_owned() }))
    }

    fn read_policy(
        &self,
        signers: &TagSignerPolicy,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<dyn KindPolicy>>, PolicyError> {
        let Some(file) = &signers.x509_certificates else { return Ok(None) };
        let certificates = read(file).map_err(PolicyError::Read)?;
        Ok(Some(Arc::new(PinnedKeys::new(GpgEngine::X509, certificates, &signers.x509_fingerprints))))
    }
}

/// A program with the interface that git expects of `gpg.x509.program`, such as gitsign, and the key that it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ExternalSigner {
    program: String,
    user: String,
}

impl KeySigner for ExternalSigner {
    fn name(&self) -> &str {
        &self.program
    }

    /// Runs `PROGRAM --status-fd=2 -bsau USER`, as git does, with the payload on standard input. The armor comes on
    /// standard output. Like git, this requires the status line `SIG_CREATED`, because an exit code of 0 proves no
    /// signature.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |reason: String| SignError::ProgramFailed { program: self.program.clone(), reason };
        let mut command = Command::new(&self.program);
        command.args(["--status-fd=2", "-bsau", &self.user]);
        let output = run_with_stdin(command, payload).map_err(|error| failed(error.to_string()))?;
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        let created = reason.lines().any(|line| line.starts_with("[GNUPG:] SIG_CREATED "));
        if output.status.success() && created {
            return Ok(output.stdout.into_iter().filter(|byte| *byte != b'\r').collect());
        }
        Err(failed(reason.trim().replace('\n', "; ")))
    }

    fn describe(&self) -> Option<KeyDescription> {
        None
    }

    fn self_policy(&self) -> Result<Option<Arc<dyn KindPolicy>>, SignError> {
        Ok(None)
    }

    fn export(&self, _email: &str) -> Result<ExportedKey, SignError> {
        Err(SignError::NotPublic(self.program.clone()))
    }
}
