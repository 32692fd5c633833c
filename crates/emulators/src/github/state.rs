//! What a GitHub remembers.

use std::collections::{BTreeMap, BTreeSet};

use model::Digest;
use serde_json::Value;

use crate::fault::Fault;

/// A bundle that is kept.
#[derive(Debug, Clone)]
pub(crate) struct StoredAttestation {
    pub(crate) id: u64,
    /// Its text, as it came.
    pub(crate) text: String,
    pub(crate) predicate_type: String,
    /// `user`, or `github` for what GitHub itself attests.
    pub(crate) initiator: &'static str,
}

/// How a repository on GitHub is set up.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the repository's settings page")]
pub struct GitHubSettings {
    /// Its owner, an organisation.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its default branch.
    pub default_branch: String,
    /// A token that may push and release.
    pub token: String,
    /// A token that may only read; none where there is no such token.
    pub read_token: Option<String>,
    /// A token of an installed app that may do the same as `token`; none where there is no such token.
    pub app_token: Option<String>,
    /// The scopes of `token`, as the header lists them; `None` for a fine-grained token, which has none.
    pub scopes: Option<String>,
    /// A token that may only read although its owner may push, and its scopes likewise.
    pub limited_scope_token: Option<(String, Option<String>)>,
    /// The people who are known by their addresses.
    pub accounts: Vec<UserAccount>,
    /// Whether releases are frozen when they are published.
    pub immutable_releases: bool,
    /// Whether those who may only push are told that.
    pub discloses_immutability: bool,
    /// Whether only those with a token see it.
    pub private: bool,
    /// Whether assets have digests; old ones have none.
    pub asset_digests: bool,
    /// Whether attestations carry their bundles, as on older servers.
    pub inline_bundles: bool,
    /// How many look-ups do not see what was just created.
    pub visibility_lag: u32,
    /// How many requests a caller has in an hour.
    pub rate_limit: u32,
    /// The time, in seconds since 1970 in UTC. It goes on by a second with every request.
    pub now: i64,
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct UserAccount {
    /// The account's name.
    pub login: String,
    /// The address that commits are known by.
    pub email: String,
}

impl GitHubSettings {
    /// A public repository with one token, at this time.
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

/// A request and what was answered.
#[derive(Debug, Clone)]
pub struct HttpExchange {
    /// The method.
    pub method: String,
    /// The path, without the query, under the API's root; after `storage:` for the host that assets are downloaded from.
    pub path: String,
    /// The status.
    pub status: u16,
    /// Whether the request carried credentials.
    pub authorized: bool,
    /// The answer; none where it is no JSON.
    pub body: Option<Value>,
}

/// A release.
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
    /// How many look-ups do not see it yet.
    pub(crate) hidden_lookups: u32,
}

/// An asset.
#[derive(Debug, Clone)]
pub(crate) struct StoredAsset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) label: Option<String>,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    /// None while it is a `starter`, and for what is older than digests are.
    pub(crate) digest: Option<Digest>,
    pub(crate) complete: bool,
    pub(crate) download_count: u64,
    pub(crate) created_at: i64,
}

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) settings: GitHubSettings,
    pub(crate) releases: BTreeMap<u64, StoredRelease>,
    /// Tags of immutable releases that were deleted.
    pub(crate) retired_tags: BTreeSet<String>,
    /// The release with the badge.
    pub(crate) latest_release: Option<u64>,
    /// Attestation bundles by the digest of their subject.
    pub(crate) attestations: BTreeMap<String, Vec<StoredAttestation>>,
    /// What else is to be had from the host that assets are downloaded from, by its path.
    pub(crate) hosted_files: BTreeMap<String, Vec<u8>>,
    /// Workflow runs, the newest last.
    pub(crate) workflow_runs: Vec<Value>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) exchanges: Vec<HttpExchange>,
    /// Requests of this hour: anonymous ones, and those with a token.
    pub(crate) requests_used: [u32; 2],
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

    /// A number that nothing has yet.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// How many requests an hour a caller has, with a token or without.
    pub(crate) fn rate_limit(&self, authorized: bool) -> u32 {
        if authorized { self.settings.rate_limit } else { self.settings.rate_limit.min(60) }
    }

    /// The release that holds an asset.
    pub(crate) fn release_of_asset(&mut self, asset: u64) -> Option<&mut StoredRelease> {
        self.releases.values_mut().find(|it| it.assets.iter().any(|it| it.id == asset))
    }

    /// The published release of a tag.
    pub(crate) fn published_release(&self, tag: &str) -> Option<&StoredRelease> {
        self.releases.values().find(|it| it.tag == tag && !it.draft)
    }
}
