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

use crate::error::RepoError;

/// Files below a git directory that are read whenever a repository is opened or used.
const CHECKED_FILES: [&str; 12] = [
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
const MAX_REF_FOLDERS: usize = 100_000;

/// Opens the repository around a folder.
///
/// # Errors
/// [`RepoError::NotFound`], [`RepoError::Owner`], [`RepoError::NotPlain`], [`RepoError::Elsewhere`].
pub(crate) fn open(directory: &Path) -> Result<Repository, RepoError> {
    let failed = |source: git2::Error| match source.code() {
        ErrorCode::Owner => RepoError::DubiousOwnership { directory: directory.to_owned() },
        _ => RepoError::NotFound { directory: directory.to_owned(), source: Box::new(source) },
    };
    let no_ceilings: [&OsStr; 0] = [];
    let git_dir = Repository::discover_path(directory, no_ceilings).map_err(failed)?;
    check_files(&git_dir)?;
    let mut common_dir = git_dir.clone();
    if let Some(text) = read_path_file(&git_dir.join("commondir")) {
        // Git takes off line ends, and libgit2 all white space (`setup.c`, get_common_dir; `repository.c`,
        // lookup_commondir): what ends in a space would be two repositories.
        if text.trim() != text {
            return Err(RepoError::UnsafeFile(git_dir.join("commondir")));
        }
        common_dir = git_dir.join(text);
        check_files(&common_dir)?;
    }
    check_references(&common_dir)?;
    let git = Repository::open(&git_dir).map_err(failed)?;
    if let Some(work_tree) = git.workdir()
        && !is_work_tree_of(work_tree, git.path())
    {
        return Err(RepoError::WorkTreeMismatch {
            repository: git.path().to_owned(),
            work_tree: work_tree.to_owned(),
        });
    }
    Ok(git)
}

fn check_files(git_dir: &Path) -> Result<(), RepoError> {
    for name in CHECKED_FILES {
        let limit = if ["packed-refs", "index"].contains(&name) { MAX_LIST_BYTES } else { MAX_FILE_BYTES };
        let file = git_dir.join(name);
        // What does not exist is not read.
        if fs::metadata(&file).is_ok_and(|it| !it.is_file() || it.len() > limit) {
            return Err(RepoError::UnsafeFile(file));
        }
    }
    Ok(())
}

/// Checks that references are files and folders: a named pipe among them would never end.
fn check_references(common: &Path) -> Result<(), RepoError> {
    let mut waiting = vec![common.join("refs")];
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        count += 1;
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            // Git follows links, and so does this look.
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(found) if found.is_file() => {}
                Ok(found) if found.is_dir() && count < MAX_REF_FOLDERS => waiting.push(path),
                _ => return Err(RepoError::UnsafeFile(path)),
            }
        }
    }
    Ok(())
}

/// Whether these are the files of this git directory: what is called `.git` among them is it, or leads to it.
fn is_work_tree_of(work_tree: &Path, git_dir: &Path) -> bool {
    let dot_git = work_tree.join(".git");
    let linked_git_dir = match read_path_file(&dot_git) {
        Some(text) => text.strip_prefix("gitdir: ").map(|it| work_tree.join(it)),
        None => Some(dot_git),
    };
    let linked_git_dir = linked_git_dir.and_then(|it| it.canonicalize().ok());
    linked_git_dir.is_some() && linked_git_dir == git_dir.canonicalize().ok()
}

/// The path that a file holds. Returns `None` if it is no plain file.
fn read_path_file(file: &Path) -> Option<String> {
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
pub(crate) fn reject_symlinks(git_dir: &Path, below: &str) -> Result<(), RepoError> {
    let mut path: PathBuf = git_dir.to_owned();
    for component in below.split('/') {
        path.push(component);
        if path.is_symlink() {
            return Err(RepoError::UnsafeFile(path));
        }
    }
    Ok(())
}
