//! The metadata of a Gradle module, which Gradle reads instead of the POM (Gradle documentation, "Gradle Module Metadata
//! 1.1 specification").

use model::UntrustedText;
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use serde::Deserialize;
use serde_json::Value;

use super::gradle_dependencies::GradleDependencies;
use super::maven_artifact::{artifact, is_file_of};

#[derive(Deserialize)]
struct ModuleMetadata {
    component: Component,
    #[serde(default)]
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Component {
    group: String,
    module: String,
    version: String,
    /// Where the metadata of the component are, if they are those of another file.
    url: Option<String>,
}

#[derive(Deserialize)]
struct Variant {
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default, rename = "dependencyConstraints")]
    constraints: Vec<Dependency>,
    #[serde(default)]
    files: Vec<VariantFile>,
    /// Another module that has the files of the variant.
    #[serde(rename = "available-at")]
    available_at: Option<Value>,
}

#[derive(Deserialize)]
struct Dependency {
    group: String,
    module: String,
    version: Option<DependencyVersion>,
}

#[derive(Deserialize)]
struct DependencyVersion {
    requires: Option<String>,
    strictly: Option<String>,
}

/// A file of a variant.
#[derive(Deserialize)]
struct VariantFile {
    url: String,
    size: Option<u64>,
    sha512: Option<String>,
    sha256: Option<String>,
    sha1: Option<String>,
    md5: Option<String>,
}

/// A file that the metadata list.
pub(super) struct ListedFile {
    pub(super) name: String,
    pub(super) size: Option<u64>,
    pub(super) digests: Vec<FileDigest>,
}

/// Returns how the metadata differ from what the tag's tree makes.
///
/// # Errors
/// A message if they do not have the form of module metadata.
pub(super) fn differences(
    text: &str,
    id: &PackageId,
    dependencies: &GradleDependencies,
) -> Result<Vec<String>, String> {
    let metadata = parse(text)?;
    let mut differences = Vec::new();
    let group = id.name.split_once(':').map_or("", |(group, _)| group);
    let component = &metadata.component;
    for (name, found, expected) in [
        ("group", &component.group, group),
        ("module", &component.module, artifact(id)),
        ("version", &component.version, &id.version),
    ] {
        if found != expected {
            let found = UntrustedText::new(found).escaped();
            differences.push(format!("it states the {name} {found}, expected {expected}"));
        }
    }
    if component.url.is_some() || metadata.variants.iter().any(|it| it.available_at.is_some()) {
        differences.push("it refers to the metadata of another module".to_owned());
    }
    for dependency in metadata.variants.iter().flat_map(|it| it.dependencies.iter().chain(&it.constraints)) {
        let version = dependency.version.as_ref();
        let version = version.and_then(|it| it.strictly.as_deref().or(it.requires.as_deref()));
        let name = format!("{}:{}", dependency.group, dependency.module);
        differences.extend(dependencies.difference(&name, version));
    }
    for file in metadata.variants.iter().flat_map(|it| &it.files) {
        if file.url.contains(['/', '\\']) || !is_file_of(id, &file.url) {
            let url = UntrustedText::new(&file.url).escaped();
            differences.push(format!("it lists {url}, which is not a file of the version"));
        }
    }
    differences.sort();
    differences.dedup();
    Ok(differences)
}

/// Returns the files that the metadata list, each once for every variant.
pub(super) fn listed_files(text: &str) -> Result<Vec<ListedFile>, String> {
    let files = parse(text)?.variants.into_iter().flat_map(|it| it.files);
    let listed = |file: VariantFile| {
        let stated =
            [("sha512", file.sha512), ("sha256", file.sha256), ("sha1", file.sha1), ("md5", file.md5)];
        let digests = stated.into_iter().filter_map(|(kind, hex)| FileDigest::from_hex(kind, &hex?));
        ListedFile { name: file.url, size: file.size, digests: digests.collect() }
    };
    Ok(files.map(listed).collect())
}

fn parse(text: &str) -> Result<ModuleMetadata, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not module metadata: {error}"))
}
