//! Releases: made, changed, published. What was lost on the way is looked for, never made again.

use http::Method;
use model::release::host::{GitHubRelease, ReleaseText};
use serde_json::{Value, json};

use transport::{HttpObserver, RetryMode};

use crate::client::Forge;
use crate::error::ForgeError;
use crate::queries::optional;
use crate::response::ReleaseResponse;

/// Which release has the badge "Latest".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestLabel {
    /// This one.
    ThisRelease,
    /// The one that had it before.
    Unchanged,
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
        text: &ReleaseText<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let body = json!({
            "tag_name": tag,
            "name": text.title,
            "body": text.body,
            "draft": true,
            "prerelease": text.prerelease,
        });
        let path = self.repo_path("/releases");
        let draft = self.request::<ReleaseResponse>(
            &Method::POST,
            &path,
            Some(&body),
            (RetryMode::Never, &mut *observer),
        );
        let draft = match draft {
            Ok((release, _)) => GitHubRelease::from(release),
            Err(ForgeError::NoResponse { reason, .. }) => self.find_lost_draft(tag, reason, observer)?,
            Err(error) => return Err(error),
        };
        if !draft.tag_name.is(tag) || !draft.draft {
            let reason = format!(
                "it holds {} and is {}",
                draft.tag_name.escaped(),
                if draft.draft { "a draft" } else { "published" }
            );
            return Err(ForgeError::ReleaseChanged { release: draft.id, reason });
        }
        self.resolve_duplicate_drafts(draft, observer)
    }

    /// The draft of a tag whose creation was not answered. It may take a moment until it is seen.
    fn find_lost_draft(
        &self,
        tag: &str,
        reason: String,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let mut attempt = 0;
        loop {
            let mut releases = self.releases(tag, observer)?;
            if let Some(draft) = releases.pop().filter(|it| releases.is_empty() && it.draft) {
                return Ok(draft);
            }
            let Some(wait) = self.http.backoff(attempt) else {
                return Err(ForgeError::CreationUnknown { tag: tag.to_owned(), reason });
            };
            self.http.wait("POST /releases", &format!("{reason}; looking for the draft"), wait, observer);
            attempt += 1;
        }
    }

    /// The draft, if no other run was first: the one with the lowest number stays.
    fn resolve_duplicate_drafts(
        &self,
        draft: GitHubRelease,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let all = self.releases(draft.tag_name.raw(), observer)?;
        let first = all.iter().map(|it| it.id).min().unwrap_or(draft.id);
        if first >= draft.id {
            return Ok(draft);
        }
        let others: Vec<String> = all
            .iter()
            .filter(|it| it.id != draft.id)
            .map(|it| format!("{} ({})", it.id, it.html_url.escaped()))
            .collect();
        // By its number: a list may not show it yet.
        let current = self.release(draft.id, observer)?;
        if current.draft && current.assets.is_empty() {
            self.send_delete(&format!("/releases/{}", draft.id), observer)?;
        }
        Err(ForgeError::DuplicateDraft {
            tag: draft.tag_name.escaped(),
            draft: draft.id,
            others: others.join(", "),
        })
    }

    /// Gives a draft this page.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is not what it was afterwards (github.md F14).
    pub fn update_release(
        &self,
        draft: &GitHubRelease,
        text: &ReleaseText<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let body = json!({ "name": text.title, "body": text.body, "prerelease": text.prerelease });
        self.patch_release(draft, &body, &|it| text.matches(it), observer)
    }

    /// Publishes a draft. The badge is never left to GitHub's default (github.md F15).
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is no longer what it was, or still a draft, afterwards.
    pub fn publish(
        &self,
        draft: &GitHubRelease,
        label: LatestLabel,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let label = if label == LatestLabel::ThisRelease { "true" } else { "false" };
        let body = json!({ "draft": false, "prerelease": draft.prerelease, "make_latest": label });
        self.patch_release(draft, &body, &|it| !it.draft, observer)
    }

    /// Changes a release, and reads it until the change is seen: what answers may lag behind what was changed.
    fn patch_release(
        &self,
        release: &GitHubRelease,
        body: &Value,
        is_visible: &dyn Fn(&GitHubRelease) -> bool,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let path = self.repo_path(&format!("/releases/{}", release.id));
        self.request::<ReleaseResponse>(
            &Method::PATCH,
            &path,
            Some(body),
            (RetryMode::UntilVisible, &mut *observer),
        )?;
        let mut attempt = 0;
        loop {
            let current = self.release(release.id, &mut *observer)?;
            if current.tag_name != release.tag_name {
                let reason = format!(
                    "it held {} and now holds {}",
                    release.tag_name.escaped(),
                    current.tag_name.escaped()
                );
                return Err(ForgeError::ReleaseChanged { release: release.id, reason });
            }
            if is_visible(&current) {
                return Ok(current);
            }
            let cause = "the change is not to be seen";
            let Some(wait) = self.http.backoff(attempt) else {
                return Err(ForgeError::ReleaseChanged { release: release.id, reason: cause.to_owned() });
            };
            self.http.wait(&format!("PATCH {path}"), cause, wait, observer);
            attempt += 1;
        }
    }

    /// Removes an asset of a draft. One that is gone already is gone.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn delete_asset(&self, asset: u64, observer: HttpObserver<'_>) -> Result<(), ForgeError> {
        self.send_delete(&format!("/releases/assets/{asset}"), observer)
    }

    /// Deletes a draft in which nothing is, if it is still one. Returns whether it was deleted, or is gone.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn delete_empty_draft(&self, id: u64, observer: HttpObserver<'_>) -> Result<bool, ForgeError> {
        let path = self.repo_path(&format!("/releases/{id}"));
        let response = optional(self.request::<ReleaseResponse>(
            &Method::GET,
            &path,
            None,
            (RetryMode::Idempotent, &mut *observer),
        ))?;
        match response.map(GitHubRelease::from) {
            None => return Ok(true),
            Some(release) if !release.draft => return Ok(false),
            Some(_) => {}
        }
        let is_empty = self.assets(id, observer)?.is_empty();
        if is_empty {
            self.send_delete(&format!("/releases/{id}"), observer)?;
        }
        Ok(is_empty)
    }

    fn send_delete(&self, rest: &str, observer: HttpObserver<'_>) -> Result<(), ForgeError> {
        match self.request::<Value>(
            &Method::DELETE,
            &self.repo_path(rest),
            None,
            (RetryMode::Idempotent, observer),
        ) {
            Ok(_) | Err(ForgeError::Status { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
