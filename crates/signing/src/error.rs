//! The errors of signing and of reading a signer policy.

/// The reason why nothing was signed, or nothing can be.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// `gpg.format` names a format that git does not have.
    #[error("gpg.format is {0}, expected openpgp, x509 or ssh")]
    UnknownFormat(String),
    /// No key is configured, and the format has no default key.
    #[error(
        "no signing key: neither --sign-tag=KEY nor user.signingKey nor gpg.ssh.defaultKeyCommand is set"
    )]
    NoKey,
    /// The configured key cannot sign: it is missing, malformed, expired, revoked or not a signing key.
    #[error("the signing key {key} cannot be used: {reason}")]
    UnusableKey {
        /// The configured key, as the operator wrote it.
        key: String,
        /// The cause.
        reason: String,
    },
    /// The tagger's address cannot be a principal, because it would be read as a pattern or a list.
    #[error("user.email is '{0}', which cannot be a principal of an allowed_signers file")]
    InvalidAddress(String),
    /// The public key is unknown until the key signs. The text is the name of the key.
    #[error("cannot export the public key of {0}: it is unknown until it signs")]
    NotPublic(String),
    /// The signing program failed, or printed no signature.
    #[error("{program} did not sign: {reason}")]
    ProgramFailed {
        /// The program, as it was started.
        program: String,
        /// Its error output, or the cause if it printed none.
        reason: String,
    },
}

impl SignError {
    /// Returns what the operator can do: a command, or a short instruction.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownFormat(_) => {
                "git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub"
            }
            Self::NoKey => "git config user.signingKey ~/.ssh/id_ed25519.pub, or --sign-tag=KEY",
            Self::UnusableKey { .. } => {
                "use an OpenSSH key file, key::<public key> for a key in ssh-agent, or a fingerprint for gpg or gpgsm"
            }
            Self::InvalidAddress(_) => "git config user.email ADDRESS, without spaces, quotes, and * ? ! , #",
            Self::NotPublic(_) => {
                "for an SSH key, save its public key next to it with the extension .pub; otherwise write [signers] by hand, as the README shows"
            }
            Self::ProgramFailed { .. } => {
                "if there is no terminal, unlock the key first: in ssh-agent (ssh-add, and set SSH_AUTH_SOCK) or in gpg-agent"
            }
        }
    }
}

/// The reason why a signer policy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A line of a file is not valid.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file, as `[signers]` names it.
        file: String,
        /// The number of the line, from 1.
        line: usize,
        /// The cause.
        message: String,
    },
    /// A file that `[signers]` names cannot be read.
    #[error("cannot read a file that [signers] names")]
    Read(#[source] ReadFileError),
}

/// An error of the function that reads policy files, which the caller provides.
pub type ReadFileError = Box<dyn std::error::Error + Send + Sync>;
