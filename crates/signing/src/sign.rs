//! Signs with the key and the programs that git is configured for (`git help config`, `gpg.format` and what follows it).

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use model::evidence::signature::SignatureFormat;
use ssh_key::{PrivateKey, PublicKey};

use crate::gpg::{GpgEngine, GpgKey};
use crate::{SSHSIG_NAMESPACE, SignaturePolicy, SshPolicy};

/// What git's configuration says about signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSigningConfig {
    /// `gpg.format`; `openpgp` where it is not set.
    pub format: Option<String>,
    /// `user.signingKey`.
    pub signing_key: Option<String>,
    /// `gpg.openpgp.program`, else `gpg.program`.
    pub openpgp_program: Option<String>,
    /// `gpg.x509.program`; `gpgsm` where it is not set.
    pub x509_program: Option<String>,
    /// `gpg.ssh.program`.
    pub ssh_program: Option<String>,
    /// `gpg.ssh.defaultKeyCommand`.
    pub ssh_default_key_command: Option<String>,
    /// The folder that `~` stands for.
    pub home: Option<PathBuf>,
}

/// A key that would sign.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// An SSH key.
    Ssh(SshKey),
    /// An OpenPGP key.
    OpenPgp(GpgKey),
    /// A certificate of gpgsm's.
    X509(GpgKey),
    /// Whatever another program signs with (git's x509 contract, `gpg-interface.c`).
    External(ExternalSigner),
}

impl SigningKey {
    /// The signature of a payload in its armor.
    ///
    /// # Errors
    /// [`SignError::Program`] with the program's own words.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Ssh(key) => key.sign(payload),
            Self::OpenPgp(key) | Self::X509(key) => key.sign(payload),
            Self::External(key) => key.sign(payload),
        }
    }

    /// A policy that takes this key alone: whether a signature that was just made is one at all.
    ///
    /// # Errors
    /// [`SignError::Program`] where the public key cannot be had.
    pub fn self_policy(&self) -> Result<SignaturePolicy, SignError> {
        match self {
            Self::Ssh(_) => {
                Ok(SignaturePolicy { ssh: Some(SshPolicy::default()), ..SignaturePolicy::default() })
            }
            Self::OpenPgp(key) => {
                Ok(SignaturePolicy { openpgp: Some(key.self_policy()?), ..SignaturePolicy::default() })
            }
            Self::X509(key) => {
                Ok(SignaturePolicy { x509: Some(key.self_policy()?), ..SignaturePolicy::default() })
            }
            Self::External(_) => Ok(SignaturePolicy::default()),
        }
    }

    /// What a policy that trusts this key holds. `email` is the address that its owner makes tags with.
    ///
    /// # Errors
    /// [`SignError::NotPublic`] where the public key is not known; [`SignError::Program`] where it cannot be exported.
    pub fn export(&self, email: &str) -> Result<ExportedKey, SignError> {
        match self {
            Self::Ssh(key) => {
                let public = key.public().ok_or_else(|| SignError::NotPublic(self.name().to_owned()))?;
                // These would make a pattern, or a list, of it.
                if email.is_empty() || email.contains(|c: char| "*?!,\"#".contains(c) || c.is_whitespace()) {
                    return Err(SignError::InvalidAddress(email.to_owned()));
                }
                // The form of ssh-keygen(1), "ALLOWED SIGNERS".
                let line = format!("{email} namespaces=\"{SSHSIG_NAMESPACE}\" {public}\n");
                Ok(ExportedKey { format: SignatureFormat::Ssh, bytes: line.into_bytes(), fingerprint: None })
            }
            Self::OpenPgp(key) => key.export_armored(SignatureFormat::OpenPgp),
            Self::X509(key) => key.export_armored(SignatureFormat::X509),
            Self::External(_) => Err(SignError::NotPublic(self.name().to_owned())),
        }
    }

    /// What people know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ssh(key) => {
                key.public().unwrap_or("an SSH key that tells its public half only when it signs")
            }
            Self::OpenPgp(key) | Self::X509(key) => key.name(),
            Self::External(key) => &key.program,
        }
    }
}

/// A public key as the file of a policy holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedKey {
    /// The kind of its signatures.
    pub format: SignatureFormat,
    /// The content of the file: `allowed_signers`, an armored OpenPGP keyring, or certificates in PEM.
    pub bytes: Vec<u8>,
    /// The fingerprint to pin. `None` for SSH keys, which the file names by themselves.
    pub fingerprint: Option<String>,
}

/// A program that speaks git's x509 contract, such as gitsign, and what it is asked to sign with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalSigner {
    program: String,
    user: String,
}

impl ExternalSigner {
    /// `PROGRAM --status-fd=2 -bsau USER`: the payload goes in, the armor comes out, and `SIG_CREATED` says that it did.
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
}

/// Runs a program with a payload on its standard input.
fn run_with_stdin(mut command: Command, payload: &[u8]) -> std::io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that gives up early closes the pipe: what it says then is the better error.
        stdin.write_all(payload).ok();
    }
    child.wait_with_output()
}

/// An SSH key that would sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    program: String,
    location: KeyLocation,
    public: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyLocation {
    /// A file with the private key, or with the public one of a key that the agent holds.
    File(PathBuf),
    /// The public key itself; the agent holds the private one.
    Literal(String),
}

/// Why nothing can be, or was, signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A format that git does not know either.
    #[error("gpg.format is {0}: git knows openpgp, x509 and ssh")]
    UnknownFormat(String),
    /// No key is configured.
    #[error(
        "no signing key: neither --sign-tag=KEY nor user.signingKey nor gpg.ssh.defaultKeyCommand names one"
    )]
    NoKey,
    /// The configured key is none.
    #[error("the signing key {key} cannot be used: {reason}")]
    UnusableKey {
        /// What was configured.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The tagger's address is none that a policy can name.
    #[error("user.email is '{0}', which a list of allowed signers cannot name")]
    InvalidAddress(String),
    /// The public key is not known before something is signed.
    #[error("the public key of {0} is not known before it signs")]
    NotPublic(String),
    /// The program did not sign.
    #[error("{program} did not sign: {reason}")]
    ProgramFailed {
        /// What was run.
        program: String,
        /// What it said.
        reason: String,
    },
}

impl SignError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownFormat(_) => {
                "git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub"
            }
            Self::NoKey => "git config user.signingKey ~/.ssh/id_ed25519.pub, or --sign-tag=KEY",
            Self::UnusableKey { .. } => {
                "name an OpenSSH key file, key::<public key> for one that the agent holds, or a fingerprint for gpg and gpgsm"
            }
            Self::InvalidAddress(_) => "git config user.email ADDRESS, with the one that you make tags with",
            Self::NotPublic(_) => {
                "write [signers] by hand: the README shows every kind of signer; for an SSH key, put its public half beside it as KEY.pub"
            }
            Self::ProgramFailed { .. } => {
                "without a terminal, unlock the key first: ssh-add, with SSH_AUTH_SOCK leading to that agent, or gpg's agent"
            }
        }
    }
}

impl GitSigningConfig {
    /// The keys of git's configuration that name the programs which find the key and sign, for the configured format.
    #[must_use]
    pub fn program_keys(&self) -> Vec<&'static str> {
        match self.format.as_deref() {
            Some("ssh") => vec!["gpg.ssh.program", "gpg.ssh.defaultkeycommand"],
            Some("x509") => vec!["gpg.x509.program"],
            _ => vec!["gpg.openpgp.program", "gpg.program"],
        }
    }

    /// The key that would sign: the one asked for, else the configured one; else, for SSH, the first that the configured
    /// command prints, and for the others that of the tagger, given as `Name <address>`.
    ///
    /// # Errors
    /// [`SignError`]: another format, no key, one that is not there, expired, revoked or not made for signing.
    pub fn select_key(&self, requested: Option<&str>, tagger: &str) -> Result<SigningKey, SignError> {
        let requested = requested.or(self.signing_key.as_deref());
        match self.format.as_deref().unwrap_or("openpgp") {
            "ssh" => self.ssh_key(requested).map(SigningKey::Ssh),
            "openpgp" => {
                let name = requested.unwrap_or(tagger);
                GpgKey::find(GpgEngine::OpenPgp, self.openpgp_program.as_deref(), name)
                    .map(SigningKey::OpenPgp)
            }
            "x509" => {
                let name = requested.unwrap_or(tagger);
                let program = self.x509_program.as_deref().unwrap_or("gpgsm");
                if Path::new(program).file_name().is_some_and(|it| it == "gpgsm") {
                    return GpgKey::find(GpgEngine::X509, Some(program), name).map(SigningKey::X509);
                }
                Ok(SigningKey::External(ExternalSigner {
                    program: program.to_owned(),
                    user: name.to_owned(),
                }))
            }
            format => Err(SignError::UnknownFormat(format.to_owned())),
        }
    }

    fn ssh_key(&self, requested: Option<&str>) -> Result<SshKey, SignError> {
        let program = self.ssh_program.clone().unwrap_or_else(|| "ssh-keygen".to_owned());
        let key_text = match requested {
            Some(key) => key.to_owned(),
            None => self.default_key()?,
        };
        let wrong = |reason: String| SignError::UnusableKey { key: key_text.clone(), reason };
        let literal = key_text
            .strip_prefix("key::")
            .or_else(|| key_text.starts_with("ssh-").then_some(key_text.as_str()));
        if let Some(text) = literal {
            PublicKey::from_openssh(text).map_err(|error| wrong(error.to_string()))?;
            let public = Some(text.to_owned());
            return Ok(SshKey { program, location: KeyLocation::Literal(text.to_owned()), public });
        }
        let path = self.expand_home(&key_text);
        let content = read_key_file(&path).map_err(|error| wrong(error.to_string()))?;
        let public = read_public_key(&path, &content).map_err(wrong)?;
        Ok(SshKey { program, location: KeyLocation::File(path), public })
    }

    fn expand_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    fn default_key(&self) -> Result<String, SignError> {
        let command = self.ssh_default_key_command.as_ref().ok_or(SignError::NoKey)?;
        let failed = |reason: String| SignError::ProgramFailed { program: command.clone(), reason };
        let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| failed(error.to_string()))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let literal = |line: &&str| line.starts_with("key::") || line.starts_with("ssh-");
        match stdout.lines().find(literal) {
            Some(line) if output.status.success() => Ok(line.to_owned()),
            _ => Err(failed("it printed no key".to_owned())),
        }
    }
}

/// The longest key file that is read, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 1 << 16;

/// Reads a key file. What is no plain file has no end, or none that is waited for.
fn read_key_file(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE_BYTES {
        let reason = format!("{} is no plain file of at most {MAX_KEY_FILE_BYTES} bytes", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The public key of a key file, as a line: of a public one itself, of a private one what stands in it unencrypted.
/// `None` for a private key in a form that does not tell.
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
    /// The public key, as a line of a `.pub` file, where it is known before anything is signed.
    #[must_use]
    pub fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// The signature of `payload` in its armor. Passphrases and touches are asked for by `ssh-keygen`, on the terminal
    /// or by the agent.
    ///
    /// # Errors
    /// [`SignError::Program`] with the program's own words.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |reason: String| SignError::ProgramFailed { program: self.program.clone(), reason };
        let output = self.run_ssh_keygen(payload).map_err(|error| failed(error.to_string()))?;
        if output.status.success() && output.stdout.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            return Ok(output.stdout.into_iter().filter(|byte| *byte != b'\r').collect());
        }
        let reason = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(failed(if reason.is_empty() { output.status.to_string() } else { reason }))
    }

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
