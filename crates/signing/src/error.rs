//! Why nothing can be signed, and why a policy cannot be read.

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

/// Why a signer policy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A line of a file is not valid.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A file that `[signers]` names cannot be read.
    #[error("cannot read a file that [signers] names")]
    Read(#[source] ReadFileError),
}

/// The error of the caller's function that reads files.
pub type ReadFileError = Box<dyn std::error::Error + Send + Sync>;
