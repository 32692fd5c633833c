//! What a package of each registry must contain: every file is equal to one of the tag's tree, or is made by the build
//! and can be derived from the tree.

mod compared_package;
mod file_comparison;
mod file_selection;
mod go;
mod ignored_files;
mod npm;
mod pypi;
mod python_metadata;
mod requirement;
mod source_map;
mod wheel_metadata;

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::{
    PackageComparison, PackageContents, PackageFormat, PackageId, PackageListing, PackageTree,
};

use compared_package::ComparedPackage;

use crate::check_observation::{CheckObservation, fail, pass, warn};
use model::{Channel, ReleaseTag};

pub use go::module_hash;

/// The largest number of files that a pre-flight check names.
const MAX_NAMED_FILES: usize = 20;

/// Returns whether a comparison reads the content of a file in a package, not only its digest.
#[must_use]
pub fn reads_packaged_content(format: PackageFormat, path: &str) -> bool {
    match format {
        PackageFormat::Wheel | PackageFormat::Sdist => pypi::reads_packaged_content(path),
        PackageFormat::NpmTarball => npm::reads_packaged_content(path),
        PackageFormat::GoModule => false,
    }
}

/// Returns whether a comparison reads the content of a file in the tree, not only its digest.
#[must_use]
pub fn reads_tree_content(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "pyproject.toml" | "package.json" | "go.mod" | ".gitignore")
        || python_metadata::LICENSE_NAMES.iter().any(|it| name.starts_with(it))
}

/// Returns the paths outside the package's folder that a comparison needs, relative to the repository's root.
/// `npm_manifests` are the manifests of all npm packages of the repository.
#[must_use]
pub fn files_outside(format: PackageFormat, folder: &str, npm_manifests: &[String]) -> Vec<String> {
    match format {
        PackageFormat::Wheel => Vec::new(),
        PackageFormat::Sdist => pypi::ignore_files(folder),
        PackageFormat::NpmTarball => npm_manifests.to_vec(),
        PackageFormat::GoModule => vec![go::LICENSE.to_owned()],
    }
}

/// Returns the manifests that make a folder the folder of a package, for each channel of a target that has packages.
#[must_use]
pub fn package_manifests(channels: &[Channel]) -> Vec<&'static str> {
    let manifest = |channel: &Channel| match channel {
        Channel::Pypi(_) => Some(pypi::MANIFEST),
        Channel::Npm(_) => Some(npm::MANIFEST),
        _ => None,
    };
    channels.iter().filter_map(manifest).collect()
}

/// Returns the paths where the `.gitignore` of a package's folder may be, the nearest first.
#[must_use]
pub fn ignore_file_paths(folder: &str) -> Vec<String> {
    let mut paths = vec![format!("{folder}/.gitignore")];
    paths.extend(pypi::ignore_files(folder));
    paths
}

/// Predicts whether the build of a target's packages leaves out files of the tree.
pub(crate) fn package_files(listings: &[PackageListing]) -> CheckObservation {
    let mut checked = Vec::new();
    for listing in listings {
        let folder = &listing.folder;
        if listing.manifest_name == npm::MANIFEST {
            if !listing.paths.iter().any(|it| npm::is_license(it)) {
                let evidence = format!("{folder} has no license file, so the npm package will have none");
                return warn(Reason::LicenseMissing { folder: folder.clone() }, evidence);
            }
        } else {
            match ignored_files::ignored_files(listing) {
                None => {
                    return warn(
                        Reason::NotComparable,
                        format!("{folder}: pyproject.toml or .gitignore cannot be read"),
                    );
                }
                Some(ignored) if ignored.is_empty() => {}
                Some(ignored) => {
                    let shown: Vec<String> = ignored
                        .iter()
                        .take(MAX_NAMED_FILES)
                        .map(|(path, pattern)| format!("{folder}/{path} (pattern {pattern})"))
                        .collect();
                    let more = ignored.len().saturating_sub(MAX_NAMED_FILES);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    let file = ignored.first().map_or_else(String::new, |(path, _)| (*path).to_owned());
                    let evidence = format!("the wheel would lack {}{more}", shown.join(", "));
                    return fail(Reason::FilesIgnored { file }, evidence);
                }
            }
        }
        checked.push(folder.as_str());
    }
    match checked[..] {
        [] => pass("the target has no package on PyPI or npm"),
        _ => pass(format!("all files below {} will be packaged", checked.join(", "))),
    }
}

/// Returns the format of a package by its file name, and the name of the manifest in its folder. `None` if the name has
/// none of the known endings.
#[must_use]
pub fn format_of(file_name: &str) -> Option<(PackageFormat, &'static str)> {
    const FORMATS: [(&str, PackageFormat, &str); 4] = [
        (".whl", PackageFormat::Wheel, pypi::MANIFEST),
        (".tar.gz", PackageFormat::Sdist, pypi::MANIFEST),
        (".tgz", PackageFormat::NpmTarball, npm::MANIFEST),
        (".zip", PackageFormat::GoModule, go::MANIFEST),
    ];
    let found = FORMATS.into_iter().find(|(ending, ..)| file_name.ends_with(ending));
    found.map(|(_, format, manifest)| (format, manifest))
}

/// Returns the name of a channel's package, if packages of this format are published there.
#[must_use]
pub fn package_name(channel: &Channel, format: PackageFormat) -> Option<&str> {
    match (channel, format) {
        (Channel::Pypi(name), PackageFormat::Wheel | PackageFormat::Sdist)
        | (Channel::Npm(name), PackageFormat::NpmTarball)
        | (Channel::Go(name), PackageFormat::GoModule) => Some(name),
        _ => None,
    }
}

/// Returns the name and version of a package of a tag, as its registry writes them.
#[must_use]
pub fn package_id(name: &str, tag: &ReleaseTag, format: PackageFormat) -> PackageId {
    let version = match format {
        PackageFormat::Wheel | PackageFormat::Sdist => tag.version().canonical(),
        PackageFormat::NpmTarball => tag.version().as_str().to_owned(),
        PackageFormat::GoModule => format!("v{}", tag.version().as_str()),
    };
    PackageId { name: name.to_owned(), version }
}

/// Compares a package with the tree of its tag. `subject` names the package in findings.
#[must_use]
pub fn compare_package(
    subject: &str,
    id: &PackageId,
    package: &PackageContents,
    tree: &PackageTree,
) -> PackageComparison {
    let compared = ComparedPackage { subject, id, package, tree };
    let mut out = PackageComparison::default();
    let evidence = format!(
        "a well-formed {} with {}",
        package.format.name(),
        file_comparison::counted(package.files.len(), "file")
    );
    out.findings.push(Finding::proven("container", subject, evidence));
    if let Some(path) = tree.other_entries.first() {
        let evidence = format!(
            "{path} in the tag's tree is a symbolic link or a submodule, or its path is not UTF-8 ({} such paths)",
            tree.other_entries.len()
        );
        out.findings.push(Finding::unproven("files", subject, Reason::NotComparable, evidence));
    }
    match package.format {
        PackageFormat::Wheel => pypi::compare_wheel(compared, &mut out),
        PackageFormat::Sdist => pypi::compare_sdist(compared, &mut out),
        PackageFormat::NpmTarball => npm::compare(compared, &mut out),
        PackageFormat::GoModule => go::compare(compared, &mut out),
    }
    out
}
