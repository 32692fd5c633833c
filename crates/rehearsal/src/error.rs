//! Errors of a rehearsal.

use std::path::PathBuf;

/// An error that stops a rehearsal.
///
/// A release that the suite refuses or cannot prove is a finding, not an error.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// A signal such as SIGINT arrived.
    #[error("interrupted; the files of the rehearsal were removed")]
    Interrupted,
    /// The clone has no remote-tracking branch for the default branch.
    #[error("this clone has no remote-tracking branch {remote}/{branch}")]
    RemoteBranchMissing {
        /// The name of the remote.
        remote: String,
        /// The name of the default branch.
        branch: String,
    },
    /// The path of the temporary directory cannot be used in `PATH` or by gpg.
    #[error("cannot use the temporary directory {}: {reason}", folder.display())]
    UnusableTempDir {
        /// The temporary directory.
        folder: PathBuf,
        /// Why the path cannot be used.
        reason: &'static str,
    },
    /// A program cannot be started.
    #[error("cannot start {program}")]
    Spawn {
        /// The name or path of the program.
        program: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A program that the sandbox needs, such as git, failed.
    #[error("{program} failed: {message}")]
    CommandFailed {
        /// The name of the program.
        program: String,
        /// The last line of its output.
        message: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The path of the file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// An emulated server or the demo repository cannot be set up.
    #[error(transparent)]
    Emulator(#[from] emulators::EmulatorError),
    /// The release configuration is invalid.
    #[error(transparent)]
    Catalog(#[from] model::CatalogError),
}

impl RehearsalError {
    /// Returns the hint for the operator: what to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Interrupted => "run the same command again",
            Self::RemoteBranchMissing { .. } => {
                "run git fetch for this remote, or select another one with --remote; or use --demo"
            }
            Self::UnusableTempDir { .. } => "set TMPDIR to a short path without ':', for example TMPDIR=/tmp",
            Self::Catalog(_) => "fix the release configuration (release.toml)",
            _ => "run scripts/setup.sh to install the required programs; or use --demo",
        }
    }
}
