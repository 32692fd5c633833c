//! The files beside the repository.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use git2::{Repository, Status, StatusOptions};

use crate::error::git_error;
use crate::{Repo, RepoError};

/// An index entry whose file is left out of a sparse checkout (`CE_SKIP_WORKTREE` in git's `read-cache-ll.h`).
const SKIP_WORKTREE: u16 = 1 << 14;

/// A comparison that is still at work.
#[derive(Debug)]
pub struct AskedChanges(JoinHandle<Result<Option<Vec<String>>, RepoError>>);

impl Repo {
    /// Compares the files with the last commit, in the background.
    #[must_use]
    pub fn ask_changes(&self) -> AskedChanges {
        let directory = self.git.path().to_owned();
        AskedChanges(thread::spawn(move || changes(&directory)))
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

impl AskedChanges {
    /// The tracked files that differ from the last commit, or from what is staged; none for a bare repository.
    /// What is not tracked does not count: a release is made of commits.
    ///
    /// # Errors
    /// [`RepoError::Git`] where the index or the files cannot be read.
    pub fn wait(self) -> Result<Option<Vec<String>>, RepoError> {
        self.0
            .join()
            .unwrap_or_else(|_| Err(git_error("the changed files")(git2::Error::from_str("a thread failed"))))
    }
}

fn changes(directory: &Path) -> Result<Option<Vec<String>>, RepoError> {
    let git = Repository::open(directory).map_err(git_error("the repository"))?;
    if git.is_bare() {
        return Ok(None);
    }
    let index = git.index().map_err(git_error("the index"))?;
    let left_out = |path: &[u8]| {
        index.get_path(&bytes_path(path), 0).is_some_and(|it| it.flags_extended & SKIP_WORKTREE != 0)
    };
    let mut options = StatusOptions::new();
    options.include_untracked(false).include_ignored(false).update_index(false).no_refresh(false);
    let statuses = git.statuses(Some(&mut options)).map_err(git_error("the changed files"))?;
    let changed = statuses
        .iter()
        .filter(|it| it.status() != Status::CURRENT)
        .filter(|it| it.status() != Status::WT_DELETED || !left_out(it.path_bytes()))
        .map(|it| String::from_utf8_lossy(it.path_bytes()).into_owned())
        .collect();
    Ok(Some(changed))
}

fn bytes_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
