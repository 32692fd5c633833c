//! PyPI: the simple repository API as JSON (PEP 503, 691, 700, 792), the JSON API of a version, and the attestations of
//! a file (PEP 740).

use std::collections::BTreeMap;

use model::base::url::encode_segment;
use model::package::PackageId;
use model::package::pyproject::normalized_name;
use model::package::registry::{
    FileDigest, ListedVersion, ProjectStatus, PublishedFile, PublishedPackage, Registry, StatedDigest,
};
use model::{Digest, Scheme, UntrustedText, Version};
use serde::Deserialize;
use transport::{HttpObserver, HttpUrl};

use crate::client::{Answer, DocumentRequest, RegistryClient};

/// The media type of the simple index as JSON (PEP 691).
const SIMPLE_HEADERS: &[(&str, &str)] = &[("accept", "application/vnd.pypi.simple.v1+json")];
/// The media type of the attestations of a file (PyPI's documentation, "Index API").
const INTEGRITY_HEADERS: &[(&str, &str)] = &[("accept", "application/vnd.pypi.integrity.v1+json")];
const JSON_HEADERS: &[(&str, &str)] = &[("accept", "application/json")];
/// The longest index of a project. The largest ones on PyPI have some MiB.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// The longest document about one version or one file.
const MAX_VERSION_BYTES: u64 = 8 << 20;
/// The most files of a version that are audited.
const MAX_FILES: usize = 1000;

#[derive(Deserialize)]
struct SimpleIndex {
    name: String,
    files: Vec<IndexFile>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default, rename = "project-status")]
    project_status: Option<IndexStatus>,
}

/// The status of a project (PEP 792).
#[derive(Deserialize)]
struct IndexStatus {
    #[serde(default)]
    status: String,
    #[serde(default)]
    reason: String,
}

impl From<IndexStatus> for ProjectStatus {
    fn from(status: IndexStatus) -> Self {
        Self { status: UntrustedText::new(status.status), reason: UntrustedText::new(status.reason) }
    }
}

#[derive(Deserialize)]
struct IndexFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(default)]
    yanked: Yanked,
    #[serde(default)]
    provenance: Option<String>,
}

/// `yanked` of a file: whether, or why (PEP 592).
#[derive(Deserialize)]
#[serde(untagged)]
enum Yanked {
    Flag(bool),
    Reason(String),
}

impl Default for Yanked {
    fn default() -> Self {
        Self::Flag(false)
    }
}

impl Yanked {
    fn withdrawal(&self) -> Option<UntrustedText> {
        match self {
            Self::Flag(false) => None,
            Self::Flag(true) => Some(UntrustedText::new("yanked")),
            Self::Reason(reason) => Some(UntrustedText::new(format!("yanked: {reason}"))),
        }
    }
}

/// The JSON API's answer for a version.
#[derive(Deserialize)]
struct VersionDocument {
    info: VersionInfo,
    #[serde(default)]
    urls: Vec<VersionFile>,
}

#[derive(Deserialize)]
struct VersionInfo {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct VersionFile {
    filename: String,
    #[serde(default)]
    digests: BTreeMap<String, String>,
}

/// Asks the index for a version. If it lists no file of the version, but the JSON API knows the version, the index is
/// stale: the result then has no files.
pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let index = simple_index(client, registry, &id.name, observer)?;
    // Only PyPI itself and few mirrors have the JSON API, so that it cannot be used means nothing if the index has files.
    let document = version_document(client, registry, id, observer);
    let Some(index) = index else { return Ok(document?.map(|_| PublishedPackage::default())) };
    let files = index.files.into_iter().filter(|it| is_of_version(&it.filename, id));
    let files: Vec<IndexFile> = files.take(MAX_FILES).collect();
    let document = if files.is_empty() { document? } else { document.ok().flatten() };
    if files.is_empty() && document.is_none() {
        return Ok(None);
    }
    let mut package =
        PublishedPackage { project_status: index.project_status.map(Into::into), ..Default::default() };
    for file in files {
        package.withdrawals.extend(file.yanked.withdrawal());
        package.files.push(published_file(client, registry, file, document.as_ref(), observer));
    }
    package.withdrawals.dedup();
    let (name, version) =
        document.map_or((index.name, id.version.clone()), |it| (it.info.name, it.info.version));
    package.stated_id = Some((UntrustedText::new(name), UntrustedText::new(version)));
    Ok(Some(package))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let Some(index) = simple_index(client, registry, name, observer)? else { return Ok(None) };
    let withdrawal = |version: &str| {
        let id = PackageId { name: name.to_owned(), version: version.to_owned() };
        index.files.iter().filter(|it| is_of_version(&it.filename, &id)).find_map(|it| it.yanked.withdrawal())
    };
    let listed = |it: &String| ListedVersion { version: UntrustedText::new(it), withdrawal: withdrawal(it) };
    Ok(Some(index.versions.iter().map(listed).collect()))
}

fn simple_index(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<SimpleIndex> {
    let url = format!("{}/{}/", registry.url(), encode_segment(&normalized_name(name)));
    client.json(DocumentRequest { url: &url, headers: SIMPLE_HEADERS, max_bytes: MAX_INDEX_BYTES }, observer)
}

/// Asks the JSON API for a version. Only PyPI itself and few mirrors have it, so its absence means nothing.
fn version_document(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<VersionDocument> {
    let Some(root) = registry.url().strip_suffix("/simple") else { return Ok(None) };
    let (name, version) = (encode_segment(&normalized_name(&id.name)), encode_segment(&id.version));
    let url = format!("{root}/pypi/{name}/{version}/json");
    client.json(DocumentRequest { url: &url, headers: JSON_HEADERS, max_bytes: MAX_VERSION_BYTES }, observer)
}

/// Returns a file of the index, with its digests and its attestations.
fn published_file(
    client: &RegistryClient,
    registry: &Registry,
    file: IndexFile,
    document: Option<&VersionDocument>,
    observer: HttpObserver<'_>,
) -> PublishedFile {
    let sha256 = |document: &'static str, digests: &BTreeMap<String, String>| {
        let digest = FileDigest::Sha256(Digest::from_hex(digests.get("sha256")?)?);
        Some(StatedDigest { document, digest })
    };
    let mut stated_digests: Vec<StatedDigest> = sha256("simple index", &file.hashes).into_iter().collect();
    let other = document.and_then(|it| it.urls.iter().find(|it| it.filename == file.filename));
    stated_digests.extend(other.and_then(|it| sha256("JSON API", &it.digests)));
    let base = format!("{}/x/", registry.url());
    let absolute = |url: &str| HttpUrl::parse(&base).and_then(|it| it.join(url));
    let url = absolute(&file.url).unwrap_or_default();
    let attestations = file.provenance;
    let attestations =
        attestations.map(|it| provenance(client, &absolute(&it).unwrap_or_default(), observer).into());
    PublishedFile { name: UntrustedText::new(file.filename), url, stated_digests, attestations }
}

/// Fetches the attestations of a file.
fn provenance(client: &RegistryClient, url: &str, observer: HttpObserver<'_>) -> Answer<String> {
    client.text(DocumentRequest { url, headers: INTEGRITY_HEADERS, max_bytes: MAX_VERSION_BYTES }, observer)
}

/// Returns whether a file name states this project and version. What follows the version tells wheels, source
/// distributions and older formats apart, so every file of the version is found.
fn is_of_version(file_name: &str, id: &PackageId) -> bool {
    let wanted = normalized_name(&id.name);
    let version = |text: &str| Version::parse(Scheme::Pep440, text).ok().map(|it| it.canonical());
    let Some(expected) = version(&id.version) else { return false };
    let starts = file_name.match_indices('-').map(|(at, _)| at);
    starts.filter(|start| normalized_name(&file_name[..*start]) == wanted).any(|start| {
        let rest = file_name[start + 1..].split('-').next().unwrap_or_default();
        // The longest text that is a version decides: `1.0` is not the version of `x-1.0.1.tar.gz`.
        let ends = rest.match_indices('.').map(|(at, _)| at).chain([rest.len()]);
        let ends: Vec<usize> = ends.collect();
        ends.iter().rev().find_map(|end| version(&rest[..*end])) == Some(expected.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_assigned_to_versions() {
        let of = |file: &str, version: &str| {
            is_of_version(file, &PackageId { name: "my-widgets".to_owned(), version: version.to_owned() })
        };
        for file in [
            "my_widgets-1.0.0-py3-none-any.whl",
            "my_widgets-1.0.0-1-py3-none-any.whl",
            "my-widgets-1.0.0.tar.gz",
            "My.Widgets-1.0.0.zip",
            "my_widgets-1.0.0-py3.10.egg",
            "my_widgets-1.0.0.win-amd64.exe",
        ] {
            assert!(of(file, "1.0.0"), "{file}");
            for other in ["1.0.1", "1.0.0.1", "1.0.0rc1", "1"] {
                assert!(!of(file, other), "{file} {other}");
            }
        }
        assert!(of("my_widgets-1.0.0.dev1-py3-none-any.whl", "1.0.0.dev1"));
        assert!(!of("my_widgets-1.0.0.dev1-py3-none-any.whl", "1.0.0"));
        assert!(!of("my_widgets-1.0.0.1.tar.gz", "1.0.0"));
        assert!(!of("my_widgets_extra-1.0.0.tar.gz", "1.0.0"));
        assert!(!of("widgets-1.0.0.tar.gz", "1.0.0"));
    }
}
