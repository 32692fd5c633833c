//! The Go module proxy and the checksum database (<https://go.dev/ref/mod#goproxy-protocol>,
//! <https://go.dev/ref/mod#checksum-database>).
//!
//! A question about an unknown version makes a proxy fetch it, and remember for a while that it does not exist. Requests
//! therefore carry `Disable-Module-Fetch`, and the checksum database is asked only about versions that the proxy has: it
//! records every version that it is asked about for ever.

use std::cell::RefCell;

use model::UntrustedText;
use model::base::url::encode_segment;
use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::package::PackageId;
use model::package::registry::{
    ChecksumDatabase, ChecksumEntry, ChecksumError, ListedVersion, PublishedFile, PublishedPackage, Registry,
};
use serde::Deserialize;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Error as TreeError, Hash, HashReader as _, Tile, TileHashReader, TileReader};
use transport::HttpObserver;

use crate::client::{
    Answer, DocumentRequest, PROXY_HEADERS, RegistryClient, check_count, invalid, unavailable,
};

/// The longest `.info` and the longest entry of the database.
const MAX_ENTRY_BYTES: u64 = 64 << 10;
/// The longest list of versions.
const MAX_LIST_BYTES: u64 = 1 << 20;
/// The longest `go.mod` (<https://go.dev/ref/mod#zip-path-size-constraints>).
const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// The height of the database's tiles (`golang.org/x/mod/sumdb`, `Client`).
const TILE_HEIGHT: u8 = 8;
/// The first line of the database's signed tree heads.
const TREE_ORIGIN: &str = "go.sum database tree";
/// The largest accepted tree. The library computes with multiples of the size.
const MAX_TREE_SIZE: u64 = 1 << 48;

/// The `.info` of a version.
#[derive(Deserialize)]
struct VersionInfo {
    #[serde(rename = "Version")]
    version: String,
    #[serde(default, rename = "Origin")]
    origin: Option<Origin>,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(default, rename = "Hash")]
    hash: Option<String>,
}

pub(crate) fn find_package(
    client: &RegistryClient,
    registry: &Registry,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Answer<PublishedPackage> {
    let (module, version) = (escaped_path(&id.name), encode_segment(&escaped_path(&id.version)));
    let url = |ending: &str| format!("{}/{module}/@v/{version}.{ending}", registry.url());
    let info_url = url("info");
    let request = DocumentRequest::new(&info_url, registry, MAX_ENTRY_BYTES).with_headers(PROXY_HEADERS);
    let Some(info) = client.json::<VersionInfo>(request, observer)? else { return Ok(None) };
    let mod_url = url("mod");
    let request = DocumentRequest::new(&mod_url, registry, MAX_MANIFEST_BYTES).with_headers(PROXY_HEADERS);
    let manifest = client.document(request, observer)?;
    let file = PublishedFile {
        name: UntrustedText::new(format!("{}.zip", id.version)),
        url: url("zip"),
        ..PublishedFile::default()
    };
    Ok(Some(PublishedPackage {
        stated_id: Some((UntrustedText::new(&id.name), UntrustedText::new(info.version))),
        files: vec![file],
        origin_commit: info.origin.and_then(|it| it.hash).map(UntrustedText::new),
        manifest,
        ..PublishedPackage::default()
    }))
}

pub(crate) fn list_versions(
    client: &RegistryClient,
    registry: &Registry,
    name: &str,
    observer: HttpObserver<'_>,
) -> Answer<Vec<ListedVersion>> {
    let url = format!("{}/{}/@v/list", registry.url(), escaped_path(name));
    let request = DocumentRequest::new(&url, registry, MAX_LIST_BYTES).with_headers(PROXY_HEADERS);
    let Some(text) = client.document(request, observer)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&text);
    let versions: Vec<&str> = text.lines().filter(|it| !it.is_empty()).collect();
    check_count(&url, versions.len())?;
    let listed = |it| ListedVersion { version: UntrustedText::new(it), withdrawal: None };
    Ok(Some(versions.into_iter().map(listed).collect()))
}

/// Asks a checksum database for a version, and verifies the signed tree head and that the entry is in the tree. Call it
/// only for a version that the proxy has.
///
/// # Errors
/// [`ChecksumError`].
pub fn find_checksums(
    client: &RegistryClient,
    database: &ChecksumDatabase,
    id: &PackageId,
    observer: HttpObserver<'_>,
) -> Result<ChecksumEntry, ChecksumError> {
    let version = encode_segment(&escaped_path(&id.version));
    let url = format!("{}/lookup/{}@{version}", database.url, escaped_path(&id.name));
    let request =
        DocumentRequest { url: &url, index: &database.url, headers: &[], max_bytes: MAX_ENTRY_BYTES };
    let absent = || unavailable(&url, UnavailableCause::Status(404), "the database has no such version");
    let text = client.document(request, observer).and_then(|it| it.ok_or_else(absent));
    let text = text.map_err(ChecksumError::Unavailable)?;
    let invalid = |reason: String| ChecksumError::Invalid(format!("{}: {reason}", database.name()));
    let text = std::str::from_utf8(&text).map_err(|error| invalid(error.to_string()))?;
    let answer =
        LookupAnswer::parse(text).ok_or_else(|| invalid("the entry has another format".to_owned()))?;
    let head = signed_tree_head(database, answer.signed_head).map_err(&invalid)?;
    if answer.number >= head.size() {
        return Err(invalid(format!("entry {} is not in a tree of size {}", answer.number, head.size())));
    }
    let tiles = TileClient {
        client,
        url: &database.url,
        failure: RefCell::new(None),
        observer: RefCell::new(observer),
    };
    let reader = TileHashReader::new(head.size(), *head.hash(), &tiles);
    let index = tlog_tiles::stored_hash_index(0, answer.number);
    let found = match reader.read_hashes(&[index]) {
        Ok(found) => found,
        Err(error) => {
            return Err(match tiles.failure.into_inner() {
                Some(failure) => ChecksumError::Unavailable(failure),
                None => invalid(format!("the tree does not prove entry {}: {error}", answer.number)),
            });
        }
    };
    if found != [tlog_tiles::record_hash(answer.record.as_bytes())] {
        return Err(invalid(format!("entry {} of the signed tree is another one", answer.number)));
    }
    let [module_hash, manifest_hash] = hashes(answer.record, id)
        .ok_or_else(|| invalid(format!("the entry is not of {} {}", id.name, id.version)))?;
    Ok(ChecksumEntry { module_hash, manifest_hash, number: answer.number, tree_size: head.size() })
}

/// The parts of an answer to a lookup: the number of the entry, the entry, and a signed tree head.
struct LookupAnswer<'a> {
    number: u64,
    record: &'a str,
    signed_head: &'a str,
}

impl<'a> LookupAnswer<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (number, rest) = text.split_once('\n')?;
        let (record, signed_head) = rest.split_once("\n\n")?;
        let record = &rest[..=record.len()];
        Some(Self { number: number.parse().ok()?, record, signed_head })
    }
}

/// Returns the tree head of a note that the database's key has signed.
fn signed_tree_head(database: &ChecksumDatabase, note: &str) -> Result<Checkpoint, String> {
    let verifier =
        StandardVerifier::new(&database.key).map_err(|error| format!("its key is not valid: {error}"))?;
    let note = Note::from_bytes(note.as_bytes()).map_err(|error| format!("no signed note: {error}"))?;
    let keys = VerifierList::new(vec![Box::new(verifier)]);
    note.verify(&keys).map_err(|error| format!("the tree head is not signed by its key: {error}"))?;
    let head =
        Checkpoint::from_bytes(note.text()).map_err(|_| "the tree head has another format".to_owned())?;
    if head.origin() != TREE_ORIGIN || head.size() == 0 || head.size() > MAX_TREE_SIZE {
        return Err("the tree head is of another tree".to_owned());
    }
    Ok(head)
}

/// Returns the two hashes of an entry: those of the module and of its `go.mod`. `None` if the entry is of another
/// module or version.
fn hashes(record: &str, id: &PackageId) -> Option<[String; 2]> {
    let mut lines = record.lines();
    let mut hash = |ending: &str| {
        let prefix = format!("{} {}{ending} ", id.name, id.version);
        lines.next()?.strip_prefix(&prefix).filter(|it| it.starts_with("h1:")).map(str::to_owned)
    };
    let found = [hash("")?, hash("/go.mod")?];
    lines.next().is_none().then_some(found)
}

/// Fetches the tiles of a tree. The reader of the library verifies them against the tree head.
struct TileClient<'a> {
    client: &'a RegistryClient,
    url: &'a str,
    /// The request that failed.
    failure: RefCell<Option<Unavailable>>,
    observer: RefCell<HttpObserver<'a>>,
}

impl TileReader for TileClient<'_> {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, TreeError> {
        tiles.iter().map(|tile| self.read_tile(tile)).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

impl TileClient<'_> {
    /// Fetches a tile. A database may have replaced a partial tile by the full one, whose beginning is the partial one.
    fn read_tile(&self, tile: &Tile) -> Result<Vec<u8>, TreeError> {
        let length = tile.width() as usize * size_of::<Hash>();
        let mut observer = self.observer.borrow_mut();
        let mut last = None;
        let full = Tile::new(tile.height(), tile.level(), tile.level_index(), 1 << TILE_HEIGHT, false);
        for candidate in [tile, &full] {
            let url = format!("{}/{}", self.url, candidate.path());
            let request =
                DocumentRequest { url: &url, index: self.url, headers: &[], max_bytes: MAX_ENTRY_BYTES };
            last = match self.client.document(request, &mut **observer) {
                Ok(Some(mut bytes)) if bytes.len() >= length => {
                    bytes.truncate(length);
                    return Ok(bytes);
                }
                Ok(Some(_)) => Some(invalid(&url, "the tile is too short")),
                Ok(None) => Some(unavailable(&url, UnavailableCause::Status(404), "not found")),
                Err(failure) => Some(failure),
            };
        }
        *self.failure.borrow_mut() = last;
        Err(TreeError::InvalidTile)
    }
}

/// Returns a module path or version as it is written in URLs: each upper-case letter becomes `!` and the lower-case one
/// (<https://go.dev/ref/mod#goproxy-protocol>).
fn escaped_path(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escaped_path("github.com/Acme/X"), "github.com/!acme/!x");
    }

    #[test]
    fn entries_are_of_one_module() {
        let id = PackageId { name: "example.com/m".to_owned(), version: "v1.0.0".to_owned() };
        let good = "example.com/m v1.0.0 h1:a=\nexample.com/m v1.0.0/go.mod h1:b=\n";
        assert_eq!(hashes(good, &id), Some(["h1:a=".to_owned(), "h1:b=".to_owned()]));
        for bad in [
            "",
            "example.com/m v1.0.1 h1:a=\nexample.com/m v1.0.1/go.mod h1:b=\n",
            "example.com/m v1.0.0 h1:a=\n",
            "example.com/m v1.0.0 h2:a=\nexample.com/m v1.0.0/go.mod h1:b=\n",
            "example.com/m v1.0.0 h1:a=\nexample.com/m v1.0.0/go.mod h1:b=\nx\n",
        ] {
            assert_eq!(hashes(bad, &id), None, "{bad:?}");
        }
        let answer = LookupAnswer::parse("7\nline\nother\n\ngo.sum database tree\n").unwrap();
        assert_eq!(
            (answer.number, answer.record, answer.signed_head),
            (7, "line\nother\n", "go.sum database tree\n")
        );
    }
}
