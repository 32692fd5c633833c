//! What is the operator's, before and after: a rehearsal writes nothing of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use model::verdict::{Finding, Verdict};

use crate::PlayError;
use crate::acts::finding;
use crate::origin::read_only;

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Belongings {
    /// Folders and files, with everything below them; what is not there must not be there afterwards either.
    pub paths: Vec<PathBuf>,
    /// A repository: git's own files, and what it says of the working tree.
    pub repository: Option<PathBuf>,
}

/// What a file looks like without reading it: its length, when it was written, and where a link leads.
type Look = (u64, Option<SystemTime>, Option<PathBuf>);

/// How everything looked at a moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    files: BTreeMap<PathBuf, Look>,
    /// What git says of the working tree.
    status: Option<String>,
}

impl Belongings {
    /// Looks at everything. Links are not followed.
    pub(crate) fn look(&self) -> Result<Seen, PlayError> {
        let mut files = BTreeMap::new();
        let mut waiting = self.paths.clone();
        let mut status = None;
        if let Some(root) = &self.repository {
            let folders = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"];
            waiting.extend(read_only(root, &folders)?.lines().map(PathBuf::from));
            // A bare repository has no working tree.
            status = read_only(root, &["status", "--porcelain", "-z", "--untracked-files=all"]).ok();
        }
        while let Some(path) = waiting.pop() {
            let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
            let link = meta.is_symlink().then(|| std::fs::read_link(&path).ok()).flatten();
            if meta.is_dir() {
                let entries = std::fs::read_dir(&path).into_iter().flatten();
                waiting.extend(entries.filter_map(Result::ok).map(|it| it.path()));
            }
            files.insert(path, (meta.len(), meta.modified().ok(), link));
        }
        Ok(Seen { files, status })
    }
}

impl Seen {
    /// Holds what is there now against what was there.
    pub(crate) fn compare(&self, now: &Self, folder: &Path) -> Finding {
        let gone = self.files.keys().filter(|it| !now.files.contains_key(*it));
        let other = now.files.iter().filter(|(path, look)| self.files.get(*path) != Some(look));
        let mut changed: Vec<String> =
            gone.chain(other.map(|it| it.0)).map(|it| it.display().to_string()).collect();
        if self.status != now.status {
            changed.push("the working tree".to_owned());
        }
        let subject = folder.display();
        if changed.is_empty() {
            let evidence = format!("{} files and folders of yours are as they were", now.files.len());
            return finding("untouched", &subject, (Verdict::Proven, "untouched"), evidence, "");
        }
        let evidence = format!("changed meanwhile: {}", changed.join(", "));
        let hint = "if no other program of yours wrote there, this is a defect of the rehearsal: report it";
        finding("untouched", &subject, (Verdict::Refuted, "changed"), evidence, hint)
    }
}
