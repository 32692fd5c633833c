//! The files beside the repository.

use std::path::PathBuf;

use crate::command::{GitProcess, spawn_git_safely};
use crate::error::RepoError;
use crate::repository::Repo;

impl Repo {
    /// Asks `git status`, to be heard later: git's own view of sparse checkouts, filters and file system monitors. It
    /// takes no lock and refreshes no index.
    #[must_use]
    pub fn spawn_status(&self) -> PendingStatus {
        // Of a submodule, its commit is in the release and its files are not: git need not look into it.
        let arguments = [
            "--no-optional-locks",
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=no",
            "--no-renames",
            "--ignore-submodules=dirty",
        ];
        PendingStatus(self.git.workdir().map(|_| spawn_git_safely(self, &[], &arguments)))
    }

    /// The attribute files outside the tree that change what `git archive` writes in this clone.
    #[must_use]
    pub fn attribute_files(&self) -> Vec<PathBuf> {
        let file = self.info_attributes();
        if file.is_file() { vec![file] } else { Vec::new() }
    }

    pub(crate) fn info_attributes(&self) -> PathBuf {
        self.git.commondir().join("info").join("attributes")
    }
}

/// A comparison that is still at work; none for a bare repository.
#[derive(Debug)]
pub struct PendingStatus(Option<GitProcess>);

impl PendingStatus {
    /// The tracked files that differ from the last commit, or from what is staged; none for a bare repository.
    /// What is not tracked does not count: a release is made of commits.
    ///
    /// # Errors
    /// [`RepoError::Program`] where git cannot tell.
    pub fn wait(self) -> Result<Option<Vec<String>>, RepoError> {
        let Some(process) = self.0 else { return Ok(None) };
        let output = process.wait()?;
        let output =
            output.map_err(|reason| RepoError::GitCommand { command: "git status".to_owned(), reason })?;
        let entries = output.split(|byte| *byte == 0).filter(|entry| entry.len() > "XY ".len());
        Ok(Some(entries.map(|entry| String::from_utf8_lossy(&entry["XY ".len()..]).into_owned()).collect()))
    }
}
