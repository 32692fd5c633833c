//! Read-only queries: the repository, its releases, assets, tags and commits.

use http::HeaderMap;
use model::base::url;
use model::release::host::{GitHubRelease, GitHubRepository, ReleaseAsset, RemoteTag, TokenRights};
use model::{CommitId, ObjectId, UntrustedText};
use serde::de::DeserializeOwned;

use transport::{HttpObserver, HttpUrl, RetryMode};

use crate::client::Forge;
use crate::error::ForgeError;
use crate::response::{
    self, AssetResponse, CommitResponse, CompareResponse, ImmutableReleasesResponse, NamedRefResponse,
    RefObject, RefResponse, ReleaseResponse, RepositoryResponse, TagObjectResponse,
};

/// The most pages of a list that are read. With 100 entries per page these are 10,000 entries.
pub(crate) const MAX_LIST_PAGES: usize = 100;

impl Forge {
    /// Returns the repository, as the REST API describes it to the token.
    ///
    /// # Errors
    /// [`ForgeError::Status`] with status 404 if the repository does not exist or is not visible, else the
    /// [`ForgeError`] of the request.
    pub fn repository(&self, observer: HttpObserver<'_>) -> Result<GitHubRepository, ForgeError> {
        let (repository, headers) =
            self.get::<RepositoryResponse>(&self.repo_path(""), RetryMode::Idempotent, observer)?;
        let repository = GitHubRepository::from(repository);
        Ok(GitHubRepository { token_rights: token_rights(&headers, repository.private), ..repository })
    }

    /// Returns whether releases become immutable when they are published. `None` if GitHub answers 403 or 404: it
    /// reports the setting only to administrators of the repository (github.md F20).
    ///
    /// # Errors
    /// The [`ForgeError`] of the request, for any other status.
    pub fn immutable_releases_enabled(&self, observer: HttpObserver<'_>) -> Result<Option<bool>, ForgeError> {
        let path = self.repo_path("/immutable-releases");
        match self.get::<ImmutableReleasesResponse>(&path, RetryMode::Idempotent, observer) {
            Ok((response, _)) => Ok(Some(response.enabled)),
            Err(ForgeError::Status { status: 403 | 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all releases of a tag with their assets, sorted by id: the published one, and the drafts, which the
    /// look-up by tag does not return (github.md F10, F12). Drafts are visible only to a token that may push.
    ///
    /// # Errors
    /// [`ForgeError::NoResponse`] if the list has more than 100 pages, else the [`ForgeError`] of a request.
    pub fn releases(&self, tag: &str, observer: HttpObserver<'_>) -> Result<Vec<GitHubRelease>, ForgeError> {
        let mut releases: Vec<GitHubRelease> = self.published_release(tag, observer)?.into_iter().collect();
        for release in self.list_all::<ReleaseResponse>(
            &self.repo_path("/releases?per_page=100"),
            RetryMode::Idempotent,
            &mut *observer,
        )? {
            if release.tag_name == tag {
                let release = GitHubRelease::from(release);
                if releases.iter().all(|it| it.id != release.id) {
                    releases.push(release);
                }
            }
        }
        for release in &mut releases {
            release.assets = self.assets(release.id, observer)?;
        }
        releases.sort_by_key(|it| it.id);
        Ok(releases)
    }

    /// Returns the published release of a tag. `None` if there is none.
    fn published_release(
        &self,
        tag: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.repo_path(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let response = self.get::<ReleaseResponse>(&path, RetryMode::Idempotent, observer);
        Ok(optional(response)?.map(GitHubRelease::from))
    }

    /// Returns the published release of a tag that should exist. `None` if GitHub still answers 404 after the last
    /// attempt: a new release may not be visible at once (github.md F29).
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn find_release(
        &self,
        tag: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.repo_path(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let response = self.get::<ReleaseResponse>(&path, RetryMode::UntilVisible, observer);
        Ok(optional(response)?.map(GitHubRelease::from))
    }

    /// Returns the names of all tags that begin with `prefix` (REST, "List matching references").
    ///
    /// # Errors
    /// [`ForgeError::NoResponse`] if the list has more than 100 pages, else the [`ForgeError`] of a request.
    pub fn tag_names(&self, prefix: &str, observer: HttpObserver<'_>) -> Result<Vec<String>, ForgeError> {
        let path = self.repo_path(&format!("/git/matching-refs/tags/{}", url::encode_path(prefix)));
        let references = self.list_all::<NamedRefResponse>(&path, RetryMode::Idempotent, observer)?;
        let name = |it: NamedRefResponse| it.r#ref.strip_prefix("refs/tags/").map(str::to_owned);
        Ok(references.into_iter().filter_map(name).collect())
    }

    /// Returns a tag that should exist, peeled once. `None` if GitHub still answers 404 after the last attempt.
    ///
    /// # Errors
    /// [`ForgeError::NotACommit`] if the peeled object is not a commit (it may be another tag), else the [`ForgeError`]
    /// of a request.
    pub fn find_tag(&self, name: &str, observer: HttpObserver<'_>) -> Result<Option<RemoteTag>, ForgeError> {
        let path = self.repo_path(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let response = self.get::<RefResponse>(&path, RetryMode::UntilVisible, &mut *observer);
        let Some(RefResponse { object }) = optional(response)? else { return Ok(None) };
        let peeled = if object.r#type == "tag" {
            let path = self.repo_path(&format!("/git/tags/{}", object.sha));
            self.get::<TagObjectResponse>(&path, RetryMode::UntilVisible, observer)?.0.object
        } else {
            RefObject { sha: object.sha.clone(), r#type: object.r#type.clone() }
        };
        if peeled.r#type != "commit" {
            return Err(ForgeError::NotACommit {
                tag: name.to_owned(),
                object_type: UntrustedText::new(peeled.r#type),
            });
        }
        match (ObjectId::from_hex(&object.sha), ObjectId::from_hex(&peeled.sha)) {
            (Some(object), Some(commit)) => Ok(Some(RemoteTag { object, commit: CommitId::new(commit) })),
            _ => Err(ForgeError::NoResponse {
                operation: path,
                reason: "the response has an invalid object id".to_owned(),
            }),
        }
    }

    /// Returns an existing release by its id, with all of its assets. A 404 is retried (github.md F29).
    ///
    /// # Errors
    /// The [`ForgeError`] of a request.
    pub fn release(&self, id: u64, observer: HttpObserver<'_>) -> Result<GitHubRelease, ForgeError> {
        let path = self.repo_path(&format!("/releases/{id}"));
        let (release, _) = self.get::<ReleaseResponse>(&path, RetryMode::UntilVisible, observer)?;
        Ok(GitHubRelease { assets: self.assets(id, observer)?, ..release.into() })
    }

    /// Returns all assets of an existing release, including incomplete uploads. A 404 is retried (github.md F29).
    ///
    /// # Errors
    /// [`ForgeError::NoResponse`] if the list has more than 100 pages, else the [`ForgeError`] of a request.
    pub fn assets(&self, release: u64, observer: HttpObserver<'_>) -> Result<Vec<ReleaseAsset>, ForgeError> {
        let path = self.repo_path(&format!("/releases/{release}/assets?per_page=100"));
        let assets = self.list_all::<AssetResponse>(&path, RetryMode::UntilVisible, observer)?;
        Ok(assets.into_iter().map(ReleaseAsset::from).collect())
    }

    /// Returns whether a commit is an ancestor of another commit, or equal to it. `None` if GitHub has no such commit.
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn is_ancestor(
        &self,
        commit: &str,
        tip: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<bool>, ForgeError> {
        Ok(self.commits_ahead(commit, tip, observer)?.map(|it| it.is_some()))
    }

    /// Returns whether a commit is on a branch. `None` if GitHub has no such commit or branch. The request uses the
    /// full ref `refs/heads/<branch>`, because a tag may have the same name.
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn is_on_branch(
        &self,
        commit: &str,
        branch: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<bool>, ForgeError> {
        self.is_ancestor(commit, &format!("refs/heads/{branch}"), observer)
    }

    /// Returns how many commits `tip`, a commit or full ref, is ahead of `commit` (REST, "Compare two commits").
    /// `Some(None)` if `commit` is not an ancestor of `tip`, `None` if GitHub does not have one of them.
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn commits_ahead(
        &self,
        commit: &str,
        tip: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<Option<u64>>, ForgeError> {
        let path = self.repo_path(&format!("/compare/{commit}...{}?per_page=1", url::encode_segment(tip)));
        let response = self.get::<CompareResponse>(&path, RetryMode::Idempotent, observer);
        let is_ancestor = |it: &CompareResponse| matches!(it.status.as_str(), "ahead" | "identical");
        Ok(optional(response)?.map(|it| is_ancestor(&it).then_some(it.ahead_by)))
    }

    /// Waits until GitHub has the pushed tag. If a draft is published before its tag exists, GitHub creates a
    /// lightweight tag (github.md F13); the push may also have gone to another repository than the API's.
    ///
    /// # Errors
    /// [`ForgeError::TagMismatch`] if GitHub has another object under this name, [`ForgeError::Status`] with status 404
    /// if the tag is not visible after the last attempt, else the [`ForgeError`] of the request.
    pub fn wait_for_tag(
        &self,
        name: &str,
        object: ObjectId,
        observer: HttpObserver<'_>,
    ) -> Result<(), ForgeError> {
        let path = self.repo_path(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let (reference, _) = self.get::<RefResponse>(&path, RetryMode::UntilVisible, observer)?;
        if reference.object.sha == object.to_string() {
            return Ok(());
        }
        Err(ForgeError::TagMismatch {
            tag: name.to_owned(),
            found: UntrustedText::new(reference.object.sha),
            pushed: object,
        })
    }

    /// Returns the login of a commit's author. `None` if no GitHub account has the author's e-mail address.
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn commit_login(
        &self,
        commit: CommitId,
        observer: HttpObserver<'_>,
    ) -> Result<Option<String>, ForgeError> {
        let path = self.repo_path(&format!("/commits/{commit}"));
        let (commit_response, _) = self.get::<CommitResponse>(&path, RetryMode::Idempotent, observer)?;
        Ok(commit_response.author.and_then(|it| it.login))
    }

    /// Returns all entries of a list. The `Link` header of a page names the next one (RFC 8288).
    fn list_all<T: DeserializeOwned>(
        &self,
        first: &str,
        retry_mode: RetryMode,
        observer: HttpObserver<'_>,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        let mut next = Some(first.to_owned());
        for _ in 0..MAX_LIST_PAGES {
            let Some(path) = next else { return Ok(all) };
            let (page, headers) = self.get::<Vec<T>>(&path, retry_mode, &mut *observer)?;
            all.extend(page);
            let link =
                headers.get("link").and_then(|it| it.to_str().ok()).and_then(response::parse_next_link);
            next = link.map(|it| self.require_api_origin(it)).transpose()?;
        }
        // An incomplete list is an error, because a draft on a later page would be overlooked (github.md F10).
        let reason = format!("the list exceeds the limit of {MAX_LIST_PAGES} pages");
        Err(ForgeError::NoResponse { operation: format!("GET {first}"), reason })
    }

    /// Returns the URL if it has the origin of the API. Another host is an error, because the request carries the
    /// token.
    pub(crate) fn require_api_origin(&self, address: String) -> Result<String, ForgeError> {
        match HttpUrl::parse(&address) {
            Some(url) if self.api.is_same_origin(&url) => Ok(address),
            _ => {
                let address = UntrustedText::new(address).escaped();
                Err(ForgeError::InvalidUrl {
                    url: address,
                    reason: "the next page of the list is on another host",
                })
            }
        }
    }
}

/// Returns what the token may do, from the scopes in the header `X-OAuth-Scopes` of a response (GitHub's "Scopes for
/// OAuth apps"). Unknown for fine-grained tokens and app tokens, which have no scopes and no such header.
fn token_rights(headers: &HeaderMap, private: bool) -> TokenRights {
    let Some(scopes) = headers.get("x-oauth-scopes").and_then(|it| it.to_str().ok()) else {
        return TokenRights::Unknown;
    };
    let writes = |scope: &str| scope == "repo" || scope == "public_repo" && !private;
    if scopes.split(',').map(str::trim).any(writes) { TokenRights::Write } else { TokenRights::ReadOnly }
}

/// Returns the value of a response, or `None` for status 404. Any other failure stays an error.
pub(crate) fn optional<T>(response: Result<(T, HeaderMap), ForgeError>) -> Result<Option<T>, ForgeError> {
    match response {
        Ok((value, _)) => Ok(Some(value)),
        Err(ForgeError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
