//! What the world has of a release: the tag on origin, and what stands on GitHub.

use serde::Serialize;

use crate::{CommitId, Digest, ObjectId};

/// What was observed of the world, where a release is to be published.
#[derive(Debug, Clone)]
pub struct WorldFacts {
    /// The remote that the tag is pushed to.
    pub origin: OriginFacts,
    /// The repository on GitHub.
    pub repository: HostedRepository,
    /// Whether releases are frozen when they are published; none where GitHub does not say.
    pub immutable: Option<bool>,
    /// Every release that holds the tag, drafts included.
    pub releases: Vec<HostedRelease>,
    /// The assets that the release must have; empty where there is no release to compare with.
    pub wanted: Vec<WantedAsset>,
    /// Where the credentials come from, and what that means.
    pub credentials: Credentials,
    /// How many requests are left in this hour; none where GitHub does not say.
    pub requests_left: Option<u32>,
}

/// A remote, as it answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginFacts {
    /// The tag; none where it has none of this name.
    pub tag: Option<OriginTag>,
    /// The branch that its `HEAD` names, and its newest commit; none where it names none.
    pub head: Option<(String, CommitId)>,
}

/// A tag on a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginTag {
    /// The object that the reference names.
    pub object: ObjectId,
    /// The peeled commit: the object itself for a lightweight tag.
    pub commit: CommitId,
}

/// A repository on GitHub, as its owner is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedRepository {
    /// `OWNER/NAME`, as it is called now.
    pub full_name: String,
    /// The branch that releases are cut from.
    pub default_branch: String,
    /// Whether only some may read it.
    pub private: bool,
    /// Whether nobody may change it any more.
    pub archived: bool,
    /// Whether the credentials may push and release.
    pub may_push: bool,
}

/// A release on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedRelease {
    /// Its number, which is what it is found by: a tag may have several drafts.
    pub id: u64,
    /// The tag that it holds.
    pub tag: String,
    /// Its text.
    pub body: String,
    /// Whether only those who may push see it.
    pub draft: bool,
    /// Whether it is marked as not final.
    pub prerelease: bool,
    /// Whether it can no longer be changed.
    pub immutable: bool,
    /// Its page.
    pub page: String,
    /// Where assets are uploaded to, a template (RFC 6570).
    pub upload_url: String,
    /// Its assets.
    pub assets: Vec<HostedAsset>,
}

impl HostedRelease {
    /// The asset of this name.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&HostedAsset> {
        self.assets.iter().find(|it| it.name == name)
    }
}

/// An asset on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedAsset {
    /// Its number.
    pub id: u64,
    /// Its name, as GitHub wrote it.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Whether every byte arrived; else it is what GitHub calls a `starter`.
    pub complete: bool,
    /// What GitHub computed; none for what is older than June 2025.
    pub digest: Option<Digest>,
    /// Where anybody downloads it, once it is published.
    pub download_url: String,
}

/// An asset as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedAsset {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
}

impl WantedAsset {
    /// Whether an asset is this one, as far as GitHub says.
    #[must_use]
    pub fn is(&self, asset: &HostedAsset) -> bool {
        asset.complete && asset.size == self.size && asset.digest.is_none_or(|it| it == self.digest)
    }
}

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// There are none.
    None,
    /// A token of somebody's, from this source.
    Own(&'static str),
    /// The token of a workflow run: what it does starts no further workflow.
    Workflow,
}
