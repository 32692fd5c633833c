//! Predicts which tracked files hatchling leaves out of a wheel because of `.gitignore`.

use model::package::PackageListing;
use model::package::pyproject::PyProject;

use super::file_selection::FileSelection;
use super::pypi::BACKEND;
use crate::gitignore::IgnorePatterns;

/// Returns the tracked files that hatchling would leave out of the wheel because of `.gitignore`, relative to the
/// package's folder, each with the pattern that excludes it. Hatchling reads the patterns relative to the package's
/// folder, and git relative to the folder of the file. Returns `None` if `pyproject.toml` or `.gitignore` cannot be read.
pub(super) fn ignored_files(listing: &PackageListing) -> Option<Vec<(&str, String)>> {
    let project = PyProject::parse(std::str::from_utf8(&listing.manifest).ok()?).ok()?;
    let Some(ignore_file) = &listing.ignore_file else { return Some(Vec::new()) };
    let options = project.hatch_options("wheel");
    let selection = FileSelection::new(&options)?;
    if options.ignore_vcs == Some(true) || project.build_system.build_backend.as_deref() != Some(BACKEND) {
        return Some(Vec::new());
    }
    let ignored = IgnorePatterns::parse(std::str::from_utf8(ignore_file).ok()?.lines())?;
    // Hatchling ignores all patterns if one of them selects the package's folder itself.
    if ignored.selects(&listing.folder) {
        return Some(Vec::new());
    }
    let packages: Vec<&str> = options.packages.iter().flatten().map(|it| it.trim_matches('/')).collect();
    let is_packaged = |path: &str| {
        packages.iter().any(|it| path.strip_prefix(it).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut out = Vec::new();
    for path in listing.paths.iter().filter(|it| is_packaged(it)) {
        if selection.is_excluded(path) || selection.is_artifact(path) {
            continue;
        }
        if let Some(pattern) = ignored.selecting_pattern(path) {
            out.push((path.as_str(), pattern.to_owned()));
        }
    }
    Some(out)
}
