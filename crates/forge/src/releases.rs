//! Releases: made, changed, published. What was lost on the way is looked for, never made again.

use model::release::host::{GitHubRelease, ReleaseText};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Repeat;
use crate::facts::there;
use crate::wire::Release;
use crate::{Forge, ForgeError, Tell};

/// Which release has the badge "Latest".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// This one.
    This,
    /// The one that had it before.
    Another,
}

impl Forge {
    /// A new draft, and the only one of its tag. It names no commit: the tag is pushed before it is published
    /// (github.md F13).
    ///
    /// # Errors
    /// [`ForgeError::CreationUnknown`] where no answer came and no draft is to be seen; [`ForgeError::Twins`] where
    /// another run was first: what this one made is removed, and it was empty.
    pub fn create_draft(
        &self,
        tag: &str,
        page: &ReleaseText<'_>,
        tell: Tell<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let body = json!({
            "tag_name": tag,
            "name": page.title,
            "body": page.body,
            "draft": true,
            "prerelease": page.prerelease,
        });
        let path = self.at("/releases");
        let made = self.ask::<Release>(&Method::POST, &path, Some(&body), (Repeat::Never, &mut *tell));
        let made = match made {
            Ok((it, _)) => GitHubRelease::from(it),
            Err(ForgeError::Unanswered { reason, .. }) => self.look_for_draft(tag, reason, tell)?,
            Err(error) => return Err(error),
        };
        if !made.tag_name.is(tag) || !made.draft {
            let reason = format!(
                "it holds {} and is {}",
                made.tag_name.escaped(),
                if made.draft { "a draft" } else { "published" }
            );
            return Err(ForgeError::Changed { release: made.id, reason });
        }
        self.only_one(made, tell)
    }

    /// The draft of a tag whose creation was not answered. It may take a moment until it is seen.
    fn look_for_draft(&self, tag: &str, reason: String, tell: Tell<'_>) -> Result<GitHubRelease, ForgeError> {
        let mut failure = 0;
        loop {
            let mut found = self.releases(tag, tell)?;
            if let Some(draft) = found.pop().filter(|it| found.is_empty() && it.draft) {
                return Ok(draft);
            }
            let Some(wait) = self.settings.patience.again(failure) else {
                return Err(ForgeError::CreationUnknown { tag: tag.to_owned(), reason });
            };
            self.pause("POST /releases", &format!("{reason}; looking for the draft"), wait, tell);
            failure += 1;
        }
    }

    /// The draft, if no other run was first: the one with the lowest number stays.
    fn only_one(&self, made: GitHubRelease, tell: Tell<'_>) -> Result<GitHubRelease, ForgeError> {
        let all = self.releases(made.tag_name.raw(), tell)?;
        let first = all.iter().map(|it| it.id).min().unwrap_or(made.id);
        if first >= made.id {
            return Ok(made);
        }
        let others: Vec<String> = all
            .iter()
            .filter(|it| it.id != made.id)
            .map(|it| format!("{} ({})", it.id, it.html_url.escaped()))
            .collect();
        // By its number: a list may not show it yet.
        let own = self.release(made.id, tell)?;
        if own.draft && own.assets.is_empty() {
            self.delete(&format!("/releases/{}", made.id), tell)?;
        }
        Err(ForgeError::Twins { tag: made.tag_name.escaped(), own: made.id, others: others.join(", ") })
    }

    /// Gives a draft this page.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is not what it was afterwards (github.md F14).
    pub fn rewrite(
        &self,
        draft: &GitHubRelease,
        page: &ReleaseText<'_>,
        tell: Tell<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let body = json!({ "name": page.title, "body": page.body, "prerelease": page.prerelease });
        self.patch(draft, &body, &|it| page.matches(it), tell)
    }

    /// Publishes a draft. The badge is never left to GitHub's default (github.md F15).
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is no longer what it was, or still a draft, afterwards.
    pub fn publish(
        &self,
        draft: &GitHubRelease,
        latest: Latest,
        tell: Tell<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let latest = if latest == Latest::This { "true" } else { "false" };
        let body = json!({ "draft": false, "prerelease": draft.prerelease, "make_latest": latest });
        self.patch(draft, &body, &|it| !it.draft, tell)
    }

    /// Changes a release, and reads it until the change is seen: what answers may lag behind what was changed.
    fn patch(
        &self,
        release: &GitHubRelease,
        body: &Value,
        is_seen: &dyn Fn(&GitHubRelease) -> bool,
        tell: Tell<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let path = self.at(&format!("/releases/{}", release.id));
        self.ask::<Release>(&Method::PATCH, &path, Some(body), (Repeat::AndAwait, &mut *tell))?;
        let mut failure = 0;
        loop {
            let now = self.release(release.id, &mut *tell)?;
            if now.tag_name != release.tag_name {
                let reason = format!(
                    "it held {} and now holds {}",
                    release.tag_name.escaped(),
                    now.tag_name.escaped()
                );
                return Err(ForgeError::Changed { release: release.id, reason });
            }
            if is_seen(&now) {
                return Ok(now);
            }
            let why = "the change is not to be seen";
            let Some(wait) = self.settings.patience.again(failure) else {
                return Err(ForgeError::Changed { release: release.id, reason: why.to_owned() });
            };
            self.pause(&format!("PATCH {path}"), why, wait, tell);
            failure += 1;
        }
    }

    /// Removes an asset of a draft. One that is gone already is gone.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn remove(&self, asset: u64, tell: Tell<'_>) -> Result<(), ForgeError> {
        self.delete(&format!("/releases/assets/{asset}"), tell)
    }

    /// Deletes a draft in which nothing is, if it is still one. Returns whether it was deleted, or is gone.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn delete_empty_draft(&self, id: u64, tell: Tell<'_>) -> Result<bool, ForgeError> {
        let path = self.at(&format!("/releases/{id}"));
        let found = there(self.ask::<Release>(&Method::GET, &path, None, (Repeat::Freely, &mut *tell)))?;
        match found.map(GitHubRelease::from) {
            None => return Ok(true),
            Some(it) if !it.draft => return Ok(false),
            Some(_) => {}
        }
        let is_empty = self.assets(id, tell)?.is_empty();
        if is_empty {
            self.delete(&format!("/releases/{id}"), tell)?;
        }
        Ok(is_empty)
    }

    fn delete(&self, rest: &str, tell: Tell<'_>) -> Result<(), ForgeError> {
        match self.ask::<Value>(&Method::DELETE, &self.at(rest), None, (Repeat::Freely, tell)) {
            Ok(_) | Err(ForgeError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
