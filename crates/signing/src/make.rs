//! Signs with `ssh-keygen -Y sign`, with the key and the programs that git is configured for (`git help config`,
//! `gpg.format` and what follows it).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ssh_key::{PrivateKey, PublicKey};

use crate::NAMESPACE;

/// What git's configuration says about signing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `gpg.format`; `openpgp` where it is not set.
    pub format: Option<String>,
    /// `user.signingKey`.
    pub key: Option<String>,
    /// `gpg.ssh.program`.
    pub ssh_program: Option<String>,
    /// `gpg.ssh.defaultKeyCommand`.
    pub ssh_default_key_command: Option<String>,
    /// The folder that `~` stands for.
    pub home: Option<PathBuf>,
}

/// A key that would sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    program: String,
    place: Place,
    public: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A file with the private key, or with the public one of a key that the agent holds.
    File(PathBuf),
    /// The public key itself; the agent holds the private one.
    Literal(String),
}

/// Why nothing can be, or was, signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A format that is not made here.
    #[error("gpg.format is {0}: this version of the suite signs with SSH keys only")]
    Format(String),
    /// No key is configured.
    #[error(
        "no signing key: neither --sign-tag=KEY nor user.signingKey nor gpg.ssh.defaultKeyCommand names one"
    )]
    NoKey,
    /// The configured key is none.
    #[error("the signing key {key} cannot be used: {said}")]
    Key {
        /// What was configured.
        key: String,
        /// What is wrong with it.
        said: String,
    },
    /// The program did not sign.
    #[error("{program} did not sign: {said}")]
    Program {
        /// What was run.
        program: String,
        /// What it said.
        said: String,
    },
}

impl SignError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Format(_) => {
                "git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub"
            }
            Self::NoKey => "git config user.signingKey ~/.ssh/id_ed25519.pub, or --sign-tag=KEY",
            Self::Key { .. } => "name an OpenSSH key file, or key::<public key> for one that the agent holds",
            Self::Program { .. } => {
                "without a terminal, put the key into an agent first (ssh-add) and see that SSH_AUTH_SOCK leads to it"
            }
        }
    }
}

impl Settings {
    /// The key that would sign: the one asked for, else the configured one, else the first that the configured
    /// command prints.
    ///
    /// # Errors
    /// [`SignError`]: another format, no key, a file that is not there or holds no key.
    pub fn resolve(&self, asked: Option<&str>) -> Result<Key, SignError> {
        let format = self.format.as_deref().unwrap_or("openpgp");
        if !format.eq_ignore_ascii_case("ssh") {
            return Err(SignError::Format(format.to_owned()));
        }
        let program = self.ssh_program.clone().unwrap_or_else(|| "ssh-keygen".to_owned());
        let named = match asked.or(self.key.as_deref()) {
            Some(key) => key.to_owned(),
            None => self.default_key()?,
        };
        let wrong = |said: String| SignError::Key { key: named.clone(), said };
        let literal =
            named.strip_prefix("key::").or_else(|| named.starts_with("ssh-").then_some(named.as_str()));
        if let Some(text) = literal {
            PublicKey::from_openssh(text).map_err(|error| wrong(error.to_string()))?;
            let public = Some(text.to_owned());
            return Ok(Key { program, place: Place::Literal(text.to_owned()), public });
        }
        let path = self.expanded(&named);
        let content = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let public = public_part(&path, &content).map_err(wrong)?;
        Ok(Key { program, place: Place::File(path), public })
    }

    fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    fn default_key(&self) -> Result<String, SignError> {
        let command = self.ssh_default_key_command.as_ref().ok_or(SignError::NoKey)?;
        let failed = |said: String| SignError::Program { program: command.clone(), said };
        let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| failed(error.to_string()))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let literal = |line: &&str| line.starts_with("key::") || line.starts_with("ssh-");
        match printed.lines().find(literal) {
            Some(line) if output.status.success() => Ok(line.to_owned()),
            _ => Err(failed("it printed no key".to_owned())),
        }
    }
}

/// The public key of a key file, as a line: of a public one itself, of a private one what stands in it unencrypted.
/// `None` for a private key in a form that does not tell.
fn public_part(path: &Path, content: &str) -> Result<Option<String>, String> {
    let text = |key: &PublicKey| key.to_openssh().ok();
    if let Ok(key) = PublicKey::from_openssh(content) {
        return Ok(text(&key));
    }
    match PrivateKey::from_openssh(content) {
        Ok(key) => Ok(text(key.public_key())),
        Err(_) if content.contains("PRIVATE KEY-----") => {
            let beside = std::fs::read_to_string(path.with_extension("pub")).ok();
            Ok(beside.and_then(|it| PublicKey::from_openssh(&it).ok()).and_then(|it| text(&it)))
        }
        Err(error) => Err(error.to_string()),
    }
}

impl Key {
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
        let failed = |said: String| SignError::Program { program: self.program.clone(), said };
        let output = self.run(payload).map_err(|error| failed(error.to_string()))?;
        if output.status.success() && output.stdout.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            return Ok(output.stdout.into_iter().filter(|byte| *byte != b'\r').collect());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(failed(if said.is_empty() { output.status.to_string() } else { said }))
    }

    fn run(&self, payload: &[u8]) -> std::io::Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]);
        let literal = match &self.place {
            Place::File(path) => {
                command.arg(path);
                None
            }
            Place::Literal(key) => {
                let mut file = tempfile::NamedTempFile::new()?;
                writeln!(file, "{key}")?;
                file.flush()?;
                command.arg(file.path()).arg("-U");
                Some(file)
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that gives up early closes the pipe: what it says then is the better error.
            stdin.write_all(payload).ok();
        }
        let output = child.wait_with_output();
        drop(literal);
        output
    }
}
