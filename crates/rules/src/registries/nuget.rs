//! What a NuGet package contains (Microsoft documentation, ".nuspec File Reference"; the files that every package has are
//! those of the Open Packaging Conventions, ECMA-376-2).

use model::package::{PackageComparison, PackageId};
use roxmltree::Document;

use super::compared_package::{ComparedPackage, FILES, not_comparable, refute_metadata};
use super::csharp_project::{CsharpProject, without_mark};
use super::file_comparison::FileComparison;
use super::nuspec;

/// The file that makes a folder that of a package: NuGet shows it, so every package of the repository has it.
pub(super) const MANIFEST: &str = "README.md";
/// The signature that a registry adds.
const SIGNATURE: &str = ".signature.p7s";
const RELATIONSHIPS: &str = "_rels/.rels";
const CONTENT_TYPES: &str = "[Content_Types].xml";
/// The folder of the core properties, a file with a random name.
const PROPERTIES_FOLDER: &str = "package/services/metadata/core-properties/";
const PROPERTIES_ENDING: &str = ".psmdcp";
const NUSPEC_ENDING: &str = ".nuspec";

/// Returns whether the content of a file in a package is read.
pub(super) fn reads_packaged_content(path: &str) -> bool {
    [NUSPEC_ENDING, PROPERTIES_ENDING].iter().any(|it| path.ends_with(it))
        || matches!(path, RELATIONSHIPS | CONTENT_TYPES)
}

/// Returns whether a file name is that of a package.
pub(super) fn is_file_of(id: &PackageId, file_name: &str) -> bool {
    file_name.eq_ignore_ascii_case(&format!("{}.{}.nupkg", id.name, id.version))
}

pub(super) fn compare(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let project = match CsharpProject::find(&id.name, tree) {
        Ok(project) => project,
        Err(reason) => return not_comparable(FILES, subject, reason, out),
    };
    let mut files = FileComparison::default();
    for (source, target) in &project.packed_files {
        if let Some(file) = tree.in_folder(source) {
            files.expect(target.clone(), tree.path_of(source), file, None);
        }
    }
    for path in built_files(&project) {
        match package.file(&path) {
            Some(_) => files.mark_opaque(&path),
            None => files.fail(&path, "missing in the package; the project file builds it"),
        }
    }
    let manifest = package.files.iter().find(|it| !it.path.contains('/') && it.path.ends_with(NUSPEC_ENDING));
    let manifest = manifest.filter(|it| it.path.eq_ignore_ascii_case(&format!("{}{NUSPEC_ENDING}", id.name)));
    match manifest.and_then(|it| Some((&it.path, text(it.content.as_deref())?))) {
        Some((path, text)) => {
            files.mark_generated(path);
            nuspec::compare(compared, text, &project, out);
        }
        None => files.fail(&format!("{}{NUSPEC_ENDING}", id.name), "missing in the package, or not UTF-8"),
    }
    check_conventions(compared, &mut files, out);
    if package.file(SIGNATURE).is_some() {
        files.mark_generated(SIGNATURE);
    }
    files.compare(subject, package, out);
}

/// Returns the files that the compiler makes.
fn built_files(project: &CsharpProject) -> Vec<String> {
    let endings: &[&str] = if project.has_documentation { &["dll", "xml"] } else { &["dll"] };
    let path = |framework: &String, ending: &str| format!("lib/{framework}/{}.{ending}", project.assembly);
    project
        .frameworks
        .iter()
        .flat_map(|it| endings.iter().map(|ending| path(it, ending)).collect::<Vec<_>>())
        .collect()
}

/// Checks the files of the Open Packaging Conventions: the relationships point to the manifest and to the core properties,
/// which name the package, and there is one of each.
fn check_conventions(compared: ComparedPackage<'_>, files: &mut FileComparison, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, .. } = compared;
    let properties: Vec<&str> = package
        .files
        .iter()
        .map(|it| it.path.as_str())
        .filter(|it| {
            let name = it.strip_prefix(PROPERTIES_FOLDER).and_then(|it| it.strip_suffix(PROPERTIES_ENDING));
            name.is_some_and(|it| it.len() == 32 && it.bytes().all(|byte| byte.is_ascii_hexdigit()))
        })
        .collect();
    let [properties] = properties[..] else {
        return refute_metadata(
            subject,
            format!("{} files of core properties, expected 1", properties.len()),
            out,
        );
    };
    let content = |path: &str| text(package.file(path)?.content.as_deref());
    let parsed = |path: &str| Document::parse(without_mark(content(path)?)).ok();
    let targets: Option<Vec<String>> = parsed(RELATIONSHIPS).map(|it| {
        let elements = it.root_element().children().filter(roxmltree::Node::is_element);
        elements.filter_map(|it| it.attribute("Target").map(str::to_ascii_lowercase)).collect()
    });
    let expected = [
        format!("/{}{NUSPEC_ENDING}", id.name).to_ascii_lowercase(),
        format!("/{properties}").to_ascii_lowercase(),
    ];
    let mut targets = targets.unwrap_or_default();
    targets.sort_by_key(|it| !it.ends_with(NUSPEC_ENDING));
    if targets != expected {
        refute_metadata(subject, format!("{RELATIONSHIPS} points to other files than the manifest"), out);
    }
    let names: Option<Vec<(String, String)>> = parsed(properties).map(|it| {
        let elements = it.root_element().children().filter(roxmltree::Node::is_element);
        let stated = |it: roxmltree::Node<'_, '_>| {
            (it.tag_name().name().to_owned(), it.text().unwrap_or_default().trim().to_owned())
        };
        elements.map(stated).collect()
    });
    let states = |name: &str, expected: &str| {
        names.iter().flatten().any(|it| it.0 == name && it.1.eq_ignore_ascii_case(expected))
    };
    if !states("identifier", &id.name) || !states("version", &id.version) {
        refute_metadata(subject, format!("{properties} does not name {} {}", id.name, id.version), out);
    }
    if parsed(CONTENT_TYPES).is_none_or(|it| it.root_element().tag_name().name() != "Types") {
        refute_metadata(subject, format!("{CONTENT_TYPES} is not a list of content types"), out);
    }
    for path in [RELATIONSHIPS, CONTENT_TYPES, properties] {
        files.mark_generated(path);
    }
}

fn text(content: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(content?).ok()
}
