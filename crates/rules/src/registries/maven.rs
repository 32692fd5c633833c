//! What the files of a Maven artifact contain that Gradle builds from a module of the repository (Gradle documentation,
//! "The Java Library Plugin" and "Maven Publish Plugin"). Sources are compared byte for byte. Classes and documentation are
//! made by the build, and only their places are checked.

use model::UntrustedText;
use model::evidence::verdict::Finding;
use model::package::PackageComparison;

use super::compared_package::{
    ComparedPackage, FILES, MAX_NAMED_DIFFERENCES, METADATA, not_comparable, refute_metadata,
};
use super::file_comparison::FileComparison;
use super::gradle_dependencies::{DocumentDifferences, GradleDependencies};
use super::gradle_project::{BUILD_SCRIPT, GradleProject, SETTINGS, SOURCE_FOLDERS};
use super::maven_artifact::artifact;
use super::{gradle_module, pom};

const JAR_MANIFEST: &str = "META-INF/MANIFEST.MF";
const LICENSE: &str = "LICENSE";
const RESOURCE_FOLDER: &str = "src/main/resources";
/// The endings of sources.
const SOURCE_ENDINGS: [&str; 2] = [".kt", ".java"];
const CLASS_ENDING: &str = ".class";
/// The folder that the Kotlin plugin adds before sources.
const SOURCE_SET: &str = "main/";
/// The attributes of a jar's manifest that describe it (Oracle, "JAR File Specification"). Others make a program load other
/// code, or read other files in the jar.
const DESCRIBING_ATTRIBUTES: [&str; 9] = [
    "Automatic-Module-Name",
    "Build-Jdk-Spec",
    "Created-By",
    "Implementation-Title",
    "Implementation-Vendor",
    "Implementation-Version",
    "Manifest-Version",
    "Specification-Title",
    "Specification-Version",
];
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
    matches!(name, BUILD_SCRIPT | SETTINGS | "libs.versions.toml")
}

pub(super) fn compare_jar(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let Some(module) = GradleProject::find(id, tree) else {
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

/// Checks that the manifest of a jar only describes it.
fn check_jar_manifest(
    compared: ComparedPackage<'_>,
    files: &mut FileComparison,
    out: &mut PackageComparison,
) {
    let Some(manifest) = compared.package.file(JAR_MANIFEST) else { return };
    files.mark_generated(JAR_MANIFEST);
    let text = String::from_utf8_lossy(manifest.content.as_deref().unwrap_or_default());
    // Each of CR, LF and CR LF ends a line, and a space continues the one before.
    for line in text.split(['\r', '\n']).filter(|it| !it.is_empty() && !it.starts_with(' ')) {
        let name = line.split_once(':').map_or(line, |it| it.0);
        if !DESCRIBING_ATTRIBUTES.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            let name = UntrustedText::new(name).escaped();
            refute_metadata(
                compared.subject,
                format!("{JAR_MANIFEST} has {name}, which may load other code"),
                out,
            );
        }
    }
}

/// Expects every source of the module. Sources that the build generates cannot be compared.
fn expect_sources(compared: ComparedPackage<'_>, module: &GradleProject<'_>, files: &mut FileComparison) {
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
        let is_generated = |path: &str| {
            let path = path.strip_prefix(root)?;
            let folder = path.rsplit_once('/')?.0;
            (is_source(path) && module.may_generate(folder)).then_some(())
        };
        for file in package.files.iter().filter(|it| is_generated(&it.path).is_some()) {
            files.mark_opaque(&file.path);
        }
    }
}

fn is_source(path: &str) -> bool {
    SOURCE_ENDINGS.iter().any(|it| path.ends_with(it))
}

/// Accepts classes in packages that have sources, and expects every resource.
fn expect_classes(compared: ComparedPackage<'_>, module: &GradleProject<'_>, files: &mut FileComparison) {
    for (path, tree_path, file) in module.files(RESOURCE_FOLDER) {
        files.expect(path.to_owned(), tree_path, file, None);
    }
    let packages = module.source_packages();
    for file in &compared.package.files {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let has_source =
            packages.contains(folder) || module.has_generated_sources && module.may_generate(folder);
        let is_class = name.ends_with(CLASS_ENDING) && has_source;
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
    compare_document(compared, out, pom::compare);
}

pub(super) fn compare_module(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    compare_document(compared, out, gradle_module::compare);
}

/// Adds how a document differs from the tag's tree.
type DocumentRule = fn(&str, &GradleDependencies, &mut DocumentDifferences) -> Result<(), String>;

/// Compares a document about an artifact: its coordinates, and its dependencies with those that the build names.
fn compare_document(compared: ComparedPackage<'_>, out: &mut PackageComparison, rule: DocumentRule) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let dependencies = match GradleDependencies::of(id, tree) {
        Ok(dependencies) => dependencies,
        Err(reason) => return not_comparable(METADATA, subject, reason, out),
    };
    let content = package.files.first().and_then(|it| it.content.as_deref()).unwrap_or_default();
    let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8".to_owned());
    let mut found = DocumentDifferences::default();
    if let Err(reason) = text.and_then(|text| rule(text, &dependencies, &mut found)) {
        return refute_metadata(subject, reason, out);
    }
    if let Some(reason) = found.uncertain.into_iter().next() {
        not_comparable(METADATA, subject, reason, out);
    } else if found.differences.is_empty() {
        let evidence = format!("{} {}, with dependencies that the tag's tree names", id.name, id.version);
        out.findings.push(Finding::proven(METADATA, subject, evidence));
    }
    for difference in found.differences.into_iter().take(MAX_NAMED_DIFFERENCES) {
        refute_metadata(subject, difference, out);
    }
}
