//! The file patterns of hatchling (hatch documentation, "Build configuration", "File selection").

use model::package::pyproject::HatchOptions;

use crate::gitignore::IgnorePatterns;

/// The patterns of a build target that select files.
pub(super) struct FileSelection {
    include: IgnorePatterns,
    exclude: IgnorePatterns,
    artifacts: IgnorePatterns,
}

impl FileSelection {
    pub(super) fn new(options: &HatchOptions) -> Option<Self> {
        let parse = |it: &Option<Vec<String>>| IgnorePatterns::parse(it.iter().flatten().map(String::as_str));
        Some(Self {
            include: parse(&options.include)?,
            exclude: parse(&options.exclude)?,
            artifacts: parse(&options.artifacts)?,
        })
    }

    /// Whether `pyproject.toml` excludes a file, or hatchling excludes it in every project. An artifact is never excluded.
    pub(super) fn is_excluded(&self, path: &str) -> bool {
        let is_cache = path.strip_suffix(".pyc").is_some() || path.split('/').any(|it| it == "__pycache__");
        (is_cache || self.exclude.selects(path)) && !self.is_artifact(path)
    }

    pub(super) fn is_included(&self, path: &str) -> bool {
        self.include.is_empty() || self.include.selects(path)
    }

    /// Whether `pyproject.toml` includes a file although a version control system ignores it.
    pub(super) fn is_artifact(&self, path: &str) -> bool {
        self.artifacts.selects(path)
    }
}
