//! What an outsider finds of a published release, and what it is held against.

use crate::hosting::{HostedRelease, OriginTag, WantedAsset};
use crate::{CommitId, Digest, ObjectId};

/// What a release must be.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The tag's name.
    pub tag: String,
    /// The object that the tag names.
    pub object: ObjectId,
    /// The commit that it leads to.
    pub commit: CommitId,
    /// Whether it is no final version.
    pub prerelease: bool,
    /// Whether only some may see it.
    pub private: bool,
    /// The assets that it must have.
    pub assets: Vec<WantedAsset>,
}

/// What somebody without credentials found.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The tag; none where nobody sees one; what was said where GitHub could not be asked.
    pub tag: Result<Option<OriginTag>, String>,
    /// The published release; none where nobody sees one; what was said where GitHub could not be asked.
    pub release: Result<Option<HostedRelease>, String>,
    /// The assets that were downloaded.
    pub downloads: Vec<Download>,
}

/// An asset as it was downloaded.
#[derive(Debug, Clone)]
pub struct Download {
    /// Its name.
    pub name: String,
    /// What came; what was said where nothing did.
    pub came: Result<Received, String>,
}

/// The bytes of a download, as far as they are needed.
#[derive(Debug, Clone)]
pub struct Received {
    /// How many they were.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
    /// The first of them, at most [`crate::sums::LIMIT`].
    pub head: Vec<u8>,
}
