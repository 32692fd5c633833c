//! A Maven repository: the files of a version, their signatures and checksums, and the list of versions (Maven
//! documentation, "Repository Layout" and "Repository Metadata"; Sonatype, "Requirements" for Maven Central).

use model::UntrustedText;
use model::base::url::encode_segment;
use model::base::xml::XmlElement;
use model::evidence::lookup::{Lookup, Unavailable};
use model::package::PackageId;
use model::package::file_digest::FileDigest;
use model::package::registry::{ListedVersion, PublishedFile, PublishedPackage, Registry, StatedDigest};
use transport::HttpObserver;

use crate::client::{Answer, DocumentRequest, RegistryClient, check_count, invalid};

/// The endings of the files that the build of a Gradle module publishes, and whether a version may lack them: a
/// platform (BOM) has no jar, and other build tools write no module metadata.
const FILES: [(&str, bool); 5] =
    [(".pom", false), (".jar", true), ("-sources.jar", true), ("-javadoc.jar", true), (".module", true)];
/// The names of checksums, which are also the endings of their files.
const CHECKSUMS: [(&str, &str); 4] =
    [("md5", ".md5 file"), ("sha1", ".sha1 file"), ("sha256", ".sha256 file"), ("sha512", ".sha512 file")];
/// The longest signature, checksum or public key, in bytes.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// The longest list of versions, in bytes.
const MAX_METADATA_BYTES: u64 = 4 << 20;
/// The longest public key, in bytes. Keys with many certifications have some hundred KiB.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// The number of hexadecimal digits of a key id (RFC 9580, 5.5.4).
const KEY_ID_DIGITS: usize = 16;

/// A folder of a repository.
struct MavenFolder<'a> {
    client: &'a RegistryClient,
    registry: &'a Registry,
    /// The folder of all versions.
    url: String,
    artifact: &'a str,
}

pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let Some(folder) = MavenFolder::new(client, registry, &id.name) else { return Ok(None) };
    let mut package = PublishedPackage::default();
    for (ending, is_optional) in FILES {
        let file = folder.file(&id.version, ending, is_optional, observer)?;
        // Every artifact has a POM, so a version without one and without a signature of one does not exist.
        let is_unknown = file.stated_digests.is_empty() && file.signature == Some(Lookup::Absent);
        if !is_optional && is_unknown && !folder.has_version(&id.version, observer)? {
            return Ok(None);
        }
        package.files.push(file);
    }
    if let Some(metadata) = folder.metadata(observer)? {
        package.is_unlisted = !metadata.versions.contains(&id.version);
        let version = UntrustedText::new(&id.version);
        package.stated_id = Some((UntrustedText::new(metadata.name), version));
    }
    Ok(Some(package))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let Some(folder) = MavenFolder::new(client, registry, name) else { return Ok(None) };
    let Some(metadata) = folder.metadata(observer)? else { return Ok(None) };
    check_count(&folder.url, metadata.versions.len())?;
    let listed = |it| ListedVersion { version: UntrustedText::new(it), withdrawal: None };
    Ok(Some(metadata.versions.into_iter().map(listed).collect()))
}

/// Asks a key server for a public key by the fingerprint or the 64-bit id of its primary key or of a subkey, in upper-case
/// hexadecimal digits (<https://keys.openpgp.org/about/api>).
///
/// # Errors
/// [`Unavailable`] if there is no usable answer.
pub fn find_openpgp_key(
    client: &RegistryClient,
    server: &str,
    key: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<u8>> {
    let kind = if key.len() == KEY_ID_DIGITS { "by-keyid" } else { "by-fingerprint" };
    let url = format!("{server}/vks/v1/{kind}/{key}");
    let request = DocumentRequest { url: &url, index: server, headers: &[], max_bytes: MAX_KEY_BYTES };
    client.document(request, observer)
}

impl<'a> MavenFolder<'a> {
    /// Returns the folder of an artifact, `GROUP:ARTIFACT`. `None` if the name has another form.
    fn new(client: &'a RegistryClient, registry: &'a Registry, name: &'a str) -> Option<Self> {
        let (group, artifact) = name.split_once(':')?;
        let url = format!("{}/{}/{}", registry.url(), group.replace('.', "/"), encode_segment(artifact));
        Some(Self { client, registry, url, artifact })
    }

    /// Returns a file of a version, with its signature and the checksums beside it.
    fn file(
        &self,
        version: &str,
        ending: &str,
        is_optional: bool,
        observer: HttpObserver<'_>,
    ) -> Result<PublishedFile, Unavailable> {
        let name = format!("{}-{version}{ending}", self.artifact);
        let url = format!("{}/{}/{}", self.url, encode_segment(version), encode_segment(&name));
        let signature = self.small_file(&format!("{url}.asc"), observer)?;
        let mut file = PublishedFile {
            name: UntrustedText::new(name),
            signature: Some(signature.map_or(Lookup::Absent, Lookup::Found)),
            is_optional,
            ..PublishedFile::default()
        };
        for (kind, document) in CHECKSUMS {
            let Some(text) = self.small_file(&format!("{url}.{kind}"), observer)? else { continue };
            match stated_checksum(kind, &text) {
                Some(digest) => file.stated_digests.push(StatedDigest { document, digest }),
                None => {
                    file.other_digests.push(UntrustedText::new(format!("{document} that is not readable")));
                }
            }
        }
        file.url = url;
        Ok(file)
    }

    fn small_file(&self, url: &str, observer: HttpObserver<'_>) -> Answer<Vec<u8>> {
        self.client.document(DocumentRequest::new(url, self.registry, MAX_SMALL_BYTES), observer)
    }

    /// Returns whether the list of versions has a version.
    fn has_version(&self, version: &str, observer: HttpObserver<'_>) -> Result<bool, Unavailable> {
        let metadata = self.metadata(observer)?;
        Ok(metadata.is_some_and(|it| it.versions.iter().any(|it| it == version)))
    }

    /// Fetches the list of versions.
    fn metadata(&self, observer: HttpObserver<'_>) -> Answer<MavenMetadata> {
        let url = format!("{}/maven-metadata.xml", self.url);
        let request = DocumentRequest::new(&url, self.registry, MAX_METADATA_BYTES);
        let Some(text) = self.client.text(request, observer)? else { return Ok(None) };
        MavenMetadata::parse(&text).map(Some).map_err(|error| invalid(&url, &error))
    }
}

/// Returns the checksum in a file: hexadecimal digits of either case, which a file name may follow.
fn stated_checksum(kind: &str, text: &[u8]) -> Option<FileDigest> {
    let word = std::str::from_utf8(text).ok()?.split_ascii_whitespace().next()?;
    FileDigest::from_hex(kind, &word.to_ascii_lowercase())
}

/// The list of versions of an artifact (`maven-metadata.xml`).
struct MavenMetadata {
    /// The name, as `GROUP:ARTIFACT`.
    name: String,
    versions: Vec<String>,
}

impl MavenMetadata {
    fn parse(text: &str) -> Result<Self, String> {
        let root = XmlElement::parse(text)?;
        let versions = root.child("versioning").and_then(|it| it.child("versions"));
        let versions = versions.map_or(&[][..], |it| &it.children).iter().filter(|it| it.name == "version");
        Ok(Self {
            name: format!("{}:{}", root.child_text("groupId"), root.child_text("artifactId")),
            versions: versions.map(|it| it.text().to_owned()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_may_name_the_file() {
        let hex = "900150983cd24fb0d6963f7d28e17f72";
        let expected = FileDigest::from_hex("md5", hex);
        for text in [hex.to_owned(), format!("{hex}\n"), format!("{hex}  a-1.jar\n"), hex.to_uppercase()] {
            assert_eq!(stated_checksum("md5", text.as_bytes()), expected, "{text:?}");
        }
        for text in ["", "<html>", &hex[1..]] {
            assert_eq!(stated_checksum("md5", text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(stated_checksum("md5", b"\xff"), None);
    }

    #[test]
    fn versions_are_those_of_the_list() {
        let text = "<?xml version=\"1.0\"?><metadata><groupId>g.h</groupId><artifactId>a</artifactId><versioning>
            <latest>3</latest><versions><version>1</version><version> 2 </version></versions></versioning></metadata>";
        let metadata = MavenMetadata::parse(text).unwrap();
        assert_eq!(metadata.name, "g.h:a");
        assert_eq!(metadata.versions, ["1", "2"]);
        assert!(MavenMetadata::parse("<html>").is_err());
        assert!(MavenMetadata::parse(&text.replace("g.h", "g<!-- -->.h")).is_err());
    }
}
