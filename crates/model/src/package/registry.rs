//! Package registries: their kinds, their addresses, and what they serve for a version of a package.

use std::fmt;

use serde::Serialize;

use super::PackageId;
use super::file_digest::FileDigest;
use crate::UntrustedText;
use crate::base::url::{encode_segment, redact_url};
use crate::evidence::lookup::Lookup;

/// A kind of package registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistryKind {
    /// The Python Package Index.
    Pypi,
    /// The npm registry.
    Npm,
    /// The Go module proxy, with the checksum database.
    Go,
    /// A NuGet registry with the API v3.
    Nuget,
    /// A Maven repository.
    Maven,
    /// The Helm charts of a GitHub release.
    Helm,
}

impl RegistryKind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Pypi, Self::Npm, Self::Go, Self::Nuget, Self::Maven, Self::Helm];

    /// The name of the kind in arguments and in `release.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Nuget => "nuget",
            Self::Maven => "maven",
            Self::Helm => "helm",
        }
    }

    /// Returns the package URL of a version of a package (ECMA-427; `package-url/purl-spec`, "types"). The specification
    /// lists `helm` as a candidate only.
    #[must_use]
    pub fn purl(self, id: &PackageId) -> String {
        let (kind, name) = match self {
            Self::Pypi => ("pypi", id.name.to_ascii_lowercase().replace('_', "-")),
            Self::Npm => ("npm", id.name.clone()),
            Self::Go => ("golang", id.name.to_ascii_lowercase()),
            Self::Nuget => ("nuget", id.name.clone()),
            Self::Maven => ("maven", id.name.replace(':', "/")),
            Self::Helm => ("helm", id.name.clone()),
        };
        let name: Vec<String> = name.split('/').map(encode_segment).collect();
        format!("pkg:{kind}/{}@{}", name.join("/"), encode_segment(&id.version))
    }
}

impl fmt::Display for RegistryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A registry at an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Registry {
    /// The kind.
    pub kind: RegistryKind,
    /// The address, without a slash at its end. It may contain credentials, so it is never printed.
    url: String,
    /// Where the address comes from, as in `release.toml`.
    pub source: String,
    /// The ids of the keys that may sign packages (npm), or their fingerprints (Maven). Empty if every key that the
    /// registry lists may (npm), or if no key is trusted (Maven).
    pub key_ids: Vec<String>,
    /// The checksum database (Go).
    pub checksum_database: Option<ChecksumDatabase>,
    /// Where the public keys are (Maven).
    pub key_source: Option<KeySource>,
}

/// Where the public keys of pinned fingerprints are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A key server with the API of keys.openpgp.org, by its address without a slash at its end.
    Server(String),
    /// A file of public keys, by its path in the repository.
    File(String),
}

/// A database of the checksums of Go modules (<https://go.dev/ref/mod#checksum-database>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumDatabase {
    /// The public key, `NAME+HASH+KEY` (<https://c2sp.org/signed-note>).
    pub key: String,
    /// The address, without a slash at its end.
    pub url: String,
}

impl ChecksumDatabase {
    /// Parses a database as Go's `GOSUMDB` names it: a key, and its address if that is not `https://NAME`. Returns
    /// `None` if the text has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (key, url) = (words.next()?, words.next());
        let name = key.split('+').next().filter(|it| !it.is_empty())?;
        if key.split('+').count() < 3 || words.next().is_some() {
            return None;
        }
        let url = url.map_or_else(|| format!("https://{name}"), |it| it.trim_end_matches('/').to_owned());
        Some(Self { key: key.to_owned(), url })
    }

    /// The name of the database: the first part of its key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.key.split('+').next().unwrap_or_default()
    }
}

impl Registry {
    /// Returns a registry of this kind at this address. `source` tells where the address comes from.
    #[must_use]
    pub fn new(kind: RegistryKind, url: &str, source: impl Into<String>) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let source = source.into();
        Self { kind, url, source, key_ids: Vec::new(), checksum_database: None, key_source: None }
    }

    /// The address, for requests. It may contain credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address and where it comes from, to be shown.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{} (from {})", self.shown_url(), UntrustedText::new(&self.source).escaped())
    }

    /// Returns the address without credentials, to be shown.
    #[must_use]
    pub fn shown_url(&self) -> String {
        UntrustedText::new(redact_url(&self.url)).escaped()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("kind", &self.kind)
            .field("url", &self.shown_url())
            .finish_non_exhaustive()
    }
}

/// What a registry states about a version of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedPackage {
    /// The name and version that the registry's answer states. `None` if it states none.
    pub stated_id: Option<(UntrustedText, UntrustedText)>,
    /// The files of the version. Empty if the registry knows the version but lists no file of it yet.
    pub files: Vec<PublishedFile>,
    /// Whether the registry's list of versions lacks this one, which happens for some minutes (Maven).
    pub is_unlisted: bool,
    /// The names of files of the version that only another document of the registry lists (PyPI).
    pub unlisted_files: Vec<UntrustedText>,
    /// Why the publisher or the registry withdrew the version, as in `yanked: broken`.
    pub withdrawals: Vec<UntrustedText>,
    /// The status of the whole project (PyPI). Absent if the registry states none.
    pub project_status: Option<ProjectStatus>,
    /// The commit that the registry fetched the version from (Go).
    pub origin_commit: Option<UntrustedText>,
    /// The manifest of the version in the abbreviated answer that some clients ask for (npm). `None` if there is none.
    pub abbreviated_manifest: Option<Lookup<Vec<u8>>>,
    /// The manifest of the version in the registry's answer, as JSON (npm), or as the registry serves it (Go).
    pub manifest: Option<Vec<u8>>,
    /// The signatures of the registry over the version (npm). Absent if the registry signs nothing.
    pub signatures: Option<RegistrySignatures>,
    /// The certificates that the registry signs packages with (NuGet). Absent if it signs none.
    pub signing_certificates: Option<Lookup<SigningCertificates>>,
}

/// The certificates of the signatures that a NuGet registry adds to packages (Microsoft documentation, "Repository
/// signatures").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SigningCertificates {
    /// Whether the registry states that it signs every package.
    pub all_signed: bool,
    /// The SHA-256 of each certificate, in lower-case hexadecimal digits.
    pub fingerprints: Vec<String>,
}

/// The status of a project on PyPI (PEP 792).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectStatus {
    /// The status, as in `quarantined`.
    pub status: UntrustedText,
    /// The reason. Empty if the index states none.
    pub reason: UntrustedText,
}

/// A file that a registry lists for a version of a package.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PublishedFile {
    /// The file name.
    pub name: UntrustedText,
    /// The address that it is downloaded from. It may contain credentials, so it is never printed.
    pub url: String,
    /// The file name at the end of that address, where installers read it (PyPI). `None` if they do not.
    pub name_in_url: Option<UntrustedText>,
    /// The metadata of a wheel that the index serves beside it (PEP 658). `None` if it states that it serves none.
    pub metadata: Option<Lookup<Vec<u8>>>,
    /// The digests that the registry states for it.
    pub stated_digests: Vec<StatedDigest>,
    /// The names of digests in the index that the suite does not compute.
    pub other_digests: Vec<UntrustedText>,
    /// The Python versions that the index states for it, by which installers choose (PyPI). `None` if it states none.
    pub requires_python: Option<UntrustedText>,
    /// The attestations that the registry stores for the file, as it serves them. `None` if it states none.
    pub attestations: Option<Lookup<String>>,
    /// The OpenPGP signature that the registry serves beside the file (Maven), or its provenance file (Helm). `None` if
    /// the kind of registry has none.
    pub signature: Option<Lookup<Vec<u8>>>,
    /// Whether a version may lack the file. Nothing is reported if it is absent.
    pub is_optional: bool,
}

impl fmt::Debug for PublishedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A digest that a registry states for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedDigest {
    /// The document that states it, as in `simple index`.
    pub document: &'static str,
    /// The digest.
    pub digest: FileDigest,
}

/// A version that a registry lists for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The version, as the registry writes it.
    pub version: UntrustedText,
    /// Why it was withdrawn, as in `yanked: broken`. `None` if it was not.
    pub withdrawal: Option<UntrustedText>,
}

/// The signatures of a registry over a version, and the keys that it lists (npm documentation, "About registry
/// signatures").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySignatures {
    /// The message that is signed: `NAME@VERSION:INTEGRITY`.
    pub message: String,
    /// The signatures: the id of the key, and the signature in base64.
    pub signatures: Vec<(UntrustedText, String)>,
    /// The keys of the registry.
    pub keys: Lookup<Vec<RegistryKey>>,
    /// When the version was published, in seconds since 1970.
    pub published_at: i64,
}

/// A key that a registry signs packages with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryKey {
    /// The id: `SHA256:` and the SHA-256 of the key in base64.
    pub key_id: UntrustedText,
    /// The public key: a `SubjectPublicKeyInfo` in DER (RFC 5280).
    pub spki: Vec<u8>,
    /// When it expires, in seconds since 1970. `None` if never.
    pub expires_at: Option<i64>,
}

/// The entry of a module version in the checksum database, proven to be in the signed tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumEntry {
    /// The hash of the module's files, `h1:` and base64.
    pub module_hash: String,
    /// The hash of its `go.mod`.
    pub manifest_hash: String,
    /// The number of the entry in the tree.
    pub number: u64,
    /// The size of the signed tree.
    pub tree_size: u64,
}

/// Why the answer of a checksum database is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChecksumError {
    /// There is no usable answer.
    Unavailable(crate::evidence::lookup::Unavailable),
    /// The answer is not signed by the database's key, is about another module, or its proof is wrong.
    Invalid(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_follow_the_specification() {
        let purl = |kind: RegistryKind, name: &str, version: &str| {
            kind.purl(&PackageId { name: name.to_owned(), version: version.to_owned() })
        };
        assert_eq!(purl(RegistryKind::Pypi, "my-widgets", "1.0.0"), "pkg:pypi/my-widgets@1.0.0");
        assert_eq!(purl(RegistryKind::Npm, "@acme/widgets", "1.0.0+b"), "pkg:npm/%40acme/widgets@1.0.0%2Bb");
        assert_eq!(
            purl(RegistryKind::Go, "example.com/Acme/x", "v1.0.0"),
            "pkg:golang/example.com/acme/x@v1.0.0"
        );
        assert_eq!(purl(RegistryKind::Maven, "com.acme:x", "1.0.0"), "pkg:maven/com.acme/x@1.0.0");
    }

    #[test]
    fn addresses_are_shown_without_credentials() {
        let registry = Registry::new(RegistryKind::Pypi, "https://ada:s3cret@example.com/simple/", "a test");
        assert_eq!(registry.url(), "https://ada:s3cret@example.com/simple");
        assert_eq!(registry.shown_url(), "https://***@example.com/simple");
        assert!(!format!("{registry:?}").contains("s3cret"));
    }

    #[test]
    fn checksum_databases_are_named_as_in_gosumdb() {
        let database = ChecksumDatabase::parse("sum.example+0a+AQ==").unwrap();
        assert_eq!((database.name(), database.url.as_str()), ("sum.example", "https://sum.example"));
        let database = ChecksumDatabase::parse("sum.example+0a+AQ== http://127.0.0.1:1/").unwrap();
        assert_eq!(database.url, "http://127.0.0.1:1");
        for text in ["", "off", "sum.example", "+0a+AQ==", "a+b+c http://x y"] {
            assert_eq!(ChecksumDatabase::parse(text), None, "{text}");
        }
    }
}
