//! The folder that a target's package is built from.

use model::catalog::Target;
use model::package::PackageListing;
use model::{CommitId, RepoPath};
use repo::Repo;

use crate::error::OpsError;

/// Returns the first of the target's paths that is a folder with this manifest in a commit. `None` if there is none.
pub(crate) fn package_folder<'t>(
    repo: &Repo,
    target: &'t Target,
    commit: CommitId,
    manifest: &str,
) -> Result<Option<&'t RepoPath>, OpsError> {
    for path in &target.paths {
        if repo.file(commit, &format!("{}/{manifest}", folder_name(path)))?.is_some() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Returns the path of a folder without a slash at its end.
pub(crate) fn folder_name(path: &RepoPath) -> &str {
    path.as_str().trim_end_matches('/')
}

/// Returns the files that each package of a target is built from. A channel whose folder is not in the commit has none.
pub(crate) fn package_listings(
    repo: &Repo,
    target: &Target,
    commit: CommitId,
) -> Result<Vec<PackageListing>, OpsError> {
    let mut listings = Vec::new();
    for manifest_name in rules::package_manifests(&target.channels) {
        let Some(path) = package_folder(repo, target, commit, manifest_name)? else { continue };
        let folder = folder_name(path);
        let manifest = repo.file(commit, &format!("{folder}/{manifest_name}"))?;
        let paths = repo.folder_files(commit, path)?;
        let mut ignore_file = None;
        for candidate in rules::ignore_file_paths(folder) {
            ignore_file = repo.file(commit, &candidate)?;
            if ignore_file.is_some() {
                break;
            }
        }
        let lock_file = repo.file(commit, &format!("{folder}/{}", rules::LOCK_FILE))?;
        listings.push(PackageListing {
            manifest_name,
            folder: folder.to_owned(),
            paths: paths.unwrap_or_default(),
            manifest: manifest.unwrap_or_default(),
            ignore_file,
            lock_file,
        });
    }
    Ok(listings)
}
