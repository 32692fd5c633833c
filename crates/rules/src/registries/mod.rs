//! What a package of each registry must contain: every file is equal to one of the tag's tree, or is made by the build
//! and can be derived from the tree.

mod chart_lock;
mod chart_values;
mod chart_yaml;
mod checksum_database;
mod compared_package;
mod csharp_project;
mod file_comparison;
mod file_selection;
mod go;
mod gradle_dependencies;
mod gradle_module;
mod gradle_project;
mod helm;
mod helm_ignore;
mod ignored_files;
mod listed_digests;
mod listed_versions;
mod maven;
mod maven_artifact;
mod npm;
mod npm_file_list;
mod nuget;
mod nuspec;
mod openpgp_signature;
mod package_names;
mod package_signature;
mod pom;
mod project_files;
mod published;
mod pypi;
mod python_metadata;
mod registry_signature;
mod requirement;
mod source_map;
mod stated_manifest;
mod wheel_metadata;

pub use chart_lock::LOCK as LOCK_FILE;
pub use go::module_hashes;
pub use listed_versions::audit_versions;
pub use package_names::{
    attested_name, channel_package, expected_names, formats_of, registry_format, registry_package_id,
};
pub use package_signature::restored_package_finding;
pub use published::{audit_package, skipped_package};
pub use stated_manifest::{compare_abbreviated_manifest, compare_requires_python, compare_stated_manifest};

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::pyproject::normalized_name;
use model::package::{
    PackageComparison, PackageContents, PackageError, PackageFormat, PackageId, PackageListing, PackageTree,
};

use model::{Channel, Target};

use self::chart_lock::LockState;
use self::compared_package::{ComparedPackage, FILES, METADATA, not_comparable};
use crate::check_observation::{CheckObservation, fail, pass, warn};

/// The check that reads a package.
const CONTAINER: &str = "container";
/// The largest number of files that a pre-flight check names.
const MAX_NAMED_FILES: usize = 20;

/// Returns whether a comparison reads the content of a file in a package, not only its digest.
#[must_use]
pub fn reads_packaged_content(format: PackageFormat, path: &str) -> bool {
    match format {
        PackageFormat::Wheel | PackageFormat::Sdist => pypi::reads_packaged_content(path),
        PackageFormat::NpmTarball => npm::reads_packaged_content(path),
        PackageFormat::Nupkg => nuget::reads_packaged_content(path),
        PackageFormat::Pom | PackageFormat::GradleModule => true,
        PackageFormat::Jar => maven::reads_packaged_content(path),
        PackageFormat::HelmChart => helm::reads_packaged_content(path),
        PackageFormat::GoModule => false,
    }
}

/// Returns whether a comparison reads the content of a file in the tree, not only its digest.
#[must_use]
pub fn reads_tree_content(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "pyproject.toml" | "package.json" | "go.mod" | ".gitignore")
        || project_files::is_read(name)
        || csharp_project::is_read(name)
        || maven::reads_tree_content(name)
        || helm::reads_tree_content(name)
}

/// Returns the paths outside the package's folder that a comparison needs, relative to the repository's root.
/// `targets` are all targets of the repository: an npm package may depend on another one.
#[must_use]
pub fn files_outside(format: PackageFormat, folder: &str, targets: &[Target]) -> Vec<String> {
    match format {
        PackageFormat::Wheel => Vec::new(),
        PackageFormat::Sdist => pypi::ignore_files(folder),
        PackageFormat::NpmTarball => npm::manifests(targets),
        PackageFormat::GoModule => vec![go::LICENSE.to_owned()],
        PackageFormat::HelmChart => helm::sibling_folders(folder),
        PackageFormat::Nupkg | PackageFormat::Jar | PackageFormat::Pom | PackageFormat::GradleModule => {
            Vec::new()
        }
    }
}

/// Returns the manifests that make a folder the folder of a package, for each channel of a target that has packages.
#[must_use]
pub fn package_manifests(channels: &[Channel]) -> Vec<&'static str> {
    let manifest = |channel: &Channel| match channel {
        Channel::Pypi(_) => Some(pypi::MANIFEST),
        Channel::Npm(_) => Some(npm::MANIFEST),
        Channel::Helm(_) => Some(helm::MANIFEST),
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
    let (mut packages, mut charts) = (Vec::new(), Vec::new());
    for listing in listings {
        let problem = match listing.manifest_name {
            npm::MANIFEST => missing_license(listing),
            helm::MANIFEST => stale_lock(listing),
            _ => ignored_modules(listing),
        };
        if let Some(problem) = problem {
            return problem;
        }
        let checked = if listing.manifest_name == helm::MANIFEST { &mut charts } else { &mut packages };
        checked.push(listing.folder.as_str());
    }
    let files = format!("all files below {} will be packaged", packages.join(", "));
    let locks = format!("{} can be built: {LOCK_FILE} fits, or is not needed", charts.join(", "));
    match (packages.is_empty(), charts.is_empty()) {
        (true, true) => pass("the target has no package on PyPI or npm, and no chart"),
        (false, true) => pass(files),
        (true, false) => pass(locks),
        (false, false) => pass(format!("{files}; {locks}")),
    }
}

/// Fails if the chart cannot be built, because its lock is of other dependencies.
fn stale_lock(listing: &PackageListing) -> Option<CheckObservation> {
    let folder = &listing.folder;
    match LockState::of(&listing.manifest, listing.lock_file.as_deref()) {
        LockState::NotNeeded | LockState::Fits => None,
        LockState::Missing => {
            let evidence =
                format!("{folder} has dependencies and no {LOCK_FILE}, so their versions are not pinned");
            Some(warn(Reason::StaleLock, evidence))
        }
        LockState::Stale(evidence) => Some(fail(Reason::StaleLock, format!("{folder}: {evidence}"))),
    }
}

/// Warns about an npm package without a license file.
fn missing_license(listing: &PackageListing) -> Option<CheckObservation> {
    if listing.paths.iter().any(|it| npm::is_license(it)) {
        return None;
    }
    let folder = listing.folder.clone();
    let evidence = format!("{folder} has no license file, so the npm package will have none");
    Some(warn(Reason::LicenseMissing { folder }, evidence))
}

/// Fails if hatchling would leave out files of a Python package because of `.gitignore`.
fn ignored_modules(listing: &PackageListing) -> Option<CheckObservation> {
    let folder = &listing.folder;
    let Some(ignored) = ignored_files::ignored_files(listing) else {
        let evidence = format!("{folder}: pyproject.toml or .gitignore cannot be read");
        return Some(warn(Reason::NotComparable, evidence));
    };
    let (first, _) = ignored.first()?;
    let named = ignored.iter().take(MAX_NAMED_FILES);
    let named: Vec<String> =
        named.map(|(path, pattern)| format!("{folder}/{path} (pattern {pattern})")).collect();
    let more = ignored.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let evidence = format!("the wheel would lack {}{more}", named.join(", "));
    Some(fail(Reason::FilesIgnored { file: (*first).to_owned() }, evidence))
}

/// Returns the finding for a file that the publish workflows do not build.
#[must_use]
pub fn unexpected_file(name: &str) -> PackageComparison {
    let evidence =
        format!("the version has the file {name}, expected only those that the publish workflow builds");
    single_finding(Finding::refuted(FILES, name, Reason::UnexpectedFile, evidence))
}

/// Returns the finding for a file that was not compared, because there is no clone.
#[must_use]
pub fn not_compared_without_clone(name: &str) -> PackageComparison {
    let evidence = "its files were not compared with the tag's tree";
    single_finding(Finding::unproven(FILES, name, Reason::NoClone, evidence))
}

/// Returns the finding for a file that was not compared, because the clone could not provide the tree of the tag.
#[must_use]
pub fn not_compared_with_tree(name: &str, tag: &str, message: &str) -> PackageComparison {
    let reason = Reason::TreeUnavailable { tag: tag.to_owned() };
    single_finding(Finding::unproven(FILES, name, reason, message))
}

fn single_finding(finding: Finding) -> PackageComparison {
    PackageComparison { findings: vec![finding], warnings: Vec::new() }
}

/// Compares a package, or the reason why it was not read, with the tree of its tag. `subject` names the package in
/// findings.
#[must_use]
pub fn compare_package(
    subject: &str,
    id: &PackageId,
    package: &Result<PackageContents, PackageError>,
    tree: &PackageTree,
) -> PackageComparison {
    let mut out = PackageComparison::default();
    let package = match package {
        Ok(package) => package,
        Err(error) => {
            out.findings.push(unread_package(subject, error));
            return out;
        }
    };
    let compared = ComparedPackage { subject, id, package, tree };
    let evidence = format!(
        "a well-formed {} with {}",
        package.format.name(),
        file_comparison::counted(package.files.len(), "file")
    );
    out.findings.push(Finding::proven(CONTAINER, subject, evidence));
    // The folders beside a chart are in its tree as well, so the rules of charts look at each folder themselves.
    let other_entry = tree.other_entries.first().filter(|_| package.format != PackageFormat::HelmChart);
    if let Some(path) = other_entry {
        let evidence = format!(
            "{path} in the tag's tree is a symbolic link or a submodule, or its path is not UTF-8 ({})",
            file_comparison::counted(tree.other_entries.len(), "such path")
        );
        not_comparable(FILES, subject, evidence, &mut out);
    }
    if let Some(found) = other_package(compared) {
        let evidence = format!("the package is {found}, the tag is of {} {}", id.name, id.version);
        out.findings.push(Finding::refuted(METADATA, subject, Reason::OtherPackage, evidence));
        return out;
    }
    match package.format {
        PackageFormat::Wheel => pypi::compare_wheel(compared, &mut out),
        PackageFormat::Sdist => pypi::compare_sdist(compared, &mut out),
        PackageFormat::NpmTarball => npm::compare(compared, &mut out),
        PackageFormat::GoModule => go::compare(compared, &mut out),
        PackageFormat::Nupkg => nuget::compare(compared, &mut out),
        PackageFormat::Jar => maven::compare_jar(compared, &mut out),
        PackageFormat::Pom => maven::compare_pom(compared, &mut out),
        PackageFormat::GradleModule => maven::compare_module(compared, &mut out),
        PackageFormat::HelmChart => helm::compare(compared, &mut out),
    }
    out
}

/// Returns the name and version of a package that is not the one of the tag, as its folder states them: then a comparison
/// of its files says nothing more. `None` if a file is in the expected folder, or if no folder states another package.
fn other_package(compared: ComparedPackage<'_>) -> Option<String> {
    let ComparedPackage { id, package, .. } = compared;
    let name = || normalized_name(&id.name).replace('-', "_");
    let (expected, folder_of): (String, fn(&str) -> Option<&str>) = match package.format {
        PackageFormat::Wheel => {
            (format!("{}-{}", name(), id.version), |it| it.split('/').next()?.strip_suffix(".dist-info"))
        }
        PackageFormat::Sdist => {
            (format!("{}-{}", name(), id.version), |it| it.split_once('/').map(|(folder, _)| folder))
        }
        PackageFormat::GoModule => (format!("{}@{}", id.name, id.version), go::module_root),
        PackageFormat::HelmChart => (id.name.clone(), |it| it.split('/').next()),
        _ => return None,
    };
    let folders = || package.files.iter().filter_map(|it| folder_of(&it.path));
    if folders().any(|it| it == expected) {
        return None;
    }
    if package.format == PackageFormat::HelmChart {
        return folders().next().map(str::to_owned);
    }
    folders().find(|it| it.contains(['-', '@'])).map(|it| it.replacen(['-', '@'], " ", 1))
}

/// Returns the finding for a package that was not read to its end.
fn unread_package(subject: &str, error: &PackageError) -> Finding {
    match error {
        PackageError::Malformed(reason) => {
            Finding::refuted(CONTAINER, subject, Reason::MalformedArchive, reason.clone())
        }
        PackageError::LimitExceeded(reason) => {
            Finding::unproven(CONTAINER, subject, Reason::Limit, reason.clone())
        }
        PackageError::Unreadable(reason) => {
            Finding::unproven(CONTAINER, subject, Reason::Unreadable, reason.clone())
        }
    }
}
