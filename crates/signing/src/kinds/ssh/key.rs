//! SSH signing keys: selection, and signing with `ssh-keygen`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use ssh_key::{PrivateKey, PublicKey};

use super::policy::SshPolicy;
use crate::error::SignError;
use crate::kind::{ExportedKey, GitSigningConfig, KeyDescription, KeySigner, KindPolicy, SSHSIG_NAMESPACE};
use crate::stdin::run_with_stdin;

/// An SSH signing key, and the program that signs with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshKey {
    program: String,
    location: KeyLocation,
    public: Option<String>,
}

/// The location of the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyLocation {
    /// A file with the private key, or with the public key of a private key in ssh-agent.
    File(PathBuf),
    /// The public key itself. The private key is in ssh-agent.
    Literal(String),
}

/// Returns the requested key, or else the first key that `gpg.ssh.defaultKeyCommand` prints.
pub(super) fn select_ssh_key(
    config: &GitSigningConfig,
    requested: Option<&str>,
) -> Result<SshKey, SignError> {
    let program = config.get("gpg.ssh.program").unwrap_or("ssh-keygen").to_owned();
    let key_text = match requested {
        Some(key) => key.to_owned(),
        None => default_key(config)?,
    };
    let wrong = |reason: String| SignError::UnusableKey { key: key_text.clone(), reason };
    let literal =
        key_text.strip_prefix("key::").or_else(|| key_text.starts_with("ssh-").then_some(key_text.as_str()));
    if let Some(text) = literal {
        PublicKey::from_openssh(text).map_err(|error| wrong(error.to_string()))?;
        let public = Some(text.to_owned());
        return Ok(SshKey { program, location: KeyLocation::Literal(text.to_owned()), public });
    }
    let path = expand_home(config, &key_text);
    let content = read_key_file(&path).map_err(|error| wrong(error.to_string()))?;
    let public = read_public_key(&path, &content).map_err(wrong)?;
    Ok(SshKey { program, location: KeyLocation::File(path), public })
}

/// Replaces a leading `~/` by the home directory.
fn expand_home(config: &GitSigningConfig, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), &config.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Returns the first key that `gpg.ssh.defaultKeyCommand` prints, in the forms that git accepts: `key::...` or
/// `ssh-...`.
fn default_key(config: &GitSigningConfig) -> Result<String, SignError> {
    let command = config.get("gpg.ssh.defaultkeycommand").ok_or(SignError::NoKey)?;
    let failed = |reason: String| SignError::ProgramFailed { program: command.to_owned(), reason };
    let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let literal = |line: &&str| line.starts_with("key::") || line.starts_with("ssh-");
    match stdout.lines().find(literal) {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(failed("it printed no public key".to_owned())),
    }
}

/// The maximum size of a key file, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 1 << 16;

/// Reads a key file. Other types of files are rejected, because reading a FIFO or a device may never end.
fn read_key_file(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE_BYTES {
        let reason =
            format!("{} is not a regular file of at most {MAX_KEY_FILE_BYTES} bytes", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns the public key of a key file, as a line. OpenSSH private keys contain it unencrypted; for other formats it
/// is read from the file with the extension `.pub`. Returns `None` if that file is missing or not valid.
fn read_public_key(path: &Path, content: &str) -> Result<Option<String>, String> {
    let text = |key: &PublicKey| key.to_openssh().ok();
    if let Ok(key) = PublicKey::from_openssh(content) {
        return Ok(text(&key));
    }
    match PrivateKey::from_openssh(content) {
        Ok(key) => Ok(text(key.public_key())),
        Err(_) if content.contains("PRIVATE KEY-----") => {
            let public_file = read_key_file(&path.with_extension("pub")).ok();
            Ok(public_file.and_then(|it| PublicKey::from_openssh(&it).ok()).and_then(|it| text(&it)))
        }
        Err(error) => Err(error.to_string()),
    }
}

impl SshKey {
    /// Runs `ssh-keygen -Y sign`. A key of ssh-agent is passed as a temporary file with the public key, and `-U`.
    fn run_ssh_keygen(&self, payload: &[u8]) -> std::io::Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(["-Y", "sign", "-n", SSHSIG_NAMESPACE, "-f"]);
        let key_file = match &self.location {
            KeyLocation::File(path) => {
                command.arg(path);
                None
            }
            KeyLocation::Literal(key) => {
                let mut file = tempfile::NamedTempFile::new()?;
                writeln!(file, "{key}")?;
                file.flush()?;
                command.arg(file.path()).arg("-U");
                Some(file)
            }
        };
        let output = run_with_stdin(command, payload);
        drop(key_file);
        output
    }
}

impl KeySigner for SshKey {
    fn name(&self) -> &str {
        self.public.as_deref().unwrap_or("an SSH key without a readable .pub file")
    }

    /// Makes a detached signature of `payload`, in its armor and without carriage returns. `ssh-keygen` or the agent
    /// asks for passphrases and for touches of hardware keys.
    ///
    /// # Errors
    /// [`SignError::ProgramFailed`] with the error output of the program.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |reason: String| SignError::ProgramFailed { program: self.program.clone(), reason };
        let output = self.run_ssh_keygen(payload).map_err(|error| failed(error.to_string()))?;
        if output.status.success() && output.stdout.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            return Ok(output.stdout.into_iter().filter(|byte| *byte != b'\r').collect());
        }
        let reason = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(failed(if reason.is_empty() { output.status.to_string() } else { reason }))
    }

    fn describe(&self) -> Option<KeyDescription> {
        Some(KeyDescription { identity: self.public.clone()?, created: None, expires: None })
    }

    /// Returns a policy without allowed signers: an SSH signature contains its public key, so no key has to be known.
    fn self_policy(&self) -> Result<Option<Arc<dyn KindPolicy>>, SignError> {
        Ok(Some(Arc::new(SshPolicy::default())))
    }

    fn export(&self, email: &str) -> Result<ExportedKey, SignError> {
        let public = self.public.as_deref().ok_or_else(|| SignError::NotPublic(self.name().to_owned()))?;
        // In a line of allowed_signers, these characters would turn the address into a pattern or a list.
        if email.is_empty() || email.contains(|c: char| "*?!,\"#".contains(c) || c.is_whitespace()) {
            return Err(SignError::InvalidAddress(email.to_owned()));
        }
        // The format of ssh-keygen(1), "ALLOWED SIGNERS".
        let line = format!("{email} namespaces=\"{SSHSIG_NAMESPACE}\" {public}\n");
        let (file, file_key) = ("allowed_signers", "allowed_signers");
        Ok(ExportedKey { file, file_key, bytes: line.into_bytes(), pin: None })
    }
}
