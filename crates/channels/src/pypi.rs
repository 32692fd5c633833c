//! PyPI: the simple repository API as JSON (PEP 503, 691, 700, 792), the JSON API of a version, and the attestations of
//! a file (PEP 740).

use std::collections::BTreeMap;

use model::base::id::decode_hex;
use model::base::url::encode_segment;
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use model::package::pyproject::normalized_name;
use model::package::python_file_name::{VersionMatch, normal_version, stated_version, version_of_file};
use model::package::registry::{
    ListedVersion, ProjectStatus, PublishedFile, PublishedPackage, Registry, StatedDigest,
};
use model::{Digest, UntrustedText};
use serde::Deserialize;
use transport::{HttpObserver, HttpUrl};

use crate::bounded::{Presence, StatedHashes};
use crate::client::{Answer, DocumentRequest, RegistryClient, check_count, invalid, parse_json, too_large};

/// The media type of the simple index as JSON (PEP 691).
const SIMPLE_HEADERS: &[(&str, &str)] = &[("accept", "application/vnd.pypi.simple.v1+json")];
/// The media type of the attestations of a file (PyPI's documentation, "Index API").
const INTEGRITY_HEADERS: &[(&str, &str)] = &[("accept", "application/vnd.pypi.integrity.v1+json")];
const JSON_HEADERS: &[(&str, &str)] = &[("accept", "application/json")];
/// The longest index of a project. The largest ones on PyPI have some MiB.
const MAX_INDEX_BYTES: u64 = 32 << 20;
/// The longest document about one version or one file.
const MAX_VERSION_BYTES: u64 = 8 << 20;
/// The most files of a version that are audited. Pure Python projects have two.
const MAX_FILES: usize = 100;

#[derive(Deserialize)]
struct SimpleIndex {
    #[serde(default)]
    meta: IndexMeta,
    name: String,
    files: Vec<IndexFile>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default, rename = "project-status")]
    project_status: Option<IndexStatus>,
    /// The URL of the index, after redirects: URLs of files are relative to it.
    #[serde(skip)]
    source: String,
}

#[derive(Default, Deserialize)]
struct IndexMeta {
    #[serde(default, rename = "api-version")]
    api_version: String,
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
    hashes: StatedHashes,
    #[serde(default, rename = "requires-python")]
    requires_python: Option<String>,
    #[serde(default)]
    yanked: Yanked,
    #[serde(default)]
    provenance: Option<String>,
    /// Whether the index serves the metadata of a wheel, or their digests. The later keys are older names (PEP 714).
    #[serde(default, rename = "core-metadata")]
    core_metadata: Presence,
    #[serde(default, rename = "dist-info-metadata")]
    dist_info_metadata: Presence,
    #[serde(default, rename = "data-dist-info-metadata")]
    data_dist_info_metadata: Presence,
}

impl IndexFile {
    /// Returns whether an installer would read the metadata that the index serves beside the file.
    fn has_metadata(&self) -> bool {
        self.core_metadata.0 || self.dist_info_metadata.0 || self.data_dist_info_metadata.0
    }
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
    digests: StatedHashes,
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
    let files: Vec<IndexFile> = index.files.into_iter().filter(|it| is_of_version(it, id)).collect();
    if files.len() > MAX_FILES {
        let reason = format!("{} files of the version, expected at most {MAX_FILES}", files.len());
        return Err(too_large(&index_url(registry, &id.name), &reason));
    }
    let document = if files.is_empty() { document? } else { document.ok().flatten() };
    if files.is_empty() && document.is_none() {
        return Ok(None);
    }
    let listed = |it: &&VersionFile| !files.iter().any(|file| file.filename == it.filename);
    let unlisted = document.iter().flat_map(|it| &it.urls).filter(listed).take(MAX_FILES);
    let mut package = PublishedPackage {
        unlisted_files: unlisted.map(|it| UntrustedText::new(&it.filename)).collect(),
        project_status: index.project_status.map(Into::into),
        ..PublishedPackage::default()
    };
    for file in files {
        package.withdrawals.extend(file.yanked.withdrawal());
        let urls = (index.source.as_str(), registry);
        package.files.push(published_file(client, urls, file, document.as_ref(), observer));
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
    let url = index_url(registry, name);
    check_count(&url, index.versions.len())?;
    check_count(&url, index.files.len())?;
    // Installers choose among the files, whatever `versions` lists.
    let mut listed: BTreeMap<String, Option<UntrustedText>> = BTreeMap::new();
    for version in index.versions {
        listed.entry(normal_version(&version).unwrap_or(version)).or_default();
    }
    for file in &index.files {
        for file_name in [&file.filename, &name_in_url(&file.url)] {
            let version = stated_version(file_name, name).unwrap_or_else(|| file_name.clone());
            let withdrawal = listed.entry(version).or_default();
            *withdrawal = withdrawal.take().or_else(|| file.yanked.withdrawal());
        }
    }
    let versions = listed.into_iter();
    let version = |(text, withdrawal)| ListedVersion { version: UntrustedText::new(text), withdrawal };
    Ok(Some(versions.map(version).collect()))
}

/// Returns the address of a project in the simple index.
fn index_url(registry: &Registry, name: &str) -> String {
    format!("{}/{}/", registry.url(), encode_segment(&normalized_name(name)))
}

fn simple_index(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<SimpleIndex> {
    let url = index_url(registry, name);
    let request = DocumentRequest::new(&url, registry, MAX_INDEX_BYTES).with_headers(SIMPLE_HEADERS);
    let Some(document) = client.located_document(request, observer)? else { return Ok(None) };
    let index = SimpleIndex { source: document.source, ..parse_json(&url, &document.bytes)? };
    // A client must not read a document of another major version (PEP 629).
    let version = &index.meta.api_version;
    if !version.is_empty() && version.split('.').next() != Some("1") {
        return Err(invalid(&url, &format!("version {version} of the simple API, expected 1")));
    }
    Ok(Some(index))
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
    client.json(DocumentRequest::new(&url, registry, MAX_VERSION_BYTES).with_headers(JSON_HEADERS), observer)
}

/// Returns a file of the index, with its digests and its attestations.
fn published_file(
    client: &RegistryClient,
    (source, registry): (&str, &Registry),
    file: IndexFile,
    document: Option<&VersionDocument>,
    observer: HttpObserver<'_>,
) -> PublishedFile {
    let mut stated_digests = stated_digests("simple index", &file.hashes);
    let other = document.and_then(|it| it.urls.iter().find(|it| it.filename == file.filename));
    stated_digests.extend(other.into_iter().flat_map(|it| self::stated_digests("JSON API", &it.digests)));
    // The credentials of the registry are for its own origin.
    let base = HttpUrl::parse(registry.url()).and_then(|it| HttpUrl::parse(&it.join(source)?));
    let absolute = |url: &str| base.as_ref().and_then(|it| it.join(url)).unwrap_or_default();
    let url = absolute(&file.url);
    let metadata = file.has_metadata().then(|| {
        let url = format!("{url}.metadata");
        let request = DocumentRequest::new(&url, registry, MAX_VERSION_BYTES);
        client.document(request, observer).into()
    });
    let attestations = file.provenance.map(|it| {
        let url = absolute(&it);
        let request = DocumentRequest::new(&url, registry, MAX_VERSION_BYTES).with_headers(INTEGRITY_HEADERS);
        client.text(request, observer).into()
    });
    PublishedFile {
        name_in_url: Some(UntrustedText::new(name_in_url(&file.url))),
        name: UntrustedText::new(file.filename),
        url,
        metadata,
        stated_digests,
        other_digests: file.hashes.others.into_iter().map(UntrustedText::new).collect(),
        requires_python: file.requires_python.map(UntrustedText::new),
        attestations,
        ..PublishedFile::default()
    }
}

/// Returns the digests of a document that the suite computes, too.
fn stated_digests(document: &'static str, hashes: &StatedHashes) -> Vec<StatedDigest> {
    let sha256 = hashes.sha256.as_deref().and_then(Digest::from_hex).map(FileDigest::Sha256);
    let sha512 = hashes.sha512.as_deref().and_then(decode_hex).map(FileDigest::Sha512);
    sha256.into_iter().chain(sha512).map(|digest| StatedDigest { document, digest }).collect()
}

/// Returns the file name at the end of a URL. A fragment that names another file is added, because pip reads that one.
fn name_in_url(url: &str) -> String {
    let (path, fragment) = url.split_once('#').unwrap_or((url, ""));
    let path = path.split('?').next().unwrap_or_default();
    let name = percent_encoding::percent_decode_str(path.rsplit('/').next().unwrap_or_default());
    let name = name.decode_utf8_lossy().into_owned();
    if fragment.contains("egg=") { format!("{name}#{fragment}") } else { name }
}

/// Returns whether an installer that is asked for the version may choose a file, by its name or by the end of its URL. A
/// file whose version is unclear belongs to every version.
fn is_of_version(file: &IndexFile, id: &PackageId) -> bool {
    let of = |name: &str| version_of_file(name, &id.name, &id.version) != VersionMatch::Other;
    of(&file.filename) || of(&name_in_url(&file.url))
}
