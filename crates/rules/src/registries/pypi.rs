//! What wheels and source distributions on PyPI contain, as hatchling builds them (hatch documentation, "Build
//! configuration"; Python Packaging User Guide, specifications "Binary distribution format", "Source distribution
//! format", "Recording installed projects" and "Entry points").

use std::collections::BTreeSet;

use model::evidence::verdict::Finding;
use model::package::pyproject::{HatchOptions, PyProject, normalized_name};
use model::package::{PackageComparison, PackageFormat, PackageId, PackageTree, TreeFile};

use super::compared_package::{
    ComparedPackage, FILES, MAX_NAMED_DIFFERENCES, METADATA, not_comparable, refute_metadata,
};
use super::file_comparison::FileComparison;
use super::file_selection::FileSelection;
use super::project_files::license_files;
use super::python_metadata::compare_metadata;
use super::wheel_metadata::{
    GENERATED_MODE, check_entry_points, check_generated_modes, check_record, check_wheel_file,
};

/// The manifest of a Python project.
pub(super) const MANIFEST: &str = "pyproject.toml";
/// The build backend whose packages are compared.
pub(super) const BACKEND: &str = "hatchling.build";
/// The largest number of entries of `force-include` or `license-files`. Each is compared with all files.
const MAX_PATHS: usize = 100;
/// The options of hatch that change which files a package has, and that are not interpreted here.
const UNSUPPORTED_OPTIONS: [&str; 9] = [
    "only-include",
    "sources",
    "only-packages",
    "hooks",
    "shared-data",
    "extra-metadata",
    "shared-scripts",
    "dev-mode-dirs",
    "bypass-selection",
];

/// Returns whether the rules read the content of a file of a wheel or source distribution.
pub(super) fn reads_packaged_content(path: &str) -> bool {
    match path.rsplit_once('/') {
        Some((folder, name)) => {
            (folder.ends_with(".dist-info")
                && matches!(name, "METADATA" | "WHEEL" | "RECORD" | "entry_points.txt"))
                || (!folder.contains('/') && name == "PKG-INFO")
        }
        None => false,
    }
}

/// Returns the `.gitignore` files in the folders above a package, the nearest first.
pub(super) fn ignore_files(folder: &str) -> Vec<String> {
    let parents = folder.match_indices('/').rev().map(|(end, _)| &folder[..end]);
    parents.map(|it| format!("{it}/.gitignore")).chain([".gitignore".to_owned()]).collect()
}

/// Returns the `.gitignore` that hatchling reads and adds to a source distribution: the nearest one.
fn nearest_ignore_file(tree: &PackageTree) -> Option<(String, &TreeFile)> {
    let nearest = std::iter::once(tree.path_of(".gitignore")).chain(ignore_files(&tree.folder));
    nearest.into_iter().find_map(|path| tree.files.get(&path).map(|file| (path, file)))
}

/// Whether a file has the name that hatchling gives the package of a version: its name and version in their normal forms.
pub(super) fn is_file_of(id: &PackageId, file_name: &str, format: PackageFormat) -> bool {
    let name = normalized_name(&id.name).replace('-', "_");
    let Some(rest) = file_name.strip_prefix(&format!("{name}-{}", id.version)) else { return false };
    match format {
        PackageFormat::Wheel => rest.starts_with('-'),
        PackageFormat::Sdist => rest == ".tar.gz",
        _ => false,
    }
}

/// What both kinds of packages need from the tree.
struct PythonProject {
    project: PyProject,
    options: HatchOptions,
    selection: FileSelection,
}

impl PythonProject {
    /// Reads `pyproject.toml`. Adds a finding and returns `None` if the rules do not cover it.
    fn read(subject: &str, target: &str, tree: &PackageTree, out: &mut PackageComparison) -> Option<Self> {
        match Self::parse(target, tree) {
            Ok(project) => Some(project),
            Err(evidence) => {
                not_comparable(FILES, subject, evidence, out);
                None
            }
        }
    }

    fn parse(target: &str, tree: &PackageTree) -> Result<Self, String> {
        let text =
            tree.text(MANIFEST).ok_or("the tag's tree has no pyproject.toml in the package's folder")?;
        let project =
            PyProject::parse(text).map_err(|error| format!("pyproject.toml cannot be read: {error}"))?;
        let backend = project.build_system.build_backend.as_deref();
        if backend != Some(BACKEND) {
            let backend = backend.unwrap_or("setuptools");
            return Err(format!(
                "the package is built by {backend}; only packages of hatchling are compared"
            ));
        }
        let options = project.hatch_options(target);
        let hatch_keys = options.other.keys().find(|it| UNSUPPORTED_OPTIONS.contains(&it.as_str()));
        if let Some(key) = hatch_keys {
            return Err(format!("pyproject.toml has the hatch option '{key}', which is not supported"));
        }
        let license_patterns = project.project.license_files.as_deref().unwrap_or_default();
        if let Some(pattern) = license_patterns.iter().find(|it| it.contains('[')) {
            return Err(format!("the pattern '{pattern}' of license-files is not supported"));
        }
        if options.force_include.len() > MAX_PATHS || license_patterns.len() > MAX_PATHS {
            return Err(format!("pyproject.toml has more than {MAX_PATHS} forced or license files"));
        }
        let selection = FileSelection::new(&options).ok_or("pyproject.toml has too many file patterns")?;
        Ok(Self { project, options, selection })
    }

    /// Expects the files of `force-include`.
    fn expect_forced_files(
        &self,
        tree: &PackageTree,
        mode: FileMode,
        prefix: &str,
        files: &mut FileComparison,
    ) {
        for (source, destination) in &self.options.force_include {
            let (source, destination) = (source.trim_matches('/'), destination.trim_matches('/'));
            if let Some(file) = tree.in_folder(source) {
                files.expect(
                    format!("{prefix}{destination}"),
                    tree.path_of(source),
                    file,
                    Some(mode.of(file)),
                );
            }
            for (path, file) in tree.below(source) {
                let rest = path.strip_prefix(source).unwrap_or_default();
                files.expect(
                    format!("{prefix}{destination}{rest}"),
                    tree.path_of(path),
                    file,
                    Some(mode.of(file)),
                );
            }
        }
    }
}

/// The mode that a container states for a file of the tree.
#[derive(Clone, Copy)]
enum FileMode {
    /// With the type of a regular file, as in a zip file.
    WithType,
    /// Without a type, as in a tar file.
    PermissionsOnly,
}

impl FileMode {
    fn of(self, file: &TreeFile) -> u32 {
        let permissions = if file.executable { 0o755 } else { 0o644 };
        match self {
            Self::WithType => 0o100_000 | permissions,
            Self::PermissionsOnly => permissions,
        }
    }
}

pub(super) fn compare_wheel(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let Some(python) = PythonProject::read(subject, "wheel", tree, out) else { return };
    let Some(packages) = python.options.packages.as_ref().filter(|it| !it.is_empty()) else {
        let evidence = "pyproject.toml does not list the wheel's packages, so hatchling guesses them";
        return not_comparable(FILES, subject, evidence, out);
    };
    let mut files = FileComparison::default();
    for folder in packages {
        let folder = folder.trim_matches('/');
        let parent = folder.rfind('/').map_or(0, |it| it + 1);
        for (path, file) in tree.below(folder) {
            let (name, tree_path, mode) =
                (path[parent..].to_owned(), tree.path_of(path), Some(FileMode::WithType.of(file)));
            if python.selection.is_excluded(path) {
                accept_excluded(compared, (name, tree_path), (file, mode), &mut files, out);
            } else {
                files.expect(name, tree_path, file, mode);
            }
        }
    }
    python.expect_forced_files(tree, FileMode::WithType, "", &mut files);
    let name = normalized_name(&python.project.project.name).replace('-', "_");
    let info = format!("{name}-{}.dist-info", id.version);
    for file in license_files(&python.project.project, tree) {
        if let Some(tree_file) = tree.in_folder(&file) {
            let name = format!("{info}/licenses/{file}");
            files.expect(name, tree.path_of(&file), tree_file, Some(GENERATED_MODE));
        }
    }
    let content = |name: &str| package.file(&format!("{info}/{name}")).and_then(|it| it.content.as_deref());
    check_record(&info, package, content("RECORD"), &mut files);
    check_wheel_file(&info, &python.project, content("WHEEL"), &mut files);
    check_entry_points(&info, &python.project, content("entry_points.txt"), &mut files);
    let metadata_path = format!("{info}/METADATA");
    files.mark_generated(&metadata_path);
    check_generated_modes(&info, package, &mut files);
    check_metadata(compared, &metadata_path, &python.project, out);
    files.compare(subject, package, out);
}

pub(super) fn compare_sdist(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let Some(python) = PythonProject::read(subject, "sdist", tree, out) else { return };
    let name = normalized_name(&python.project.project.name).replace('-', "_");
    let prefix = format!("{name}-{}/", id.version);
    let mut files = FileComparison::default();
    let mut always: BTreeSet<String> = license_files(&python.project.project, tree).into_iter().collect();
    always.insert(MANIFEST.to_owned());
    always.extend(python.project.project.readme_path().map(str::to_owned));
    for (path, file) in tree.below("") {
        let (name, tree_path, mode) =
            (format!("{prefix}{path}"), tree.path_of(path), Some(FileMode::PermissionsOnly.of(file)));
        if always.contains(path) {
            files.expect(name, tree_path, file, mode);
        } else if python.selection.is_included(path) {
            if python.selection.is_excluded(path) {
                accept_excluded(compared, (name, tree_path), (file, mode), &mut files, out);
            } else {
                files.expect(name, tree_path, file, mode);
            }
        }
    }
    if let Some((tree_path, file)) = nearest_ignore_file(tree) {
        let mode = Some(FileMode::PermissionsOnly.of(file));
        files.expect(format!("{prefix}.gitignore"), tree_path, file, mode);
    }
    python.expect_forced_files(tree, FileMode::PermissionsOnly, &prefix, &mut files);
    let metadata_path = format!("{prefix}PKG-INFO");
    files.mark_generated(&metadata_path);
    check_metadata(compared, &metadata_path, &python.project, out);
    files.compare(subject, package, out);
}

/// Accepts a file that the patterns of `pyproject.toml` exclude. If the package has it, either it was added, or the patterns
/// mean something else than they are read as.
fn accept_excluded(
    compared: ComparedPackage<'_>,
    (name, tree_path): (String, String),
    (file, mode): (&TreeFile, Option<u32>),
    files: &mut FileComparison,
    out: &mut PackageComparison,
) {
    if compared.package.file(&name).is_some() {
        let evidence = format!("{name} is in the package, although pyproject.toml excludes it");
        not_comparable(FILES, compared.subject, evidence, out);
    }
    files.accept(name, tree_path, file, mode);
}

/// Checks the metadata file at a path of the package.
fn check_metadata(
    compared: ComparedPackage<'_>,
    path: &str,
    project: &PyProject,
    out: &mut PackageComparison,
) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let Some(content) = package.file(path).and_then(|it| it.content.as_deref()) else {
        let evidence = format!("the package has no {path}: another name or version, or none");
        return refute_metadata(subject, evidence, out);
    };
    match compare_metadata(content, id, project, tree) {
        Err(evidence) => not_comparable(METADATA, subject, evidence, out),
        Ok(differences) if differences.is_empty() => {
            let evidence = format!("{} {}, as pyproject.toml and the tag require", id.name, id.version);
            out.findings.push(Finding::proven(METADATA, subject, evidence));
        }
        Ok(differences) => {
            for difference in differences.into_iter().take(MAX_NAMED_DIFFERENCES) {
                refute_metadata(subject, difference, out);
            }
        }
    }
}
