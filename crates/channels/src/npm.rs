//! The npm registry: the packument, the registry's keys, and the attestations of a version (npm's `REGISTRY-API.md`;
//! npm documentation, "About registry signatures" and "Generating provenance statements").

use model::UntrustedText;
use model::base::{base64, time};
use model::evidence::lookup::{Lookup, Unavailable};
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use model::package::registry::{
    ListedVersion, PublishedFile, PublishedPackage, Registry, RegistryKey, RegistrySignatures, StatedDigest,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use transport::{HttpObserver, HttpUrl};

use crate::bounded::{Entries, Note, ValueOf, read_with};
use crate::client::{Answer, DocumentRequest, MAX_VERSIONS, RegistryClient, invalid, parse_json, too_large};

const JSON_HEADERS: &[(&str, &str)] = &[("accept", "application/json")];
/// The longest packument. The largest ones on npm have some tens of MiB.
const MAX_PACKUMENT_BYTES: u64 = 64 << 20;
/// The longest manifest of a version in a packument.
const MAX_VERSION_BYTES: usize = 4 << 20;
/// The media type of the abbreviated packument.
const ABBREVIATED_HEADERS: &[(&str, &str)] = &[("accept", "application/vnd.npm.install-v1+json")];
/// The longest list of keys or attestations.
const MAX_LIST_BYTES: u64 = 8 << 20;
/// The most signatures and keys that are read.
const MAX_ENTRIES: usize = 100;
/// The time of a version whose registry states none, in seconds since 1970: 2015-01-01, before npm signed packages
/// (npm's `pacote`, `lib/registry.js`).
const UNKNOWN_PUBLICATION: i64 = 1_420_070_400;

/// A packument, whose parts are read as they are needed.
#[derive(Deserialize)]
struct Packument<'a> {
    #[serde(borrow)]
    versions: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct VersionManifest {
    name: String,
    version: String,
    dist: Dist,
    #[serde(default)]
    deprecated: Note,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    #[serde(default)]
    integrity: String,
    #[serde(default)]
    signatures: Vec<DistSignature>,
    #[serde(default)]
    attestations: Option<DistAttestations>,
}

#[derive(Deserialize)]
struct DistSignature {
    keyid: String,
    sig: String,
}

#[derive(Deserialize)]
struct DistAttestations {
    url: String,
}

#[derive(Deserialize)]
struct KeyList {
    keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
struct ListedKey {
    keyid: String,
    key: String,
    #[serde(default)]
    expires: Option<String>,
}

pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let url = packument_url(registry, &id.name);
    let Some(text) = packument(client, registry, (&url, JSON_HEADERS), observer)? else { return Ok(None) };
    let packument: Packument<'_> = parse_json(&url, text.as_bytes())?;
    let Some(version) = value_of(&url, packument.versions, &id.version)? else { return Ok(None) };
    if version.len() > MAX_VERSION_BYTES {
        return Err(too_large(&url, &format!("version {} has {} bytes", id.version, version.len())));
    }
    let manifest: VersionManifest = parse_json(&url, version.as_bytes())?;
    let published_at = value_of(&url, packument.time, &id.version)?;
    let published_at = published_at.and_then(|it| time::parse_rfc3339(serde_json::from_str(it).ok()?));
    let manifest_text = version.as_bytes().to_vec();
    let signatures = signatures(client, registry, id, (&manifest.dist, published_at), observer);
    Ok(Some(PublishedPackage {
        stated_id: Some((UntrustedText::new(&manifest.name), UntrustedText::new(&manifest.version))),
        files: vec![published_file(client, registry, &manifest.dist, observer)],
        withdrawals: deprecation(manifest.deprecated).into_iter().collect(),
        abbreviated_manifest: Some(abbreviated_manifest(client, registry, id, observer).into()),
        signatures,
        manifest: Some(manifest_text),
        ..PublishedPackage::default()
    }))
}

/// Fetches the manifest of a version in the abbreviated packument, which some clients ask for (npm's `REGISTRY-API.md`,
/// "Package metadata"). A registry may answer with the full one.
fn abbreviated_manifest(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<Vec<u8>> {
    let url = packument_url(registry, &id.name);
    let Some(text) = packument(client, registry, (&url, ABBREVIATED_HEADERS), observer)? else {
        return Ok(None);
    };
    let packument: Packument<'_> = parse_json(&url, text.as_bytes())?;
    let version = value_of(&url, packument.versions, &id.version)?;
    Ok(version.filter(|it| it.len() <= MAX_VERSION_BYTES).map(|it| it.as_bytes().to_vec()))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let url = packument_url(registry, name);
    let Some(text) = packument(client, registry, (&url, JSON_HEADERS), observer)? else { return Ok(None) };
    let packument: Packument<'_> = parse_json(&url, text.as_bytes())?;
    let versions = packument.versions.map_or("{}", RawValue::get);
    let versions = read_with(Entries(MAX_VERSIONS), versions);
    let versions = versions.map_err(|error| too_large(&url, &format!("its versions: {error}")))?;
    let listed = versions.into_iter().map(|(version, manifest)| {
        let deprecated = read_with(ValueOf("deprecated"), manifest.get()).ok().flatten();
        let withdrawal = deprecated.and_then(|it| deprecation(serde_json::from_str(it.get()).ok()?));
        ListedVersion { version: UntrustedText::new(version), withdrawal }
    });
    Ok(Some(listed.collect()))
}

/// Returns the text of the value of a key, in an object of a packument.
fn value_of<'a>(url: &str, object: Option<&'a RawValue>, key: &str) -> Result<Option<&'a str>, Unavailable> {
    let Some(object) = object else { return Ok(None) };
    let value = read_with(ValueOf(key), object.get());
    let invalid_object = |error| invalid(url, &format!("not the expected JSON: {error}"));
    Ok(value.map_err(invalid_object)?.map(RawValue::get))
}

/// Returns the address of a packument. npm's clients encode only the slash of a scoped name.
fn packument_url(registry: &Registry, name: &str) -> String {
    format!("{}/{}", registry.url(), name.replace('/', "%2f"))
}

fn packument(
    client: &RegistryClient,
    registry: &Registry,
    (url, headers): (&str, &'static [(&'static str, &'static str)]),
    observer: HttpObserver<'_>,
) -> Answer<String> {
    let max_bytes = MAX_PACKUMENT_BYTES;
    client.text(DocumentRequest::new(url, registry, max_bytes).with_headers(headers), observer)
}

/// Returns the deprecation of a version. npm's clients ignore an empty message.
fn deprecation(deprecated: Note) -> Option<UntrustedText> {
    match deprecated {
        Note::Text(reason) if !reason.is("") => {
            Some(UntrustedText::new(format!("deprecated: {}", reason.raw())))
        }
        Note::Flag => Some(UntrustedText::new("deprecated")),
        Note::Text(_) | Note::None => None,
    }
}

/// Returns the tarball of a version, with its digest and its attestations.
fn published_file(
    client: &RegistryClient,
    registry: &Registry,
    dist: &Dist,
    observer: HttpObserver<'_>,
) -> PublishedFile {
    let base = HttpUrl::parse(&format!("{}/", registry.url()));
    let absolute = |url: &str| base.as_ref().and_then(|it| it.join(url)).unwrap_or_default();
    let url = absolute(&dist.tarball);
    let name = dist.tarball.split(['?', '#']).next().unwrap_or_default().rsplit('/').next();
    let digest = |hash: &str| {
        let bytes = base64::decode(hash.strip_prefix("sha512-")?)?;
        Some(FileDigest::Sha512(bytes.try_into().ok()?))
    };
    // `integrity` may have several hashes, of which the strongest one counts (W3C, Subresource Integrity).
    let digests = dist.integrity.split_ascii_whitespace().filter_map(digest);
    let stated_digests = digests.map(|digest| StatedDigest { document: "packument", digest }).collect();
    let attestations_url = dist.attestations.as_ref();
    let attestations =
        attestations_url.map(|it| attestations(client, registry, &absolute(&it.url), observer).into());
    PublishedFile {
        name: UntrustedText::new(name.unwrap_or_default()),
        url,
        stated_digests,
        attestations,
        ..PublishedFile::default()
    }
}

/// Fetches the list of a version's attestations.
fn attestations(
    client: &RegistryClient,
    registry: &Registry,
    url: &str,
    observer: HttpObserver<'_>,
) -> Answer<String> {
    client.text(DocumentRequest::new(url, registry, MAX_LIST_BYTES).with_headers(JSON_HEADERS), observer)
}

/// Returns the registry's signatures over a version, with its keys. `None` if it states no signature.
fn signatures(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    (dist, published_at): (&Dist, Option<i64>),
    observer: HttpObserver<'_>,
) -> Option<RegistrySignatures> {
    if dist.signatures.is_empty() {
        return None;
    }
    let url = format!("{}/-/npm/v1/keys", registry.url());
    let request = DocumentRequest::new(&url, registry, MAX_LIST_BYTES).with_headers(JSON_HEADERS);
    let parse = |list: KeyList| list.keys.into_iter().take(MAX_ENTRIES).filter_map(registry_key).collect();
    let keys: Lookup<Vec<RegistryKey>> =
        client.json::<KeyList>(request, observer).map(|it| it.map(parse)).into();
    let signatures = dist.signatures.iter().take(MAX_ENTRIES);
    Some(RegistrySignatures {
        message: format!("{}@{}:{}", id.name, id.version, dist.integrity),
        signatures: signatures.map(|it| (UntrustedText::new(&it.keyid), it.sig.clone())).collect(),
        keys,
        published_at: published_at.unwrap_or(UNKNOWN_PUBLICATION),
    })
}

/// Returns a key of the list. `None` if it is not in base64, or if its expiry is not a date.
fn registry_key(listed: ListedKey) -> Option<RegistryKey> {
    let expires_at = match listed.expires {
        Some(text) => Some(time::parse_rfc3339(&text)?),
        None => None,
    };
    Some(RegistryKey {
        key_id: UntrustedText::new(listed.keyid),
        spki: base64::decode(&listed.key)?,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use model::package::registry::RegistryKind;

    use super::*;

    #[test]
    fn only_the_slash_of_a_name_is_encoded() {
        let registry = Registry::new(RegistryKind::Npm, "https://npm.example", "a test");
        assert_eq!(packument_url(&registry, "@acme/widgets"), "https://npm.example/@acme%2fwidgets");
    }

    #[test]
    fn deprecations_have_a_reason() {
        let of = |text: &str| deprecation(serde_json::from_str(text).unwrap());
        assert_eq!(of("\"old\""), Some(UntrustedText::new("deprecated: old")));
        assert_eq!((of("\"\""), of("false"), of("null")), (None, None, None));
        assert_eq!(of("true"), Some(UntrustedText::new("deprecated")));
    }
}
