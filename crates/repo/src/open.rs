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
/// How long each of these files may be, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// How long `packed-refs` and `index` may be, in bytes: an index of a million files stays below.
const MAX_LIST_BYTES: u64 = 256 << 20;
/// How long a file may be that holds nothing but a path.
const MAX_PATH_BYTES: u64 = 4096;
/// How many folders of references are looked at for what is neither a file nor a folder.
const MAX_FOLDERS: usize = 100_000;

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
    let mut common = git_dir.clone();
    if let Some(text) = path_in(&git_dir.join("commondir")) {
        // Git takes off line ends, and libgit2 all white space (`setup.c`, get_common_dir; `repository.c`,
        // lookup_commondir): what ends in a space would be two repositories.
        if text.trim() != text {
            return Err(RepoError::NotPlain(git_dir.join("commondir")));
        }
        common = git_dir.join(text);
        plain_files(&common)?;
    }
    plain_references(&common)?;
    let git = Repository::open(&git_dir).map_err(failed)?;
    if let Some(files) = git.workdir()
        && !is_of(files, git.path())
    {
        return Err(RepoError::Elsewhere { repository: git.path().to_owned(), files: files.to_owned() });
    }
    Ok(git)
}

fn plain_files(git_dir: &Path) -> Result<(), RepoError> {
    for name in FILES {
        let limit = if ["packed-refs", "index"].contains(&name) { MAX_LIST_BYTES } else { MAX_FILE_BYTES };
        let file = git_dir.join(name);
        // What does not exist is not read.
        if fs::metadata(&file).is_ok_and(|it| !it.is_file() || it.len() > limit) {
            return Err(RepoError::NotPlain(file));
        }
    }
    Ok(())
}

/// Checks that references are files and folders: a named pipe among them would never end.
fn plain_references(common: &Path) -> Result<(), RepoError> {
    let mut waiting = vec![common.join("refs")];
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        count += 1;
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            // Git follows links, and so does this look.
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(found) if found.is_file() => {}
                Ok(found) if found.is_dir() && count < MAX_FOLDERS => waiting.push(path),
                _ => return Err(RepoError::NotPlain(path)),
            }
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
