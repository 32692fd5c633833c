//! Creates the first release configuration: `release.toml` and the file of trusted signers.

use std::path::{Path, PathBuf};

use archive::FolderHandle;
use signing::ExportedKey;

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::signers;

/// A signer policy that trusts one key.
#[derive(Debug, Clone)]
pub struct SignerConfig {
    /// The fingerprint or other name of the key, for reports.
    pub name: String,
    /// The email address of the tagger.
    pub email: String,
    /// The folder of the policy file, relative to the repository's root.
    pub folder: &'static str,
    /// The name of the policy file.
    pub file: &'static str,
    /// The content of the policy file.
    pub bytes: Vec<u8>,
    /// The table `[signers]` of `release.toml`, which names the policy file.
    pub toml_table: String,
}

/// Returns a signer policy that trusts the operator's key: the requested one, else the one that git is configured for.
///
/// # Errors
/// [`OpsError::Sign`] if the key does not exist or its public key is unknown, [`OpsError::ProgramNotStarted`] if a
/// program of the repository's configuration is needed, and [`OpsError::Repo`] if `user.name` and `user.email` are not
/// set.
pub fn signer_config(context: OpsContext<'_>, requested_key: Option<&str>) -> Result<SignerConfig, OpsError> {
    let tagger = context.repo().spawn_tagger().wait()?;
    let tagger = tagger.name_and_email();
    let email = tagger.rsplit_once('<').map_or("", |(_, it)| it.trim_end_matches('>'));
    let key = signers::signing_key(context, requested_key, tagger)?;
    let exported = key.export(email)?;
    let folder = ".github";
    let ExportedKey { file, file_key, bytes, pin } = exported;
    let pinned = pin.map_or(String::new(), |(key, it)| format!("{key} = [\"{it}\"]\n"));
    let table = format!("[signers]\n{file_key} = \"{folder}/{file}\"\n{pinned}");
    let (name, email) = (key.name().to_owned(), email.to_owned());
    Ok(SignerConfig { name, email, folder, file, bytes, toml_table: table })
}

/// Writes the policy file, which must not exist yet, and then `release.toml` to the root of a repository. Returns the
/// paths of both.
///
/// # Errors
/// [`OpsError::FileExists`] if the policy file exists, and [`OpsError::Folder`] if a file cannot be written. In both
/// cases `release.toml` is unchanged.
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
