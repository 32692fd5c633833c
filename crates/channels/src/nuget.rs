//! A NuGet registry with the API v3: the service index, the flat container, the registration of a version, and the
//! certificates that the registry signs with (Microsoft documentation, "NuGet Server API").

use std::collections::BTreeMap;

use archive::gunzip_document;
use model::UntrustedText;
use model::base::{base64, url::encode_segment};
use model::evidence::lookup::Unavailable;
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use model::package::registry::{
    ListedVersion, PublishedFile, PublishedPackage, Registry, SigningCertificates, StatedDigest,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use transport::HttpObserver;

use crate::client::{Answer, DocumentRequest, RegistryClient, check_count, invalid, parse_json, too_large};

/// The longest document, in bytes. The registration of a package with thousands of versions has some MiB.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;
/// The most pages of a registration that are read. A page has up to 64 versions.
const MAX_PAGES: usize = 100;
/// The algorithm id of SHA-256, under which the registry lists fingerprints (RFC 5754, 2.2).
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
/// The first bytes of a gzip member (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The types of the resources that are used, the preferred version first ("Service index").
const FLAT_CONTAINER: &str = "PackageBaseAddress/3.0.0";
const REGISTRATIONS: [&str; 3] =
    ["RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl/Versioned", "RegistrationsBaseUrl"];
const SIGNATURES: [&str; 3] =
    ["RepositorySignatures/5.0.0", "RepositorySignatures/4.9.0", "RepositorySignatures/4.7.0"];

#[derive(Deserialize)]
struct ServiceIndex {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: TypeNames,
}

/// The type of a resource: JSON-LD allows several.
#[derive(Deserialize)]
#[serde(untagged)]
enum TypeNames {
    One(String),
    Several(Vec<String>),
}

impl TypeNames {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|it| it == wanted),
        }
    }
}

impl ServiceIndex {
    /// Returns the address of the first resource of one of these types, without a slash at its end.
    fn address(&self, kinds: &[&str]) -> Option<&str> {
        let find = |kind: &&str| self.resources.iter().find(|it| it.kind.contains(kind));
        kinds.iter().find_map(find).map(|it| it.id.trim_end_matches('/'))
    }
}

#[derive(Deserialize)]
struct VersionList {
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct Registration {
    items: Vec<RegistrationPage>,
}

#[derive(Deserialize)]
struct RegistrationPage {
    #[serde(rename = "@id")]
    id: String,
    items: Option<Vec<RegistrationLeaf>>,
}

#[derive(Deserialize)]
struct RegistrationLeaf {
    #[serde(rename = "catalogEntry")]
    entry: CatalogEntry,
}

/// What the registration states about a version.
#[derive(Clone, Deserialize)]
struct CatalogEntry {
    /// The address of the catalog's document about the version.
    #[serde(rename = "@id")]
    url: String,
    id: String,
    version: String,
    listed: Option<bool>,
    deprecation: Option<Deprecation>,
}

#[derive(Clone, Deserialize)]
struct Deprecation {
    message: Option<String>,
    #[serde(default)]
    reasons: Vec<String>,
}

/// The catalog's document about a version ("Catalog", "Package details catalog items").
#[derive(Deserialize)]
struct CatalogLeaf {
    #[serde(rename = "packageHash")]
    hash: String,
    #[serde(rename = "packageHashAlgorithm")]
    algorithm: String,
}

/// The certificates of the registry's signatures ("Repository signatures").
#[derive(Deserialize)]
struct RepositorySignatures {
    #[serde(rename = "allRepositorySigned")]
    all_signed: bool,
    #[serde(rename = "signingCertificates")]
    certificates: Vec<SigningCertificate>,
}

#[derive(Deserialize)]
struct SigningCertificate {
    fingerprints: BTreeMap<String, String>,
}

/// The registry's documents.
struct NugetApi<'a> {
    client: &'a RegistryClient,
    registry: &'a Registry,
    index: ServiceIndex,
}

pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let api = NugetApi::open(client, registry, observer)?;
    let flat_container = api.flat_container()?;
    let (name, version) = (encode_segment(&lower_case(&id.name)), encode_segment(&lower_case(&id.version)));
    let list_url = format!("{flat_container}/{name}/index.json");
    let Some(list) = api.document::<VersionList>(&list_url, observer)? else { return Ok(None) };
    if !list.versions.iter().any(|it| lower_case(it) == lower_case(&id.version)) {
        return Ok(None);
    }
    let entry = api.catalog_entry(id, observer)?;
    let file_name = format!("{name}.{version}.nupkg");
    let mut file = PublishedFile {
        url: format!("{flat_container}/{name}/{version}/{file_name}"),
        name: UntrustedText::new(file_name),
        ..PublishedFile::default()
    };
    let mut package = PublishedPackage {
        signing_certificates: Some(api.signing_certificates(observer).into()),
        ..PublishedPackage::default()
    };
    if let Some(entry) = entry {
        file.stated_digests.extend(api.stated_digest(&entry.url, observer)?);
        package.withdrawals = entry.withdrawals();
        package.stated_id = Some((UntrustedText::new(entry.id), UntrustedText::new(entry.version)));
    }
    package.files.push(file);
    Ok(Some(package))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let api = NugetApi::open(client, registry, observer)?;
    let flat_container = api.flat_container()?;
    let url = format!("{flat_container}/{}/index.json", encode_segment(&lower_case(name)));
    let Some(list) = api.document::<VersionList>(&url, observer)? else { return Ok(None) };
    check_count(&url, list.versions.len())?;
    let mut withdrawals: BTreeMap<String, Option<UntrustedText>> = BTreeMap::new();
    api.visit_registration(
        name,
        &mut |entry| {
            let withdrawal = || entry.withdrawals().into_iter().next();
            withdrawals.entry(lower_case(&entry.version)).or_insert_with(withdrawal);
            false
        },
        observer,
    )?;
    let listed = |version: String| {
        let withdrawal = withdrawals.get(&lower_case(&version)).cloned().flatten();
        ListedVersion { version: UntrustedText::new(version), withdrawal }
    };
    Ok(Some(list.versions.into_iter().map(listed).collect()))
}

impl CatalogEntry {
    /// Returns why the version was withdrawn. Registries leave `listed` out of versions that are listed.
    fn withdrawals(&self) -> Vec<UntrustedText> {
        let unlisted = (self.listed == Some(false)).then(|| UntrustedText::new("unlisted"));
        let deprecated = self.deprecation.as_ref().map(|it| {
            let reasons = it.reasons.join(", ");
            let message = it.message.as_deref().unwrap_or_default();
            let separator = if message.is_empty() { "" } else { ": " };
            UntrustedText::new(format!("deprecated ({reasons}){separator}{message}"))
        });
        unlisted.into_iter().chain(deprecated).collect()
    }
}

impl<'a> NugetApi<'a> {
    /// Reads the service index, which is the address of a NuGet registry.
    fn open(
        client: &'a RegistryClient,
        registry: &'a Registry,
        observer: HttpObserver<'_>,
    ) -> Result<Self, Unavailable> {
        let url = registry.url();
        let request = DocumentRequest::new(url, registry, MAX_DOCUMENT_BYTES);
        let index = client.json(request, observer)?;
        let index =
            index.ok_or_else(|| invalid(url, "not found; expected the service index of the API v3"))?;
        Ok(Self { client, registry, index })
    }

    /// Returns the address of the packages, without which there is nothing to download.
    fn flat_container(&self) -> Result<&str, Unavailable> {
        let missing = || invalid(self.registry.url(), &format!("the service index has no {FLAT_CONTAINER}"));
        self.index.address(&[FLAT_CONTAINER]).ok_or_else(missing)
    }

    /// Fetches a JSON document, which the registry may have compressed, whatever the request accepts.
    fn document<T: DeserializeOwned>(&self, url: &str, observer: HttpObserver<'_>) -> Answer<T> {
        let request = DocumentRequest::new(url, self.registry, MAX_DOCUMENT_BYTES);
        let Some(mut bytes) = self.client.document(request, observer)? else { return Ok(None) };
        if bytes.starts_with(&GZIP_MAGIC) {
            let limit = MAX_DOCUMENT_BYTES;
            bytes = gunzip_document(&bytes, limit).map_err(|error| invalid(url, &error.to_string()))?;
        }
        parse_json(url, &bytes).map(Some)
    }

    /// Passes what the registration states about each version of a package, until `visit` returns true.
    fn visit_registration(
        &self,
        name: &str,
        visit: &mut dyn FnMut(&CatalogEntry) -> bool,
        observer: HttpObserver<'_>,
    ) -> Result<(), Unavailable> {
        let Some(address) = self.index.address(&REGISTRATIONS) else { return Ok(()) };
        let url = format!("{address}/{}/index.json", encode_segment(&lower_case(name)));
        let Some(registration) = self.document::<Registration>(&url, observer)? else { return Ok(()) };
        if registration.items.len() > MAX_PAGES {
            return Err(too_large(&url, &format!("{} pages", registration.items.len())));
        }
        // The newest versions are on the last page.
        for page in registration.items.into_iter().rev() {
            let leaves = if let Some(leaves) = page.items {
                leaves
            } else {
                let page = self.document::<RegistrationPage>(&page.id, observer)?;
                page.and_then(|it| it.items).unwrap_or_default()
            };
            if leaves.iter().any(|it| visit(&it.entry)) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns what the registration states about a version. `None` if it does not state anything yet: it is updated
    /// after the flat container.
    fn catalog_entry(&self, id: &PackageId, observer: HttpObserver<'_>) -> Answer<CatalogEntry> {
        let mut found = None;
        self.visit_registration(
            &id.name,
            &mut |entry| {
                // Build metadata is not part of a NuGet version ("Package versioning").
                let version = entry.version.split('+').next().unwrap_or_default();
                if lower_case(version) != lower_case(&id.version) {
                    return false;
                }
                found = Some(entry.clone());
                true
            },
            observer,
        )?;
        Ok(found)
    }

    /// Returns the digest that the catalog states for the package. `None` if it states none that the suite computes.
    fn stated_digest(
        &self,
        url: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<StatedDigest>, Unavailable> {
        let Some(leaf) = self.document::<CatalogLeaf>(url, observer)? else { return Ok(None) };
        let bytes = base64::decode(&leaf.hash).filter(|_| leaf.algorithm == "SHA512");
        let digest = bytes.and_then(|it| Some(FileDigest::Sha512(it.try_into().ok()?)));
        Ok(digest.map(|digest| StatedDigest { document: "catalog", digest }))
    }

    /// Returns the certificates that the registry signs packages with. Absent if it does not sign.
    fn signing_certificates(&self, observer: HttpObserver<'_>) -> Answer<SigningCertificates> {
        let Some(url) = self.index.address(&SIGNATURES) else { return Ok(None) };
        let Some(listed) = self.document::<RepositorySignatures>(url, observer)? else { return Ok(None) };
        let fingerprint = |it: SigningCertificate| it.fingerprints.get(SHA256).map(|it| lower_case(it));
        Ok(Some(SigningCertificates {
            all_signed: listed.all_signed,
            fingerprints: listed.certificates.into_iter().filter_map(fingerprint).collect(),
        }))
    }
}

/// Returns a name or version as it is written in URLs ("Package content").
fn lower_case(text: &str) -> String {
    text.to_lowercase()
}
