//! The npm registry: the packument, the registry's keys, and the attestations of a version (npm's `REGISTRY-API.md`;
//! npm documentation, "About registry signatures" and "Generating provenance statements").

use std::collections::BTreeMap;

use model::UntrustedText;
use model::base::{base64, time};
use model::evidence::lookup::Lookup;
use model::package::PackageId;
use model::package::registry::{
    FileDigest, ListedVersion, PublishedFile, PublishedPackage, Registry, RegistryKey, RegistrySignatures,
    StatedDigest,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use transport::{HttpObserver, HttpUrl};

use crate::client::{Answer, DocumentRequest, RegistryClient, check_count, parse_json};

const JSON_HEADERS: &[(&str, &str)] = &[("accept", "application/json")];
/// The longest packument. The largest ones on npm have some tens of MiB.
const MAX_PACKUMENT_BYTES: u64 = 64 << 20;
/// The longest list of keys or attestations.
const MAX_LIST_BYTES: u64 = 8 << 20;
/// The most signatures and keys that are read.
const MAX_ENTRIES: usize = 100;
/// The time of a version whose registry states none, in seconds since 1970: 2015-01-01, before npm signed packages
/// (npm's `pacote`, `lib/registry.js`).
const UNKNOWN_PUBLICATION: i64 = 1_420_070_400;

#[derive(Deserialize)]
struct Packument<'a> {
    #[serde(borrow)]
    versions: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(default)]
    time: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct VersionManifest {
    name: String,
    version: String,
    dist: Dist,
    #[serde(default)]
    deprecated: Value,
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
    let Some(bytes) = packument(client, registry, &url, observer)? else { return Ok(None) };
    let packument: Packument<'_> = parse_json(&url, &bytes)?;
    let Some(text) = packument.versions.as_ref().and_then(|it| it.get(&id.version)) else { return Ok(None) };
    let manifest: VersionManifest = parse_json(&url, text.get().as_bytes())?;
    let published_at = packument.time.get(&id.version).and_then(Value::as_str).and_then(time::parse_rfc3339);
    Ok(Some(PublishedPackage {
        stated_id: Some((UntrustedText::new(&manifest.name), UntrustedText::new(&manifest.version))),
        withdrawals: deprecation(&manifest.deprecated).into_iter().collect(),
        signatures: signatures(client, registry, id, (&manifest.dist, published_at), observer),
        files: vec![published_file(client, registry, &manifest.dist, observer)],
        manifest: Some(text.get().as_bytes().to_vec()),
        ..PublishedPackage::default()
    }))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let url = packument_url(registry, name);
    let Some(bytes) = packument(client, registry, &url, observer)? else { return Ok(None) };
    let packument: Packument<'_> = parse_json(&url, &bytes)?;
    let versions = packument.versions.unwrap_or_default();
    check_count(&url, versions.len())?;
    let listed = versions.into_iter().map(|(version, text)| {
        let manifest: Option<VersionManifest> = serde_json::from_str(text.get()).ok();
        let withdrawal = manifest.and_then(|it| deprecation(&it.deprecated));
        ListedVersion { version: UntrustedText::new(version), withdrawal }
    });
    Ok(Some(listed.collect()))
}

/// Returns the address of a packument. npm's clients encode only the slash of a scoped name.
fn packument_url(registry: &Registry, name: &str) -> String {
    format!("{}/{}", registry.url(), name.replace('/', "%2f"))
}

fn packument(
    client: &RegistryClient,
    registry: &Registry,
    url: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<u8>> {
    client.document(
        DocumentRequest { url, index: registry.url(), headers: JSON_HEADERS, max_bytes: MAX_PACKUMENT_BYTES },
        observer,
    )
}

/// Returns the deprecation of a version. npm's clients ignore an empty message.
fn deprecation(deprecated: &Value) -> Option<UntrustedText> {
    match deprecated {
        Value::String(reason) if !reason.is_empty() => {
            Some(UntrustedText::new(format!("deprecated: {reason}")))
        }
        Value::Bool(true) => Some(UntrustedText::new("deprecated")),
        _ => None,
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
    client.text(
        DocumentRequest { url, index: registry.url(), headers: JSON_HEADERS, max_bytes: MAX_LIST_BYTES },
        observer,
    )
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
    let request = DocumentRequest {
        url: &url,
        index: registry.url(),
        headers: JSON_HEADERS,
        max_bytes: MAX_LIST_BYTES,
    };
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
        assert_eq!(deprecation(&Value::from("old")), Some(UntrustedText::new("deprecated: old")));
        assert_eq!(deprecation(&Value::from("")), None);
        assert_eq!(deprecation(&Value::from(false)), None);
    }
}
