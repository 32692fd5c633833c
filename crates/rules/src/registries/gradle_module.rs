//! The metadata of a Gradle module, which Gradle reads instead of the POM (Gradle documentation, "Gradle Module Metadata
//! 1.1 specification").

use model::UntrustedText;
use model::package::file_digest::FileDigest;
use serde::Deserialize;
use serde_json::Value;

use super::gradle_dependencies::{DocumentDifferences, GradleDependencies};
use super::maven_artifact::is_file_of;

/// The versions of the format.
const FORMAT_VERSIONS: [&str; 2] = ["1.0", "1.1"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModuleMetadata {
    format_version: String,
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
    #[serde(default)]
    capabilities: Vec<Capability>,
    /// Another module that has the files of the variant.
    #[serde(rename = "available-at")]
    available_at: Option<Value>,
}

#[derive(Deserialize)]
struct Dependency {
    group: String,
    module: String,
    version: Option<DependencyVersion>,
    /// What is left out of the dependencies of the dependency.
    #[serde(default)]
    excludes: Vec<Value>,
    #[serde(default, rename = "requestedCapabilities")]
    requested_capabilities: Vec<Value>,
    /// Another file of the artifact than that of the variant.
    #[serde(rename = "thirdPartyCompatibility")]
    third_party: Option<Value>,
}

/// What a variant takes the place of. By default it is the component.
#[derive(Deserialize)]
struct Capability {
    group: String,
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct DependencyVersion {
    requires: Option<String>,
    strictly: Option<String>,
    prefers: Option<String>,
    #[serde(default)]
    rejects: Vec<String>,
}

/// A file of a variant.
#[derive(Deserialize)]
struct VariantFile {
    /// The name under which a client keeps the file.
    name: String,
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
    /// The kind of a digest that is stated and cannot be read.
    pub(super) unreadable: Option<&'static str>,
}

impl ListedFile {
    /// Returns whether a digest is stated that no other file can be made for: SHA-256 or SHA-512.
    pub(super) fn is_strong(&self) -> bool {
        self.digests.iter().any(|it| matches!(it, FileDigest::Sha256(_) | FileDigest::Sha512(_)))
    }
}

/// Adds how the metadata differ from what the tag's tree makes.
///
/// # Errors
/// A message if they do not have the form of module metadata.
pub(super) fn compare(
    text: &str,
    dependencies: &GradleDependencies<'_>,
    out: &mut DocumentDifferences,
) -> Result<(), String> {
    let metadata = parse(text)?;
    let component = &metadata.component;
    let stated =
        [("group", &component.group), ("module", &component.module), ("version", &component.version)];
    dependencies.compare_coordinates(stated.map(|it| (it.0, it.1.as_str())), out);
    if component.url.is_some() || metadata.variants.iter().any(|it| it.available_at.is_some()) {
        out.add("it refers to the metadata of another module");
    }
    if metadata.variants.is_empty() {
        out.add("it has no variant");
    }
    for variant in &metadata.variants {
        for dependency in variant.dependencies.iter().chain(&variant.constraints) {
            compare_dependency(dependency, dependencies, out);
        }
        for capability in &variant.capabilities {
            let is_own = capability.group == component.group
                && capability.name == component.module
                && capability.version.as_ref().is_none_or(|it| *it == component.version);
            if !is_own {
                let name = UntrustedText::new(format!("{}:{}", capability.group, capability.name)).escaped();
                out.add(format!("it takes the place of {name}"));
            }
        }
    }
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '+');
    for file in metadata.variants.iter().flat_map(|it| &it.files) {
        let is_plain = file.url.chars().all(is_plain) && file.name == file.url;
        if !is_plain || !is_file_of(dependencies.id, &file.url) {
            let url = UntrustedText::new(&file.url).escaped();
            out.add(format!("it lists {url}, which is not a file of the version"));
        }
    }
    Ok(())
}

/// Adds how a dependency differs from what the tag's tree names. Gradle may choose any of the versions in it.
fn compare_dependency(
    dependency: &Dependency,
    dependencies: &GradleDependencies<'_>,
    out: &mut DocumentDifferences,
) {
    let name = format!("{}:{}", dependency.group, dependency.module);
    dependencies.compare(&name, None, out);
    let shown = UntrustedText::new(&name).escaped();
    if dependency.third_party.is_some() {
        out.add(format!("it depends on a special file of {shown}"));
    }
    if !dependency.excludes.is_empty() || !dependency.requested_capabilities.is_empty() {
        out.uncertain.insert(format!("it uses only a part of {shown}"));
    }
    let Some(version) = &dependency.version else { return };
    for stated in [&version.requires, &version.strictly, &version.prefers].into_iter().flatten() {
        dependencies.compare(&name, Some(stated), out);
    }
    if !version.rejects.is_empty() {
        out.uncertain.insert(format!("it rejects versions of {shown}"));
    }
}

/// Returns the files that the metadata list, each once for every variant.
pub(super) fn listed_files(text: &str) -> Result<Vec<ListedFile>, String> {
    let files = parse(text)?.variants.into_iter().flat_map(|it| it.files);
    let listed = |file: VariantFile| {
        let stated =
            [("sha512", file.sha512), ("sha256", file.sha256), ("sha1", file.sha1), ("md5", file.md5)];
        let stated: Vec<_> =
            stated.into_iter().filter_map(|(kind, hex)| Some((kind, hex?.to_ascii_lowercase()))).collect();
        let digests: Vec<_> =
            stated.iter().map(|(kind, hex)| (*kind, FileDigest::from_hex(kind, hex))).collect();
        ListedFile {
            name: file.url,
            size: file.size,
            unreadable: digests.iter().find(|it| it.1.is_none()).map(|it| it.0),
            digests: digests.into_iter().filter_map(|it| it.1).collect(),
        }
    };
    Ok(files.map(listed).collect())
}

fn parse(text: &str) -> Result<ModuleMetadata, String> {
    let metadata: ModuleMetadata =
        serde_json::from_str(text).map_err(|error| format!("it is not module metadata: {error}"))?;
    if !FORMAT_VERSIONS.contains(&metadata.format_version.as_str()) {
        let version = UntrustedText::new(&metadata.format_version).escaped();
        return Err(format!(
            "it has the format version {version}, expected {}",
            FORMAT_VERSIONS.join(" or ")
        ));
    }
    Ok(metadata)
}
