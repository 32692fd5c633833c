//! What a NuGet package contains (Microsoft documentation, ".nuspec File Reference"; the files that every package has are
//! those of the Open Packaging Conventions, ECMA-376-2).

use model::base::xml::XmlElement;
use model::package::{PackageComparison, PackageId};

use super::compared_package::{ComparedPackage, FILES, not_comparable, refute_metadata};
use super::csharp_project::CsharpProject;
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
    let parsed = |path: &str| XmlElement::parse(content(path)?).ok();
    let expected = [format!("/{}{NUSPEC_ENDING}", id.name), format!("/{properties}")];
    if parsed(RELATIONSHIPS).is_none_or(|it| !points_to(&it, &expected)) {
        refute_metadata(subject, format!("{RELATIONSHIPS} points to other files than the manifest"), out);
    }
    let states = |document: &XmlElement| {
        let is = |name: &str, expected: &str| document.child_text(name).eq_ignore_ascii_case(expected);
        is("identifier", &id.name) && is("version", &id.version) && document.repeated_child().is_none()
    };
    if parsed(properties).is_none_or(|it| !states(&it)) {
        refute_metadata(subject, format!("{properties} does not name {} {}", id.name, id.version), out);
    }
    if parsed(CONTENT_TYPES).is_none_or(|it| it.name != "Types") {
        refute_metadata(subject, format!("{CONTENT_TYPES} is not a list of content types"), out);
    }
    for path in [RELATIONSHIPS, CONTENT_TYPES, properties] {
        files.mark_generated(path);
    }
}

/// Returns whether relationships point to these files in the package, and to nothing else.
fn points_to(relationships: &XmlElement, expected: &[String]) -> bool {
    let targets: Option<Vec<&str>> = relationships
        .children
        .iter()
        .map(|it| {
            let is_internal = it.children.is_empty() && it.attribute("TargetMode").is_none();
            it.attribute("Target").filter(|_| is_internal)
        })
        .collect();
    targets.is_some_and(|targets| {
        targets.len() == expected.len()
            && expected.iter().all(|it| targets.iter().any(|target| target.eq_ignore_ascii_case(it)))
    })
}

fn text(content: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(content?).ok()
}
