//! Why a rehearsal cannot run.

use std::path::PathBuf;

/// Why a rehearsal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// Somebody wants it to end.
    #[error("interrupted; what was made for the rehearsal is removed")]
    Interrupted,
    /// A remote that the repository knows nothing of.
    #[error("{remote} has no branch {branch} in this clone, as it was last fetched")]
    RemoteBranchMissing {
        /// The remote.
        remote: String,
        /// The default branch.
        branch: String,
    },
    /// A folder that gpg or `PATH` cannot work in.
    #[error("temporary files go to {}, which is {reason}", folder.display())]
    UnusableTempDir {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A program that cannot be started.
    #[error("cannot start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program that refused what sets the stage.
    #[error("{program} refused: {message}")]
    CommandFailed {
        /// The program.
        program: String,
        /// The last thing that it said.
        message: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The world on loopback.
    #[error(transparent)]
    Emulator(#[from] emulators::EmulatorError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] model::CatalogError),
}

impl RehearsalError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Interrupted => "run it again when you like",
            Self::RemoteBranchMissing { .. } => {
                "git fetch that remote, or name another with --remote; --demo leaves this repository out"
            }
            Self::UnusableTempDir { .. } => "set TMPDIR to a short plain folder, as in TMPDIR=/tmp",
            Self::Catalog(_) => "mend the catalog",
            _ => "scripts/setup.sh installs what a rehearsal needs; --demo leaves this repository out",
        }
    }
}
