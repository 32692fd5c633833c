//! A first configuration: `release.toml`, and the file of the signers that it trusts.

use std::path::{Path, PathBuf};

use archive::FolderHandle;
use model::evidence::signature::SignatureFormat;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::signers;

/// The policy that trusts one key.
#[derive(Debug, Clone)]
pub struct SignerConfig {
    /// What people know the key by.
    pub name: String,
    /// The address that its owner makes tags with.
    pub email: String,
    /// The folder of its file, in the repository.
    pub folder: &'static str,
    /// The name of its file.
    pub file: &'static str,
    /// The content of its file.
    pub bytes: Vec<u8>,
    /// The table `[signers]` that names the file.
    pub toml_table: String,
}

/// The policy that trusts the operator's own key: the one that is asked for, else the one that git is configured for.
///
/// # Errors
/// [`OpsError::Sign`] where there is no such key, or its public half is not known; [`OpsError::NotStarted`].
pub fn signer_config(context: OpsContext<'_>, requested_key: Option<&str>) -> Result<SignerConfig, OpsError> {
    let tagger = context.repo().spawn_tagger().wait()?;
    let tagger = tagger.name_and_email();
    let email = tagger.rsplit_once('<').map_or("", |(_, it)| it.trim_end_matches('>'));
    let key = signers::signing_key(context, requested_key, tagger)?;
    let exported = key.export(email)?;
    let folder = ".github";
    let (file, file_key, pinned_key) = match exported.format {
        SignatureFormat::Ssh => ("allowed_signers", "allowed_signers", ""),
        SignatureFormat::OpenPgp => ("release-keys.asc", "openpgp_keyring", "openpgp_fingerprints"),
        SignatureFormat::X509 => ("release-certificates.pem", "x509_certificates", "x509_fingerprints"),
    };
    let pinned = exported.fingerprint.map_or(String::new(), |it| format!("{pinned_key} = [\"{it}\"]\n"));
    let table = format!("[signers]\n{file_key} = \"{folder}/{file}\"\n{pinned}");
    let (name, email) = (key.name().to_owned(), email.to_owned());
    Ok(SignerConfig { name, email, folder, file, bytes: exported.bytes, toml_table: table })
}

/// Writes `release.toml` at the root of a repository, after the policy's file, which must not exist. Returns the paths.
///
/// # Errors
/// [`OpsError::Exists`] and [`OpsError::Folder`]; `release.toml` is as it was then.
pub fn write_configuration(
    root: &Path,
    catalog: &str,
    policy: Option<&SignerConfig>,
) -> Result<Vec<PathBuf>, OpsError> {
    let top = FolderHandle::create_named(root)?;
    let mut written = Vec::new();
    if let Some(policy) = policy {
        let folder = top.create_child(policy.folder)?;
        if folder.can_create(policy.file)? {
            return Err(OpsError::FileExists(folder.path().join(policy.file)));
        }
        written.push(folder.write(policy.file, &policy.bytes)?.path);
    }
    written.push(top.write("release.toml", catalog.as_bytes())?.path);
    Ok(written)
}
