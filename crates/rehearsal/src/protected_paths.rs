//! What is the operator's, before and after: a rehearsal writes nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use model::evidence::verdict::{Finding, Verdict};

use crate::error::RehearsalError;
use crate::origin::git_read_only;
use crate::steps::step_finding;

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct ProtectedPaths {
    /// Folders and files, with everything below them; what is not there must not be there afterwards either.
    pub paths: Vec<PathBuf>,
    /// A repository: git's own files, and those beside it that are changed or not tracked.
    pub repository: Option<PathBuf>,
    /// Settings (`git -c`) with which git starts no program that the repository names.
    pub git_settings: Vec<String>,
}

/// What a file looks like without reading it: its length, kind and rights, its number, and when it was written and changed last.
type FileStamp = (u64, u32, u64, [i64; 4]);

/// How everything looked at a moment.
#[derive(Debug, PartialEq, Eq)]
pub struct PathsSnapshot {
    files: BTreeMap<PathBuf, FileStamp>,
    /// What git says of the working tree.
    status: Option<String>,
}

impl ProtectedPaths {
    /// Looks at everything. Where links lead is looked at, too.
    ///
    /// # Errors
    /// [`PlayError`] where the repository cannot be asked.
    pub fn snapshot(&self) -> Result<PathsSnapshot, RehearsalError> {
        let mut pending = self.paths.clone();
        let mut status = None;
        if let Some(root) = &self.repository {
            let folders = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"];
            pending.extend(git_read_only(root, &folders)?.lines().map(PathBuf::from));
        }
        let mut files = stamp_files(pending);
        // Git is asked after the walk: what it might do itself is seen by the next one. A bare repository has no working tree.
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
    /// What git prints that compares files, which filters and monitors take part in.
    fn git(&self, root: &Path, arguments: &[&str]) -> Result<String, RehearsalError> {
        let settings = self.git_settings.iter().flat_map(|it| ["-c", it]);
        git_read_only(root, &settings.chain(arguments.iter().copied()).collect::<Vec<_>>())
    }
}

/// Everything at and below these paths.
fn stamp_files(mut pending: Vec<PathBuf>) -> BTreeMap<PathBuf, FileStamp> {
    let mut stamps = BTreeMap::new();
    let mut followed = BTreeSet::new();
    while let Some(path) = pending.pop() {
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        if meta.is_symlink() {
            // A link that leads back is followed once.
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
    /// Holds what is there now against what was there.
    #[must_use]
    pub fn compare(&self, now: &Self) -> Finding {
        let removed = self.files.keys().filter(|it| !now.files.contains_key(*it));
        let modified = now.files.iter().filter(|(path, look)| self.files.get(*path) != Some(look));
        let mut changed: Vec<String> =
            removed.chain(modified.map(|it| it.0)).map(|it| it.display().to_string()).collect();
        if self.status != now.status {
            changed.push("what git status says".to_owned());
        }
        let subject = &"what is yours";
        if !changed.is_empty() {
            let evidence = format!("changed meanwhile: {}", changed.join(", "));
            let hint =
                "if no other program of yours wrote there, this is a defect of the rehearsal: report it";
            return step_finding("untouched", subject, (Verdict::Refuted, "changed"), evidence, hint);
        }
        if now.files.is_empty() {
            let hint = "set HOME, or name a repository with -C";
            let evidence = "nothing of yours was found to look at";
            return step_finding("untouched", subject, (Verdict::Unproven, "nothing-seen"), evidence, hint);
        }
        let evidence = format!("{} files and folders of yours are as they were", now.files.len());
        step_finding("untouched", subject, (Verdict::Proven, "untouched"), evidence, "")
    }
}

/// What became of the folder of a rehearsal, which is removed by now.
pub(crate) fn leftover_dir(folder: &Path) -> Option<Finding> {
    folder.exists().then(|| {
        let evidence = format!("{} is still there", folder.display());
        step_finding("untouched", &"what is yours", (Verdict::Refuted, "left"), evidence, "remove it")
    })
}
