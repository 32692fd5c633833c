//! The state of the work tree, and attribute files outside of commits.

use std::path::PathBuf;

use crate::command::{GitProcess, spawn_git_safely};
use crate::error::RepoError;
use crate::repository::Repo;

impl Repo {
    /// Starts `git status`, which handles sparse checkouts, filters and file system monitors as the operator's git
    /// does. It takes no lock and does not refresh the index.
    #[must_use]
    pub fn spawn_status(&self) -> PendingStatus {
        // A release contains the commit of a submodule and not its files, so changed files in it do not matter.
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

    /// Returns the attribute files outside of the tree that affect `git archive` in this clone: `info/attributes`, if
    /// it exists.
    #[must_use]
    pub fn attribute_files(&self) -> Vec<PathBuf> {
        let file = self.info_attributes();
        if file.is_file() { vec![file] } else { Vec::new() }
    }

    /// The path of `info/attributes`, which all work trees of a clone share.
    pub(crate) fn info_attributes(&self) -> PathBuf {
        self.git.commondir().join("info").join("attributes")
    }
}

/// A running `git status`; call `wait` for its result. `None` for a bare repository, in which git is not started.
#[derive(Debug)]
pub struct PendingStatus(Option<GitProcess>);

impl PendingStatus {
    /// Returns the tracked files that differ from the index or from the last commit. `None` for a bare repository.
    /// Untracked files are not listed: a release consists of committed files.
    ///
    /// # Errors
    /// [`RepoError::GitCommand`] if git fails.
    pub fn wait(self) -> Result<Option<Vec<String>>, RepoError> {
        let Some(process) = self.0 else { return Ok(None) };
        let output = process.wait()?;
        let output =
            output.map_err(|reason| RepoError::GitCommand { command: "git status".to_owned(), reason })?;
        let entries = output.split(|byte| *byte == 0).filter(|entry| entry.len() > "XY ".len());
        Ok(Some(entries.map(|entry| String::from_utf8_lossy(&entry["XY ".len()..]).into_owned()).collect()))
    }
}
