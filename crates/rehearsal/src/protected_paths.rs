//! Compares the operator's files before and after a rehearsal, which must not change any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

use crate::error::RehearsalError;
use crate::origin::git_read_only;

/// The files of the operator that a rehearsal must not change.
#[derive(Debug, Clone, Default)]
pub struct ProtectedPaths {
    /// Files and directories, compared recursively. A path that does not exist must not exist afterwards either.
    pub paths: Vec<PathBuf>,
    /// The root of a repository: its git directory, and its modified and untracked files, are compared too.
    ///
    /// Unmodified tracked files need no comparison: `git status` reports every change to them.
    pub repository: Option<PathBuf>,
    /// Settings for `git -c` that keep git from starting programs that the repository configures.
    pub git_settings: Vec<String>,
}

/// The metadata of a file: size in bytes, mode, inode number, and mtime and ctime in seconds and nanoseconds.
///
/// The content is not read: a write that keeps the size still changes the ctime.
type FileStamp = (u64, u32, u64, [i64; 4]);

/// The state of all protected paths at one time.
#[derive(Debug, PartialEq, Eq)]
pub struct PathsSnapshot {
    /// Every existing file, directory and symbolic link, by path.
    files: BTreeMap<PathBuf, FileStamp>,
    /// The output of `git status`. `None` without a repository, or if it has no working tree.
    status: Option<String>,
}

impl ProtectedPaths {
    /// Records the metadata of every protected path. The targets of symbolic links are included.
    ///
    /// # Errors
    /// [`RehearsalError`] if git cannot be started or cannot find the git directory.
    pub fn snapshot(&self) -> Result<PathsSnapshot, RehearsalError> {
        let mut pending = self.paths.clone();
        let mut status = None;
        if let Some(root) = &self.repository {
            let folders = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"];
            pending.extend(git_read_only(root, &folders)?.lines().map(PathBuf::from));
        }
        let mut files = stamp_files(pending);
        // Git runs after the walk, so the walk of the next snapshot sees a file that git itself changed here.
        // A bare repository has no working tree, so a failure is not an error.
        if let Some(root) = &self.repository {
            status = self
                .git(
                    root,
                    &["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=dirty"],
                )
                .ok();
            let changed = self.git(root, &["ls-files", "-z", "-m", "-o", "--exclude-standard"]);
            let changed = changed.unwrap_or_default();
            files.extend(stamp_files(
                changed.split('\0').filter(|it| !it.is_empty()).map(|it| root.join(it)).collect(),
            ));
        }
        Ok(PathsSnapshot { files, status })
    }
}

impl ProtectedPaths {
    /// Runs a git command that compares files, and returns its output.
    ///
    /// Such a command can start filters and a file system monitor, so it needs `git_settings`.
    fn git(&self, root: &Path, arguments: &[&str]) -> Result<String, RehearsalError> {
        let settings = self.git_settings.iter().flat_map(|it| ["-c", it]);
        git_read_only(root, &settings.chain(arguments.iter().copied()).collect::<Vec<_>>())
    }
}

/// Returns the metadata of these paths and of everything below them. Skips paths that do not exist.
fn stamp_files(mut pending: Vec<PathBuf>) -> BTreeMap<PathBuf, FileStamp> {
    let mut stamps = BTreeMap::new();
    let mut followed = BTreeSet::new();
    while let Some(path) = pending.pop() {
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        if meta.is_symlink() {
            // Each target is followed once, so that a cycle of links ends.
            pending.extend(std::fs::canonicalize(&path).ok().filter(|it| followed.insert(it.clone())));
        } else if meta.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten();
            pending.extend(entries.filter_map(Result::ok).map(|it| it.path()));
        }
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        stamps.insert(path, (meta.len(), meta.mode(), meta.ino(), times));
    }
    stamps
}

impl PathsSnapshot {
    /// Returns a finding: proven if `now` equals this snapshot, refuted with the changed paths otherwise.
    ///
    /// Without any file to compare, the finding is unproven.
    #[must_use]
    pub fn compare(&self, now: &Self) -> Finding {
        let removed = self.files.keys().filter(|it| !now.files.contains_key(*it));
        let modified = now.files.iter().filter(|(path, look)| self.files.get(*path) != Some(look));
        let mut changed: Vec<String> =
            removed.chain(modified.map(|it| it.0)).map(|it| it.display().to_string()).collect();
        if self.status != now.status {
            changed.push("the output of git status".to_owned());
        }
        let subject = &"your files";
        if !changed.is_empty() {
            let evidence = format!("changed during the rehearsal: {}", changed.join(", "));
            return Finding::refuted("no-side-effects", subject, Reason::FilesChanged, evidence);
        }
        if now.files.is_empty() {
            let evidence = "found none of your files to compare";
            return Finding::unproven("no-side-effects", subject, Reason::NothingObserved, evidence);
        }
        let evidence = format!("your files and directories are unchanged ({} compared)", now.files.len());
        Finding::proven("no-side-effects", subject, evidence)
    }
}

/// Returns a refuted finding if the directory of a rehearsal still exists after its removal, otherwise `None`.
pub(crate) fn leftover_dir(folder: &Path) -> Option<Finding> {
    folder.exists().then(|| {
        let evidence = format!("{} still exists", folder.display());
        Finding::refuted("no-side-effects", "your files", Reason::LeftOver, evidence)
    })
}
