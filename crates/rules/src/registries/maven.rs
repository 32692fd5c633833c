//! What the files of a Maven artifact contain that Gradle builds from a module of the repository (Gradle documentation,
//! "The Java Library Plugin" and "Maven Publish Plugin"). Sources are compared byte for byte. Classes and documentation are
//! made by the build, and only their places are checked.

use std::collections::BTreeSet;

use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageId, PackageTree, TreeFile};

use super::compared_package::{
    ComparedPackage, FILES, MAX_NAMED_DIFFERENCES, METADATA, not_comparable, refute_metadata,
};
use super::file_comparison::FileComparison;
use super::gradle_dependencies::GradleDependencies;
use super::maven_artifact::artifact;
use super::{gradle_module, pom};

/// The file that makes a folder that of a Gradle build.
pub(super) const MANIFEST: &str = "settings.gradle.kts";
/// The build script of a module.
const BUILD_SCRIPT: &str = "build.gradle.kts";
const JAR_MANIFEST: &str = "META-INF/MANIFEST.MF";
const LICENSE: &str = "LICENSE";
/// The folders of a module's sources.
const SOURCE_FOLDERS: [&str; 2] = ["src/main/kotlin", "src/main/java"];
const RESOURCE_FOLDER: &str = "src/main/resources";
/// The endings of sources.
const SOURCE_ENDINGS: [&str; 2] = [".kt", ".java"];
const CLASS_ENDING: &str = ".class";
/// The folder that the Kotlin plugin adds before sources.
const SOURCE_SET: &str = "main/";
/// The attributes of a jar's manifest that make a Java program load other code (Oracle, "JAR File Specification").
const LOADING_ATTRIBUTES: [&str; 5] =
    ["Class-Path", "Launcher-Agent-Class", "Premain-Class", "Agent-Class", "Main-Class"];
/// The endings of files in the documentation that Dokka and Javadoc write.
const DOCUMENTATION_ENDINGS: [&str; 16] = [
    "css", "eot", "gif", "html", "ico", "js", "json", "map", "md", "png", "svg", "ttf", "txt", "woff",
    "woff2", "zip",
];
/// The files in it without an ending.
const DOCUMENTATION_NAMES: [&str; 2] = ["package-list", "element-list"];

/// Returns whether the content of a file in a jar is read.
pub(super) fn reads_packaged_content(path: &str) -> bool {
    path == JAR_MANIFEST
}

/// Returns whether the content of a file in the tree is read, by its name.
pub(super) fn reads_tree_content(name: &str) -> bool {
    matches!(name, BUILD_SCRIPT | MANIFEST | "libs.versions.toml")
}

/// A module of a Gradle build.
struct GradleModule<'a> {
    /// The folder of the module, relative to that of the build.
    folder: &'a str,
    tree: &'a PackageTree,
    /// Whether the build script adds generated sources.
    has_generated_sources: bool,
}

impl<'a> GradleModule<'a> {
    /// Returns the module of an artifact: its folder has the artifact's name. `None` if there is no such folder.
    fn find(id: &'a PackageId, tree: &'a PackageTree) -> Option<Self> {
        let folder = artifact(id);
        let script = tree.text(&format!("{folder}/{BUILD_SCRIPT}"))?;
        Some(Self { folder, tree, has_generated_sources: script.contains("srcDir") })
    }

    /// Returns the files in a folder of the module, by their path in that folder.
    fn files(&self, folder: &str) -> Vec<(&'a str, String, &'a TreeFile)> {
        let folder = format!("{}/{folder}", self.folder);
        let skip = folder.len() + 1;
        let below: Vec<_> = self.tree.below(&folder).collect();
        below.into_iter().map(|(path, file)| (&path[skip..], self.tree.path_of(path), file)).collect()
    }

    /// Returns the folders of packages that have sources.
    fn source_packages(&self) -> BTreeSet<&'a str> {
        let sources = SOURCE_FOLDERS.iter().flat_map(|it| self.files(it));
        sources.map(|(path, ..)| path.rsplit_once('/').map_or("", |(folder, _)| folder)).collect()
    }
}

pub(super) fn compare_jar(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let Some(module) = GradleModule::find(id, tree) else {
        let evidence = format!("{} has no module {} with a {BUILD_SCRIPT}", tree.folder, artifact(id));
        return not_comparable(FILES, subject, evidence, out);
    };
    let mut files = FileComparison::default();
    if let Some(license) = tree.in_folder(LICENSE) {
        files.accept(format!("META-INF/{LICENSE}"), tree.path_of(LICENSE), license, None);
    }
    check_jar_manifest(compared, &mut files, out);
    let stem = subject.trim_end_matches(".jar");
    if stem.ends_with("-sources") {
        expect_sources(compared, &module, &mut files);
    } else if stem.ends_with("-javadoc") {
        mark_documentation(compared, &mut files);
        files.allow_nothing_equal();
    } else {
        expect_classes(compared, &module, &mut files);
    }
    files.compare(subject, package, out);
}

/// Checks that the manifest of a jar loads no other code.
fn check_jar_manifest(
    compared: ComparedPackage<'_>,
    files: &mut FileComparison,
    out: &mut PackageComparison,
) {
    let Some(manifest) = compared.package.file(JAR_MANIFEST) else { return };
    files.mark_generated(JAR_MANIFEST);
    let text = String::from_utf8_lossy(manifest.content.as_deref().unwrap_or_default());
    let names = text.lines().filter_map(|it| it.split_once(':')).map(|(name, _)| name);
    for name in names.filter(|name| LOADING_ATTRIBUTES.iter().any(|it| it.eq_ignore_ascii_case(name))) {
        refute_metadata(compared.subject, format!("{JAR_MANIFEST} has {name}, which loads other code"), out);
    }
}

/// Expects every source of the module. Sources that the build generates cannot be compared.
fn expect_sources(compared: ComparedPackage<'_>, module: &GradleModule<'_>, files: &mut FileComparison) {
    let package = compared.package;
    let has_source_set = package.files.iter().any(|it| it.path.starts_with(SOURCE_SET));
    let root = if has_source_set { SOURCE_SET } else { "" };
    for (path, tree_path, file) in SOURCE_FOLDERS.iter().flat_map(|it| module.files(it)) {
        if is_source(path) {
            files.expect(format!("{root}{path}"), tree_path, file, None);
        } else {
            files.accept(format!("{root}{path}"), tree_path, file, None);
        }
    }
    for (path, tree_path, file) in module.files(RESOURCE_FOLDER) {
        files.accept(format!("{root}{path}"), tree_path, file, None);
    }
    if module.has_generated_sources {
        for file in package.files.iter().filter(|it| is_source(&it.path)) {
            files.mark_opaque(&file.path);
        }
    }
}

fn is_source(path: &str) -> bool {
    SOURCE_ENDINGS.iter().any(|it| path.ends_with(it))
}

/// Accepts classes in packages that have sources, and expects every resource.
fn expect_classes(compared: ComparedPackage<'_>, module: &GradleModule<'_>, files: &mut FileComparison) {
    for (path, tree_path, file) in module.files(RESOURCE_FOLDER) {
        files.expect(path.to_owned(), tree_path, file, None);
    }
    let packages = module.source_packages();
    for file in &compared.package.files {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let is_class =
            name.ends_with(CLASS_ENDING) && (module.has_generated_sources || packages.contains(folder));
        let is_module = folder == "META-INF" && name.ends_with(".kotlin_module");
        if is_class || is_module {
            files.mark_opaque(&file.path);
        } else if name.ends_with(CLASS_ENDING) {
            files.fail(&file.path, "no source in the tag's tree is in this package");
        }
    }
}

fn mark_documentation(compared: ComparedPackage<'_>, files: &mut FileComparison) {
    for file in &compared.package.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        if DOCUMENTATION_ENDINGS.contains(&ending) || DOCUMENTATION_NAMES.contains(&name) {
            files.mark_opaque(&file.path);
        }
    }
}

pub(super) fn compare_pom(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    compare_document(compared, out, pom::differences);
}

pub(super) fn compare_module(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    compare_document(compared, out, gradle_module::differences);
}

/// Returns how a document differs from the tag's tree.
type DocumentRule = fn(&str, &PackageId, &GradleDependencies) -> Result<Vec<String>, String>;

/// Compares a document about an artifact: its coordinates, and its dependencies with those that the build names.
fn compare_document(compared: ComparedPackage<'_>, out: &mut PackageComparison, rule: DocumentRule) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let dependencies = match GradleDependencies::of(id, tree) {
        Ok(dependencies) => dependencies,
        Err(reason) => return not_comparable(METADATA, subject, reason, out),
    };
    let content = package.files.first().and_then(|it| it.content.as_deref()).unwrap_or_default();
    let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8".to_owned());
    match text.and_then(|text| rule(text, id, &dependencies)) {
        Err(reason) => refute_metadata(subject, reason, out),
        Ok(differences) if differences.is_empty() => {
            let evidence = format!("{} {}, with dependencies that the tag's tree names", id.name, id.version);
            out.findings.push(Finding::proven(METADATA, subject, evidence));
        }
        Ok(differences) => {
            for difference in differences.into_iter().take(MAX_NAMED_DIFFERENCES) {
                refute_metadata(subject, difference, out);
            }
        }
    }
}
