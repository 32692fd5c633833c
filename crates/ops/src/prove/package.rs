//! Comparison of a package file with the tree of its tag.

use std::fs::File;
use std::path::Path;

use archive::{open_named_file, read_package};
use model::catalog::Target;
use model::package::{
    PackageComparison, PackageContents, PackageError, PackageFormat, PackageId, PackageTree,
};
use model::{CommitId, ReleaseTag};

use crate::context::OpsContext;
use crate::error::OpsError;
use crate::package_folder::{folder_name, package_folder};

/// The result of comparing a package with a tree.
#[derive(Debug, Clone)]
pub struct PackageReport {
    /// The format of the package.
    pub format: PackageFormat,
    /// The name and version that the package must have.
    pub id: PackageId,
    /// The commit of the tag.
    pub commit: CommitId,
    /// The findings and warnings.
    pub comparison: PackageComparison,
}

/// Compares a package file with the tree of a tag in the clone. Makes no network requests.
///
/// # Errors
/// [`OpsError`] if the file cannot be opened, if its name is not that of a package, if the target publishes no such
/// package, or if the clone lacks the tag or an object of its tree. A package that is not well-formed is a finding.
pub fn compare_package(
    context: OpsContext<'_>,
    file: &Path,
    tag: &ReleaseTag,
) -> Result<PackageReport, OpsError> {
    let name = file.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let formats = rules::formats_of(&name);
    if formats.is_empty() {
        return Err(OpsError::UnknownPackageFormat(file.display().to_string()));
    }
    let target = context.catalog.target(tag.target());
    let no_package = || no_such_package(target, &name, tag);
    let target = target.ok_or_else(no_package)?;
    let package_of = |(format, manifest)| {
        let id = target.channels.iter().find_map(|it| rules::channel_package(it, format, &name, tag))?;
        Some((format, manifest, id))
    };
    let (format, manifest, id) = formats.into_iter().find_map(package_of).ok_or_else(no_package)?;
    let package_file = open_named_file(file).map_err(OpsError::PackageFile)?;
    let commit = tag_commit(context, &tag.name())?;
    let (package, tree) =
        read_both(&package_file, format, || package_tree(context, target, tag, commit, (format, manifest)));
    let comparison = rules::compare_package(&name, &id, &package, &tree?);
    Ok(PackageReport { format, id, commit, comparison })
}

/// Returns the error that a target publishes no package with this file name, and what it publishes instead.
fn no_such_package(target: Option<&Target>, name: &str, tag: &ReleaseTag) -> OpsError {
    let formats: Vec<_> = rules::formats_of(name).into_iter().map(|it| it.0).collect();
    let channels = target.map_or(&[][..], |it| &it.channels);
    let names = |format| channels.iter().flat_map(move |it| rules::expected_names(it, format, tag));
    let expected: Vec<String> = formats.iter().flat_map(|it| names(*it)).collect();
    if expected.is_empty() {
        let formats: Vec<&str> = formats.iter().map(|it| it.name()).collect();
        OpsError::NoSuchPackage { target: tag.target().to_owned(), formats: formats.join(" and no ") }
    } else {
        let expected = expected.join(" or ");
        OpsError::OtherPackageName { tag: tag.name(), name: name.to_owned(), expected }
    }
}

/// Reads a package while `read_tree` reads the tree that it is compared with. Each takes about half of the time.
pub(super) fn read_both<T>(
    file: &File,
    format: PackageFormat,
    read_tree: impl FnOnce() -> T,
) -> (Result<PackageContents, PackageError>, T) {
    let keep = |path: &str| rules::reads_packaged_content(format, path);
    std::thread::scope(|scope| {
        let package = scope.spawn(|| read_package(file, format, &keep));
        let tree = read_tree();
        (package.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), tree)
    })
}

/// Returns the commit of a tag in the clone.
fn tag_commit(context: OpsContext<'_>, name: &str) -> Result<CommitId, OpsError> {
    match context.repo().tag(name)? {
        Some((_, Some(commit), _)) => Ok(commit),
        Some(_) => Err(OpsError::TagNotACommit(name.to_owned())),
        None => Err(OpsError::TagNotFound(name.to_owned())),
    }
}

/// Returns the files that the package is compared with. Its folder is the first of the target's paths with a manifest.
pub(super) fn package_tree(
    context: OpsContext<'_>,
    target: &Target,
    tag: &ReleaseTag,
    commit: CommitId,
    (format, manifest): (PackageFormat, &'static str),
) -> Result<PackageTree, OpsError> {
    let no_folder = || OpsError::NoPackageFolder { tag: tag.name(), target: target.id.clone(), manifest };
    let folder = package_folder(context.repo(), target, commit, manifest)?.ok_or_else(no_folder)?;
    let other_paths = rules::files_outside(format, folder_name(folder), context.catalog.targets());
    let tree = context.repo().package_tree(commit, folder, &other_paths, &rules::reads_tree_content)?;
    tree.ok_or_else(no_folder)
}
