//! Opening a repository that may be hostile.
//!
//! A repository is where its files are: a `core.worktree` that leads elsewhere would let commands write there, and let git read
//! another configuration than the one that was looked at. The files that git and libgit2 read without looking must be plain: a
//! named pipe among them would never end (`git help gitrepository-layout`).

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository};

use crate::RepoError;

/// Files below a git directory that are read whenever a repository is opened or used.
const FILES: [&str; 12] = [
    "HEAD",
    "config",
    "config.worktree",
    "commondir",
    "gitdir",
    "packed-refs",
    "shallow",
    "index",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "objects/info/alternates",
];
/// How long a file may be that holds nothing but a path.
const MAX_PATH_BYTES: u64 = 4096;

/// Opens the repository around a folder.
///
/// # Errors
/// [`RepoError::NotFound`], [`RepoError::Owner`], [`RepoError::NotPlain`], [`RepoError::Elsewhere`].
pub(crate) fn open(directory: &Path) -> Result<Repository, RepoError> {
    let failed = |source: git2::Error| match source.code() {
        ErrorCode::Owner => RepoError::Owner { directory: directory.to_owned() },
        _ => RepoError::NotFound { directory: directory.to_owned(), source: Box::new(source) },
    };
    let none: [&OsStr; 0] = [];
    let git_dir = Repository::discover_path(directory, none).map_err(failed)?;
    plain_files(&git_dir)?;
    if let Some(common) = path_in(&git_dir.join("commondir")) {
        plain_files(&git_dir.join(common))?;
    }
    let git = Repository::discover(directory).map_err(failed)?;
    if let Some(files) = git.workdir()
        && !is_of(files, git.path())
    {
        return Err(RepoError::Elsewhere { repository: git.path().to_owned(), files: files.to_owned() });
    }
    Ok(git)
}

fn plain_files(git_dir: &Path) -> Result<(), RepoError> {
    for file in FILES.map(|it| git_dir.join(it)) {
        // What does not exist is not read.
        if fs::metadata(&file).is_ok_and(|it| !it.is_file()) {
            return Err(RepoError::NotPlain(file));
        }
    }
    Ok(())
}

/// Whether these are the files of this git directory: what is called `.git` among them is it, or leads to it.
fn is_of(files: &Path, git_dir: &Path) -> bool {
    let dot_git = files.join(".git");
    let there = match path_in(&dot_git) {
        Some(text) => text.strip_prefix("gitdir: ").map(|it| files.join(it)),
        None => Some(dot_git),
    };
    let there = there.and_then(|it| it.canonicalize().ok());
    there.is_some() && there == git_dir.canonicalize().ok()
}

/// The path that a file holds. Returns `None` if it is no plain file.
fn path_in(file: &Path) -> Option<String> {
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(file).ok()?.take(MAX_PATH_BYTES).read_to_string(&mut text).ok()?;
    Some(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Refuses a place of the repository that is written to if a link leads elsewhere.
///
/// # Errors
/// [`RepoError::NotPlain`] with the first component below `git_dir` that is a link.
pub(crate) fn no_links(git_dir: &Path, below: &str) -> Result<(), RepoError> {
    let mut path: PathBuf = git_dir.to_owned();
    for component in below.split('/') {
        path.push(component);
        if path.is_symlink() {
            return Err(RepoError::NotPlain(path));
        }
    }
    Ok(())
}
