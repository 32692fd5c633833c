//! What the world has of a release: the tag on origin, and what stands on GitHub.

use serde::Serialize;

use crate::{CommitId, Digest, ObjectId, UntrustedText};

/// What was observed of the world, where a release is to be published.
#[derive(Debug, Clone)]
pub struct RemoteFacts {
    /// The remote that the tag is pushed to.
    pub refs: RemoteRefs,
    /// The repository on GitHub.
    pub repository: GitHubRepository,
    /// Whether releases are frozen when they are published; none where GitHub does not say.
    pub immutable_releases: Option<bool>,
    /// Every release that holds the tag, drafts included.
    pub releases: Vec<GitHubRelease>,
    /// The assets that the release must have; empty where there is no release to compare with.
    pub expected_assets: Vec<ExpectedAsset>,
    /// Where the credentials come from.
    pub credential_source: CredentialSource,
    /// Whether this is a run of a workflow of GitHub Actions.
    pub in_actions: bool,
    /// How many requests are left in this hour; none where GitHub does not say.
    pub rate_limit_remaining: Option<u32>,
}

/// A remote, as it answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The tag; none where it has none of this name.
    pub tag: Option<RemoteTag>,
    /// The branch that its `HEAD` names, and its newest commit; none where it names none.
    pub default_branch: Option<(String, CommitId)>,
    /// The names of all tags of the target, without `refs/tags/`.
    pub tags: Vec<String>,
    /// Where a push would go, where that is another repository than the one that is asked.
    pub divergent_push_url: Option<String>,
}

/// A tag on a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteTag {
    /// The object that the reference names.
    pub object: ObjectId,
    /// The peeled commit: the object itself for a lightweight tag.
    pub commit: CommitId,
}

/// A repository on GitHub, as its owner is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRepository {
    /// `OWNER/NAME`, as it is called now.
    pub full_name: UntrustedText,
    /// Whether only some may read it.
    pub private: bool,
    /// Whether nobody may change it any more.
    pub archived: bool,
    /// Whether the owner of the credentials may push and release.
    pub can_push: bool,
    /// What the token itself may do, as far as GitHub tells.
    pub token_rights: TokenRights,
}

/// What a token may do, beside what its owner may (GitHub's "Scopes for OAuth apps", `X-OAuth-Scopes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRights {
    /// It has a scope that lets it write to the repository.
    Write,
    /// It has no such scope.
    ReadOnly,
    /// GitHub does not tell: fine-grained tokens and those of apps have no scopes.
    Unknown,
}

/// A release on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRelease {
    /// Its number, which is what it is found by: a tag may have several drafts.
    pub id: u64,
    /// The tag that it holds.
    pub tag_name: UntrustedText,
    /// Its title.
    pub title: UntrustedText,
    /// Its text.
    pub body: UntrustedText,
    /// Whether only those who may push see it.
    pub draft: bool,
    /// Whether it is marked as not final.
    pub prerelease: bool,
    /// When it was published, in seconds since 1970; none for a draft.
    pub published_at: Option<i64>,
    /// Whether GitHub lets nobody change it any more.
    pub immutable: bool,
    /// Its page.
    pub html_url: UntrustedText,
    /// Where assets are uploaded to, a template (RFC 6570).
    pub upload_url: UntrustedText,
    /// Its assets.
    pub assets: Vec<ReleaseAsset>,
}

impl GitHubRelease {
    /// The asset of this name.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&ReleaseAsset> {
        self.assets.iter().find(|it| it.name.is(name))
    }
}

/// An asset on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsset {
    /// Its number.
    pub id: u64,
    /// Its name, as GitHub wrote it.
    pub name: UntrustedText,
    /// Its length in bytes.
    pub size: u64,
    /// Whether every byte arrived; else it is what GitHub calls a `starter`.
    pub is_uploaded: bool,
    /// What GitHub computed, or where it does not (before June 2025, on some servers) what was downloaded; none where nobody
    /// looked.
    pub digest: Option<Digest>,
    /// Where anybody downloads it, once it is published.
    pub download_url: UntrustedText,
}

/// An asset as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedAsset {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
}

impl ExpectedAsset {
    /// Whether an asset is this one. Without a digest nobody knows.
    #[must_use]
    pub fn matches(&self, asset: &ReleaseAsset) -> bool {
        asset.is_uploaded && asset.size == self.size && asset.digest == Some(self.digest)
    }
}

/// What a release says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseText<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// Whether it is marked as not final.
    pub prerelease: bool,
}

impl ReleaseText<'_> {
    /// Whether a release says this. Line ends and the space at the end are GitHub's affair.
    #[must_use]
    pub fn matches(&self, release: &GitHubRelease) -> bool {
        let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
        release.title.is(self.title)
            && release.prerelease == self.prerelease
            && plain(release.body.raw()) == plain(self.body)
    }
}

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// There are none.
    None,
    /// A token of somebody's, from this source.
    User(&'static str),
    /// A token of an installed app, from this source; that of a workflow run is one. GitHub does not tell what it may do.
    AppInstallation(&'static str),
}

/// An attestation that GitHub keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubAttestation {
    /// The number of the repository that it is kept for.
    pub repository_id: u64,
    /// Whether GitHub itself made it, and not a user's workflow.
    pub is_release_attestation: bool,
    /// The bundle's text; what was said where it could not be had.
    pub bundle: Result<String, String>,
}
