//! What is there.

use model::base::url;
use model::release::host::{GitHubRelease, GitHubRepository, ReleaseAsset, RemoteTag, TokenRights};
use model::{CommitId, ObjectId, UntrustedText};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;

use crate::client::Repeat;
use crate::wire::{
    self, Asset, Commit, Comparison, Immutability, Object, Reference, Release, Repository, Tag,
};
use crate::{Forge, ForgeError, Tell};

/// How many pages of a list are read. A hundred releases a page make ten thousand.
pub(crate) const PAGES: usize = 100;

impl Forge {
    /// The repository.
    ///
    /// # Errors
    /// [`ForgeError`], where it is not there or not to be seen among them.
    pub fn repository(&self, tell: Tell<'_>) -> Result<GitHubRepository, ForgeError> {
        let (it, headers) =
            self.ask::<Repository>(&Method::GET, &self.at(""), None, (Repeat::Freely, tell))?;
        let it = GitHubRepository::from(it);
        Ok(GitHubRepository { token_rights: rights(&headers, it.private), ..it })
    }

    /// Whether releases are frozen when they are published; none where GitHub does not say, which it does only to those
    /// who administer the repository, and where they are not frozen to nobody (github.md F20).
    ///
    /// # Errors
    /// [`ForgeError`] for anything but an answer.
    pub fn immutability(&self, tell: Tell<'_>) -> Result<Option<bool>, ForgeError> {
        let path = self.at("/immutable-releases");
        match self.ask::<Immutability>(&Method::GET, &path, None, (Repeat::Freely, tell)) {
            Ok((it, _)) => Ok(Some(it.enabled)),
            Err(ForgeError::Refused { status: 403 | 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every release that holds a tag: the published one, and the drafts, which no look-up by tag gives (F10, F12).
    /// Without a token that may push there are no drafts to be seen.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn releases(&self, tag: &str, tell: Tell<'_>) -> Result<Vec<GitHubRelease>, ForgeError> {
        let mut found: Vec<GitHubRelease> = self.published(tag, tell)?.into_iter().collect();
        for release in
            self.pages::<Release>(&self.at("/releases?per_page=100"), (Repeat::Freely, &mut *tell))?
        {
            if release.tag_name == tag {
                let release = GitHubRelease::from(release);
                if found.iter().all(|it| it.id != release.id) {
                    found.push(release);
                }
            }
        }
        for release in &mut found {
            release.assets = self.assets(release.id, tell)?;
        }
        found.sort_by_key(|it| it.id);
        Ok(found)
    }

    /// The published release of a tag; none where there is none.
    fn published(&self, tag: &str, tell: Tell<'_>) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.at(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let found = self.ask::<Release>(&Method::GET, &path, None, (Repeat::Freely, tell));
        Ok(there(found)?.map(GitHubRelease::from))
    }

    /// The published release of a tag that should be there; none where it is not seen for as long as patience lasts.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn await_published(&self, tag: &str, tell: Tell<'_>) -> Result<Option<GitHubRelease>, ForgeError> {
        let path = self.at(&format!("/releases/tags/{}", url::encode_segment(tag)));
        let found = self.ask::<Release>(&Method::GET, &path, None, (Repeat::AndAwait, tell));
        Ok(there(found)?.map(GitHubRelease::from))
    }

    /// A tag that should be there, peeled once; none where it is not seen for as long as patience lasts.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::NoCommit`] if it names something else than a commit, a further tag included.
    pub fn await_tag(&self, name: &str, tell: Tell<'_>) -> Result<Option<RemoteTag>, ForgeError> {
        let path = self.at(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let found = self.ask::<Reference>(&Method::GET, &path, None, (Repeat::AndAwait, &mut *tell));
        let Some(Reference { object }) = there(found)? else { return Ok(None) };
        let peeled = if object.r#type == "tag" {
            let path = self.at(&format!("/git/tags/{}", object.sha));
            self.ask::<Tag>(&Method::GET, &path, None, (Repeat::AndAwait, tell))?.0.object
        } else {
            Object { sha: object.sha.clone(), r#type: object.r#type.clone() }
        };
        if peeled.r#type != "commit" {
            return Err(ForgeError::NoCommit {
                tag: name.to_owned(),
                kind: UntrustedText::new(peeled.r#type),
            });
        }
        match (ObjectId::from_hex(&object.sha), ObjectId::from_hex(&peeled.sha)) {
            (Some(object), Some(commit)) => Ok(Some(RemoteTag { object, commit: CommitId::new(commit) })),
            _ => Err(ForgeError::Unanswered { what: path, reason: "it names no object".to_owned() }),
        }
    }

    /// A release that is there, by its number.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn release(&self, id: u64, tell: Tell<'_>) -> Result<GitHubRelease, ForgeError> {
        let path = self.at(&format!("/releases/{id}"));
        let (it, _) = self.ask::<Release>(&Method::GET, &path, None, (Repeat::AndAwait, tell))?;
        Ok(GitHubRelease { assets: self.assets(id, tell)?, ..it.into() })
    }

    /// The assets of a release.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn assets(&self, release: u64, tell: Tell<'_>) -> Result<Vec<ReleaseAsset>, ForgeError> {
        let path = self.at(&format!("/releases/{release}/assets?per_page=100"));
        let assets = self.pages::<Asset>(&path, (Repeat::AndAwait, tell))?;
        Ok(assets.into_iter().map(ReleaseAsset::from).collect())
    }

    /// Whether a commit is an ancestor of another, or the same. Returns `None` if GitHub does not know one of them.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn contains(&self, commit: &str, tip: &str, tell: Tell<'_>) -> Result<Option<bool>, ForgeError> {
        Ok(self.ahead(commit, tip, tell)?.map(|it| it.is_some()))
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
        tell: Tell<'_>,
    ) -> Result<Option<bool>, ForgeError> {
        self.contains(commit, &format!("refs/heads/{branch}"), tell)
    }

    /// How many commits another commit, or full reference, has that a commit lacks: `Some(None)` if the commit is not an
    /// ancestor of it, `None` if GitHub does not know one of them.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn ahead(&self, commit: &str, tip: &str, tell: Tell<'_>) -> Result<Option<Option<u64>>, ForgeError> {
        let path = self.at(&format!("/compare/{commit}...{}?per_page=1", url::encode_segment(tip)));
        let found = self.ask::<Comparison>(&Method::GET, &path, None, (Repeat::Freely, tell));
        let is_ancestor = |it: &Comparison| matches!(it.status.as_str(), "ahead" | "identical");
        Ok(there(found)?.map(|it| is_ancestor(&it).then_some(it.ahead_by)))
    }

    /// Waits until GitHub has a tag, which a push to another address than GitHub's would not bring about: a draft that is
    /// published without its tag makes one of its own (github.md F13).
    ///
    /// # Errors
    /// [`ForgeError::OtherTag`] where GitHub has another object under its name.
    pub fn wait_for_tag(&self, name: &str, object: ObjectId, tell: Tell<'_>) -> Result<(), ForgeError> {
        let path = self.at(&format!("/git/ref/tags/{}", url::encode_path(name)));
        let (it, _) = self.ask::<Reference>(&Method::GET, &path, None, (Repeat::AndAwait, tell))?;
        if it.object.sha == object.to_string() {
            return Ok(());
        }
        Err(ForgeError::OtherTag {
            tag: name.to_owned(),
            found: UntrustedText::new(it.object.sha),
            pushed: object,
        })
    }

    /// The account that a commit's author has; none where GitHub knows no account for the address.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn author(&self, commit: CommitId, tell: Tell<'_>) -> Result<Option<String>, ForgeError> {
        let path = self.at(&format!("/commits/{commit}"));
        let (it, _) = self.ask::<Commit>(&Method::GET, &path, None, (Repeat::Freely, tell))?;
        Ok(it.author.and_then(|it| it.login))
    }

    /// Every entry of a list, page by page, as the `Link` header leads.
    fn pages<T: DeserializeOwned>(
        &self,
        first: &str,
        (repeat, tell): (Repeat, Tell<'_>),
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        let mut next = Some(first.to_owned());
        for _ in 0..PAGES {
            let Some(path) = next else { return Ok(all) };
            let (page, headers) = self.ask::<Vec<T>>(&Method::GET, &path, None, (repeat, &mut *tell))?;
            all.extend(page);
            let link = headers.get("link").and_then(|it| it.to_str().ok()).and_then(wire::next_page);
            next = link.map(|it| self.same_host(it)).transpose()?;
        }
        // What stands further back would be a draft that nobody sees.
        let reason = format!("the list has more than {PAGES} pages");
        Err(ForgeError::Unanswered { what: format!("GET {first}"), reason })
    }

    /// An address, if it is one of the API's own.
    pub(crate) fn same_host(&self, address: String) -> Result<String, ForgeError> {
        let api = Url::parse(&self.settings.api).map(|it| it.origin());
        match Url::parse(&address) {
            Ok(url) if api.is_ok_and(|it| it == url.origin()) => Ok(address),
            _ => {
                let address = UntrustedText::new(address).escaped();
                Err(ForgeError::Address { address, reason: "the next page of a list is on another host" })
            }
        }
    }
}

/// What a token may do, by the scopes that GitHub lists with every answer. Fine-grained tokens and those of apps have none, and
/// no such header.
fn rights(headers: &HeaderMap, private: bool) -> TokenRights {
    let Some(scopes) = headers.get("x-oauth-scopes").and_then(|it| it.to_str().ok()) else {
        return TokenRights::Unknown;
    };
    let writes = |scope: &str| scope == "repo" || scope == "public_repo" && !private;
    if scopes.split(',').map(str::trim).any(writes) { TokenRights::Write } else { TokenRights::ReadOnly }
}

/// What was found; none for what is not there.
pub(crate) fn there<T>(found: Result<(T, HeaderMap), ForgeError>) -> Result<Option<T>, ForgeError> {
    match found {
        Ok((it, _)) => Ok(Some(it)),
        Err(ForgeError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
