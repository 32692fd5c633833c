//! The remote's refs, and the repository, releases and assets on GitHub.

use serde::Serialize;

use crate::{CommitId, Digest, ObjectId, UntrustedText};

/// What was observed of the remote and of GitHub before publishing.
#[derive(Debug, Clone)]
pub struct RemoteFacts {
    /// The refs of the remote that the tag is pushed to.
    pub refs: RemoteRefs,
    /// The repository on GitHub, as the token sees it.
    pub repository: GitHubRepository,
    /// Whether releases become immutable when they are published. `None` if GitHub does not report the setting.
    pub immutable_releases: Option<bool>,
    /// All releases of the tag, including drafts.
    pub releases: Vec<GitHubRelease>,
    /// The assets that the release must have. Empty if there is no release to compare with.
    pub expected_assets: Vec<ExpectedAsset>,
    /// The source of the token.
    pub credential_source: CredentialSource,
    /// Whether this program runs in a workflow of GitHub Actions.
    pub in_actions: bool,
    /// The requests left in the current hour (`X-RateLimit-Remaining`). `None` if GitHub does not report it.
    pub rate_limit_remaining: Option<u32>,
}

/// The refs of a remote, as `git ls-remote` lists them now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The tag to release. `None` if the remote does not have it.
    pub tag: Option<RemoteTag>,
    /// The branch that the remote's `HEAD` points to, and its newest commit. `None` if `HEAD` points to no branch.
    pub default_branch: Option<(String, CommitId)>,
    /// The names of all tags of the target, without `refs/tags/`.
    pub tags: Vec<String>,
    /// The push URL, if it is another repository than the fetch URL's (`remote.<name>.pushurl`); credentials redacted.
    pub divergent_push_url: Option<String>,
}

/// A tag on a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteTag {
    /// The object that the reference points to.
    pub object: ObjectId,
    /// The peeled commit: the object itself for a lightweight tag.
    pub commit: CommitId,
}

/// A repository on GitHub, as the REST API describes it to the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRepository {
    /// The current name, `OWNER/NAME`. It differs from the requested one after a rename or transfer.
    pub full_name: UntrustedText,
    /// Whether the repository is private.
    pub private: bool,
    /// Whether the repository is archived, which makes it read-only.
    pub archived: bool,
    /// Whether the user of the token may push and create releases.
    pub can_push: bool,
    /// What the token itself may do, as far as GitHub reports it.
    pub token_rights: TokenRights,
}

/// What the scopes of a token allow, in addition to the user's permissions (GitHub's "Scopes for OAuth apps", header
/// `X-OAuth-Scopes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRights {
    /// The token has a scope that allows writing to the repository.
    Write,
    /// The token has scopes, but none that allows writing.
    ReadOnly,
    /// GitHub reports no scopes: fine-grained tokens and app tokens have none.
    Unknown,
}

/// A release on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRelease {
    /// The release's id. Releases are addressed by id, because a tag may have several drafts.
    pub id: u64,
    /// The name of the release's tag.
    pub tag_name: UntrustedText,
    /// The title; the REST field is `name`.
    pub title: UntrustedText,
    /// The text, in Markdown.
    pub body: UntrustedText,
    /// Whether it is a draft, which only users with push access see.
    pub draft: bool,
    /// Whether it is marked as a pre-release.
    pub prerelease: bool,
    /// The time of publication, in seconds since 1970. `None` for a draft.
    pub published_at: Option<i64>,
    /// Whether the release is immutable: its assets and its tag cannot be changed.
    pub immutable: bool,
    /// The URL of the release's page.
    pub html_url: UntrustedText,
    /// The URL template for uploads of assets (RFC 6570).
    pub upload_url: UntrustedText,
    /// The assets, including incomplete uploads.
    pub assets: Vec<ReleaseAsset>,
}

impl GitHubRelease {
    /// Returns the asset with this name. Returns `None` if the release has no such asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&ReleaseAsset> {
        self.assets.iter().find(|it| it.name.is(name))
    }
}

/// An asset of a release on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsset {
    /// The asset's id.
    pub id: u64,
    /// The asset's name. GitHub may have replaced characters of the uploaded name.
    pub name: UntrustedText,
    /// The size in bytes.
    pub size: u64,
    /// Whether the upload is complete. If not, GitHub's state of the asset is `starter`.
    pub is_uploaded: bool,
    /// The digest that GitHub reports. If it reports none (before June 2025, and on some servers), the digest of the
    /// downloaded bytes. `None` if the asset was not downloaded either.
    pub digest: Option<Digest>,
    /// The public download URL, which works after publication.
    pub download_url: UntrustedText,
}

/// An asset as the plan requires it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedAsset {
    /// The name of the file.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 digest of the content.
    pub digest: Digest,
}

impl ExpectedAsset {
    /// Returns true if the asset is complete and has this size and digest. An asset without a digest never matches.
    #[must_use]
    pub fn matches(&self, asset: &ReleaseAsset) -> bool {
        asset.is_uploaded && asset.size == self.size && asset.digest == Some(self.digest)
    }
}

/// The title, text and pre-release mark of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseText<'a> {
    /// The title.
    pub title: &'a str,
    /// The text, in Markdown.
    pub body: &'a str,
    /// Whether it is marked as a pre-release.
    pub prerelease: bool,
}

impl ReleaseText<'_> {
    /// Returns true if the release has this title, text and mark. Line endings and trailing white space are ignored,
    /// because GitHub may change them.
    #[must_use]
    pub fn matches(&self, release: &GitHubRelease) -> bool {
        let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
        release.title.is(self.title)
            && release.prerelease == self.prerelease
            && plain(release.body.raw()) == plain(self.body)
    }
}

/// The source and kind of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// There is no token.
    None,
    /// A user's token, with the name of its source, as in `GH_TOKEN`.
    User(&'static str),
    /// An app installation token, with the name of its source. The token of a workflow run is one. GitHub does not
    /// report what it may do.
    AppInstallation(&'static str),
}

/// An attestation that GitHub stores for an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubAttestation {
    /// The id of the repository that GitHub stores it for.
    pub repository_id: u64,
    /// Whether GitHub created it for an immutable release. If not, a workflow of a user created it.
    pub is_release_attestation: bool,
    /// The text of the bundle, or the error message if it could not be downloaded.
    pub bundle: Result<String, String>,
}
