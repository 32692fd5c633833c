//! Opening a repository that may be hostile.
//!
//! The work tree must belong to the repository: with a `core.worktree` that points elsewhere, commands would write to
//! that folder, and git would read another configuration than the one that was checked. Files that git and libgit2
//! open unchecked must be regular files: reading a named pipe would block forever (`git help gitrepository-layout`).

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository};

use crate::error::RepoError;

/// Files in a git directory that git or libgit2 read when a repository is opened or used.
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
/// The largest size of each of these files, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// The largest size of `packed-refs` and `index`, in bytes. An index of a million files is smaller.
const MAX_LIST_BYTES: u64 = 256 << 20;
/// The number of bytes read from a file that contains only a path.
const MAX_PATH_BYTES: u64 = 4096;
/// The largest number of folders below `refs` that are checked. A repository with more is refused.
const MAX_REF_FOLDERS: usize = 100_000;

/// Opens the repository that contains a folder, after checking its files.
///
/// # Errors
/// [`RepoError::NotFound`], [`RepoError::DubiousOwnership`], [`RepoError::UnsafeFile`],
/// [`RepoError::WorkTreeMismatch`].
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
        // git strips line ends only, libgit2 all white space (`setup.c`, get_common_dir; `repository.c`,
        // lookup_commondir). With a path that ends in a space they would open two different repositories.
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
        // A missing file is not read, so it is safe.
        if fs::metadata(&file).is_ok_and(|it| !it.is_file() || it.len() > limit) {
            return Err(RepoError::UnsafeFile(file));
        }
    }
    Ok(())
}

/// Checks that everything below `refs` is a regular file or a folder. Reading a named pipe would block forever.
fn check_references(common: &Path) -> Result<(), RepoError> {
    let mut waiting = vec![common.join("refs")];
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        count += 1;
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            // git follows symbolic links below `refs`, so this check does too.
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

/// Whether the work tree belongs to the git directory: its `.git` is that directory, or a file that points to it.
fn is_work_tree_of(work_tree: &Path, git_dir: &Path) -> bool {
    let dot_git = work_tree.join(".git");
    let linked_git_dir = match read_path_file(&dot_git) {
        Some(text) => text.strip_prefix("gitdir: ").map(|it| work_tree.join(it)),
        None => Some(dot_git),
    };
    let linked_git_dir = linked_git_dir.and_then(|it| it.canonicalize().ok());
    linked_git_dir.is_some() && linked_git_dir == git_dir.canonicalize().ok()
}

/// Returns the path that a file contains, without line ends. `None` if it is not a regular file, or not UTF-8.
fn read_path_file(file: &Path) -> Option<String> {
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(file).ok()?.take(MAX_PATH_BYTES).read_to_string(&mut text).ok()?;
    Some(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Checks that no component of a path in the git directory is a symbolic link, before something is written to it.
/// Otherwise a hostile repository could redirect the write to a file outside.
///
/// # Errors
/// [`RepoError::UnsafeFile`] with the first component below `git_dir` that is a link.
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
