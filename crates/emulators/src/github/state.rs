//! The state of the emulated GitHub.

use std::collections::{BTreeMap, BTreeSet};

use model::Digest;
use serde_json::Value;

use crate::fault::Fault;

/// A stored attestation bundle.
#[derive(Debug, Clone)]
pub(crate) struct StoredAttestation {
    pub(crate) id: u64,
    /// The JSON text of the bundle, as it was received.
    pub(crate) text: String,
    /// The predicate type of the statement; empty if it has none.
    pub(crate) predicate_type: String,
    /// `github` for an attestation by GitHub itself, otherwise `user`.
    pub(crate) initiator: &'static str,
}

/// The settings of the emulated GitHub and of its repository.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the repository's settings page")]
pub struct GitHubSettings {
    /// The owner of the repository, an organization.
    pub owner: String,
    /// The name of the repository, without the owner.
    pub name: String,
    /// The default branch of the repository.
    pub default_branch: String,
    /// A token that may push and create releases.
    pub token: String,
    /// A token of a user without push access. `None` if no such token exists.
    pub read_token: Option<String>,
    /// A token of an app installation with the same rights as `token`. `None` if no such token exists.
    pub app_token: Option<String>,
    /// The scopes of `token`, as the header `X-OAuth-Scopes` lists them. `None` for a fine-grained token, which has
    /// none.
    pub scopes: Option<String>,
    /// A token that may only read although its user has push access, and its scopes in the same form.
    pub limited_scope_token: Option<(String, Option<String>)>,
    /// The user accounts. Commits are assigned to them by e-mail address.
    pub accounts: Vec<UserAccount>,
    /// Whether the setting "immutable releases" is on: publishing a release freezes its assets and tag (F18).
    pub immutable_releases: bool,
    /// Whether callers with push access can read that setting. Real GitHub shows it to administrators only (F20).
    pub discloses_immutability: bool,
    /// Whether the repository is private: anonymous callers get 404.
    pub private: bool,
    /// Whether the API returns digests of assets. Old assets have none.
    pub asset_digests: bool,
    /// Whether lists of attestations contain the bundles, as on older servers, instead of URLs.
    pub inline_bundles: bool,
    /// The number of look-ups for which a newly created or published release is invisible.
    pub visibility_lag: u32,
    /// The number of requests per hour with a token. Anonymous callers have at most 60.
    pub rate_limit: u32,
    /// The current time, in seconds since 1970 in UTC. It advances by one second with every request.
    pub now: i64,
}

/// A user account.
#[derive(Debug, Clone)]
pub struct UserAccount {
    /// The login name.
    pub login: String,
    /// The e-mail address by which commits are assigned to the account.
    pub email: String,
}

impl GitHubSettings {
    /// Returns the settings of a public repository with one token. `now` is the time, in seconds since 1970 in UTC.
    #[must_use]
    pub fn new(owner: &str, name: &str, token: &str, now: i64) -> Self {
        Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: "main".to_owned(),
            token: token.to_owned(),
            read_token: None,
            app_token: None,
            scopes: Some("repo, workflow".to_owned()),
            limited_scope_token: None,
            accounts: Vec::new(),
            immutable_releases: false,
            discloses_immutability: true,
            private: false,
            asset_digests: true,
            inline_bundles: false,
            visibility_lag: 0,
            rate_limit: 5000,
            now,
        }
    }
}

/// A recorded request with its response.
#[derive(Debug, Clone)]
pub struct HttpExchange {
    /// The HTTP method in upper case.
    pub method: String,
    /// The path below the API root, without the query. A request to the host that assets are downloaded from has the
    /// prefix `storage:`.
    pub path: String,
    /// The status code of the response.
    pub status: u16,
    /// Whether the request had an `Authorization` header.
    pub authorized: bool,
    /// The body of the response. `None` if it is not JSON, or if it comes from the host that assets are downloaded
    /// from.
    pub body: Option<Value>,
}

/// A release as the server stores it.
#[derive(Debug, Clone)]
pub(crate) struct StoredRelease {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) target_commitish: String,
    pub(crate) name: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) immutable: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) published_at: Option<i64>,
    pub(crate) assets: Vec<StoredAsset>,
    /// The number of further look-ups for which the release is invisible.
    pub(crate) hidden_lookups: u32,
}

/// An asset as the server stores it. Its bytes are in the file named by its ID.
#[derive(Debug, Clone)]
pub(crate) struct StoredAsset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) label: Option<String>,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    /// `None` until the upload is complete.
    pub(crate) digest: Option<Digest>,
    /// Whether all bytes were received. If false, the API state is `starter`.
    pub(crate) complete: bool,
    pub(crate) download_count: u64,
    pub(crate) created_at: i64,
}

/// All mutable state of the server.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) settings: GitHubSettings,
    pub(crate) releases: BTreeMap<u64, StoredRelease>,
    /// Tags of deleted immutable releases. They cannot be published again (F19).
    pub(crate) retired_tags: BTreeSet<String>,
    /// The ID of the release that is marked as latest.
    pub(crate) latest_release: Option<u64>,
    /// Attestations by subject digest, as `algorithm:hex`.
    pub(crate) attestations: BTreeMap<String, Vec<StoredAttestation>>,
    /// Other files on the host that assets are downloaded from, by path.
    pub(crate) hosted_files: BTreeMap<String, Vec<u8>>,
    /// Workflow runs in the shape of the API, the newest last.
    pub(crate) workflow_runs: Vec<Value>,
    /// Faults that are not used up yet.
    pub(crate) faults: Vec<Fault>,
    /// Recorded requests, the newest last.
    pub(crate) exchanges: Vec<HttpExchange>,
    /// The number of requests in the current hour: anonymous ones, then those with a token.
    pub(crate) requests_used: [u32; 2],
    /// The ID that was assigned last. All kinds of objects share one sequence.
    last_id: u64,
}

impl ServerState {
    pub(crate) fn new(settings: GitHubSettings) -> Self {
        Self {
            settings,
            releases: BTreeMap::new(),
            retired_tags: BTreeSet::new(),
            latest_release: None,
            attestations: BTreeMap::new(),
            hosted_files: BTreeMap::new(),
            workflow_runs: Vec::new(),
            faults: Vec::new(),
            exchanges: Vec::new(),
            requests_used: [0; 2],
            last_id: 1_000,
        }
    }

    /// Returns an unused ID.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns the number of requests per hour for a caller with or without a token.
    pub(crate) fn rate_limit(&self, authorized: bool) -> u32 {
        if authorized { self.settings.rate_limit } else { self.settings.rate_limit.min(60) }
    }

    /// Returns the release that contains an asset.
    pub(crate) fn release_of_asset(&mut self, asset: u64) -> Option<&mut StoredRelease> {
        self.releases.values_mut().find(|it| it.assets.iter().any(|it| it.id == asset))
    }

    /// Returns the published release of a tag. Drafts are ignored.
    pub(crate) fn published_release(&self, tag: &str) -> Option<&StoredRelease> {
        self.releases.values().find(|it| it.tag == tag && !it.draft)
    }
}
