//! What is there.

use http::{HeaderMap, Method};
use model::base::url;
use model::release::host::{GitHubRelease, GitHubRepository, ReleaseAsset, RemoteTag, TokenRights};
use model::{CommitId, ObjectId, UntrustedText};
use serde::de::DeserializeOwned;

use transport::{HttpObserver, HttpUrl, RetryMode};

use crate::client::Forge;
use crate::error::ForgeError;
use crate::response::{
    self, AssetResponse, CommitResponse, CompareResponse, ImmutableReleasesResponse, RefObject, RefResponse,
    ReleaseResponse, RepositoryResponse, TagObjectResponse,
};

/// How many pages of a list are read. A hundred releases a page make ten thousand.
pub(crate) const MAX_LIST_PAGES: usize = 100;

impl Forge {
    /// The repository.
    ///
    /// # Errors
    /// [`ForgeError`], where it is not there or not to be seen among them.
    pub fn repository(&self, observer: HttpObserver<'_>) -> Result<GitHubRepository, ForgeError> {
        let (repository, headers) = self.request::<RepositoryResponse>(
            &Method::GET,
            &self.repo_path(""),
            None,
            (RetryMode::Idempotent, observer),
        )?;
        let repository = GitHubRepository::from(repository);
        Ok(GitHubRepository { token_rights: token_rights(&headers, repository.private), ..repository })
    }

    /// Whether releases are frozen when they are published; none where GitHub does not say, which it does only to those
    /// who administer the repository, and where they are not frozen to nobody (github.md F20).
    ///
    /// # Errors
    /// [`ForgeError`] for anything but an answer.
    pub fn immutable_releases_enabled(&self, observer: HttpObserver<'_>) -> Result<Option<bool>, ForgeError> {
        let path = self.repo_path("/immutable-releases");
        match self.request::<ImmutableReleasesResponse>(
            &Method::GET,
            &path,
            None,
            (RetryMode::Idempotent, observer),
        ) {
            Ok((response, _)) => Ok(Some(response.enabled)),
            Err(ForgeError::Status { status: 403 | 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every release that holds a tag: the published one, and the drafts, which no look-up by tag gives (F10, F12).
    /// Without a token that may push there are no drafts to be seen.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn releases(&self, tag: &str, observer: HttpObserver<'_>) -> Result<Vec<GitHubRelease>, ForgeError> {
        let mut releases: Vec<GitHubRelease> = self.published_release(tag, observer)?.into_iter().collect();
        for release in self.list_all::<ReleaseResponse>(
            &self.repo_path("/releases?per_page=100"),
            (RetryMode::Idempotent, &mut *observer),
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

    /// The published release of a tag; none where there is none.
    fn published_release(
        &self,
        tag: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.repo_path(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let response =
            self.request::<ReleaseResponse>(&Method::GET, &path, None, (RetryMode::Idempotent, observer));
        Ok(optional(response)?.map(GitHubRelease::from))
    }

    /// The published release of a tag that should be there; none where it is not seen for as long as patience lasts.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn find_release(
        &self,
        tag: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.repo_path(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let response =
            self.request::<ReleaseResponse>(&Method::GET, &path, None, (RetryMode::UntilVisible, observer));
        Ok(optional(response)?.map(GitHubRelease::from))
    }

    /// A tag that should be there, peeled once; none where it is not seen for as long as patience lasts.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::NoCommit`] if it names something else than a commit, a further tag included.
    pub fn find_tag(&self, name: &str, observer: HttpObserver<'_>) -> Result<Option<RemoteTag>, ForgeError> {
        let path = self.repo_path(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let response =
            self.request::<RefResponse>(&Method::GET, &path, None, (RetryMode::UntilVisible, &mut *observer));
        let Some(RefResponse { object }) = optional(response)? else { return Ok(None) };
        let peeled = if object.r#type == "tag" {
            let path = self.repo_path(&format!("/git/tags/{}", object.sha));
            self.request::<TagObjectResponse>(&Method::GET, &path, None, (RetryMode::UntilVisible, observer))?
                .0
                .object
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
            _ => Err(ForgeError::NoResponse { operation: path, reason: "it names no object".to_owned() }),
        }
    }

    /// A release that is there, by its number.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn release(&self, id: u64, observer: HttpObserver<'_>) -> Result<GitHubRelease, ForgeError> {
        let path = self.repo_path(&format!("/releases/{id}"));
        let (release, _) =
            self.request::<ReleaseResponse>(&Method::GET, &path, None, (RetryMode::UntilVisible, observer))?;
        Ok(GitHubRelease { assets: self.assets(id, observer)?, ..release.into() })
    }

    /// The assets of a release.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn assets(&self, release: u64, observer: HttpObserver<'_>) -> Result<Vec<ReleaseAsset>, ForgeError> {
        let path = self.repo_path(&format!("/releases/{release}/assets?per_page=100"));
        let assets = self.list_all::<AssetResponse>(&path, (RetryMode::UntilVisible, observer))?;
        Ok(assets.into_iter().map(ReleaseAsset::from).collect())
    }

    /// Whether a commit is an ancestor of another, or the same. Returns `None` if GitHub does not know one of them.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn is_ancestor(
        &self,
        commit: &str,
        tip: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<bool>, ForgeError> {
        Ok(self.commits_ahead(commit, tip, observer)?.map(|it| it.is_some()))
    }

    /// Whether a commit is on a branch. Returns `None` if GitHub does not know one of them. The branch is asked for by its
    /// full reference: a tag may have the same name.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn is_on_branch(
        &self,
        commit: &str,
        branch: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<bool>, ForgeError> {
        self.is_ancestor(commit, &format!("refs/heads/{branch}"), observer)
    }

    /// How many commits another commit, or full reference, has that a commit lacks: `Some(None)` if the commit is not an
    /// ancestor of it, `None` if GitHub does not know one of them.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn commits_ahead(
        &self,
        commit: &str,
        tip: &str,
        observer: HttpObserver<'_>,
    ) -> Result<Option<Option<u64>>, ForgeError> {
        let path = self.repo_path(&format!("/compare/{commit}...{}?per_page=1", url::encode_segment(tip)));
        let response =
            self.request::<CompareResponse>(&Method::GET, &path, None, (RetryMode::Idempotent, observer));
        let is_ancestor = |it: &CompareResponse| matches!(it.status.as_str(), "ahead" | "identical");
        Ok(optional(response)?.map(|it| is_ancestor(&it).then_some(it.ahead_by)))
    }

    /// Waits until GitHub has a tag, which a push to another address than GitHub's would not bring about: a draft that is
    /// published without its tag makes one of its own (github.md F13).
    ///
    /// # Errors
    /// [`ForgeError::OtherTag`] where GitHub has another object under its name.
    pub fn wait_for_tag(
        &self,
        name: &str,
        object: ObjectId,
        observer: HttpObserver<'_>,
    ) -> Result<(), ForgeError> {
        let path = self.repo_path(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let (reference, _) =
            self.request::<RefResponse>(&Method::GET, &path, None, (RetryMode::UntilVisible, observer))?;
        if reference.object.sha == object.to_string() {
            return Ok(());
        }
        Err(ForgeError::TagMismatch {
            tag: name.to_owned(),
            found: UntrustedText::new(reference.object.sha),
            pushed: object,
        })
    }

    /// The account that a commit's author has; none where GitHub knows no account for the address.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn commit_login(
        &self,
        commit: CommitId,
        observer: HttpObserver<'_>,
    ) -> Result<Option<String>, ForgeError> {
        let path = self.repo_path(&format!("/commits/{commit}"));
        let (commit_response, _) =
            self.request::<CommitResponse>(&Method::GET, &path, None, (RetryMode::Idempotent, observer))?;
        Ok(commit_response.author.and_then(|it| it.login))
    }

    /// Every entry of a list, page by page, as the `Link` header leads.
    fn list_all<T: DeserializeOwned>(
        &self,
        first: &str,
        (repeat, observer): (RetryMode, HttpObserver<'_>),
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        let mut next = Some(first.to_owned());
        for _ in 0..MAX_LIST_PAGES {
            let Some(path) = next else { return Ok(all) };
            let (page, headers) =
                self.request::<Vec<T>>(&Method::GET, &path, None, (repeat, &mut *observer))?;
            all.extend(page);
            let link =
                headers.get("link").and_then(|it| it.to_str().ok()).and_then(response::parse_next_link);
            next = link.map(|it| self.require_api_origin(it)).transpose()?;
        }
        // What stands further back would be a draft that nobody sees.
        let reason = format!("the list has more than {MAX_LIST_PAGES} pages");
        Err(ForgeError::NoResponse { operation: format!("GET {first}"), reason })
    }

    /// An address, if it is one of the API's own.
    pub(crate) fn require_api_origin(&self, address: String) -> Result<String, ForgeError> {
        match HttpUrl::parse(&address) {
            Some(url) if self.api.is_same_origin(&url) => Ok(address),
            _ => {
                let address = UntrustedText::new(address).escaped();
                Err(ForgeError::InvalidUrl {
                    url: address,
                    reason: "the next page of a list is on another host",
                })
            }
        }
    }
}

/// What a token may do, by the scopes that GitHub lists with every answer. Fine-grained tokens and those of apps have none, and
/// no such header.
fn token_rights(headers: &HeaderMap, private: bool) -> TokenRights {
    let Some(scopes) = headers.get("x-oauth-scopes").and_then(|it| it.to_str().ok()) else {
        return TokenRights::Unknown;
    };
    let writes = |scope: &str| scope == "repo" || scope == "public_repo" && !private;
    if scopes.split(',').map(str::trim).any(writes) { TokenRights::Write } else { TokenRights::ReadOnly }
}

/// What was found; none for what is not there.
pub(crate) fn optional<T>(response: Result<(T, HeaderMap), ForgeError>) -> Result<Option<T>, ForgeError> {
    match response {
        Ok((value, _)) => Ok(Some(value)),
        Err(ForgeError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
