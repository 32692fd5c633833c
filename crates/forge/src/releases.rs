//! Creates, updates, publishes and deletes releases. If the response to a creation is lost, the draft is searched for;
//! it is never created again.

use http::Method;
use model::release::host::{GitHubRelease, ReleaseText};
use serde_json::{Value, json};

use transport::{HttpObserver, RetryMode};

use crate::client::{ApiRequest, Forge};
use crate::error::ForgeError;
use crate::queries::optional;
use crate::response::ReleaseResponse;

/// Which release GitHub marks as "Latest" (REST field `make_latest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestLabel {
    /// The release that is published.
    ThisRelease,
    /// The release that was marked before.
    Unchanged,
}

impl Forge {
    /// Creates a draft and returns it, if no release of its tag has a lower id. The request names no commit, because
    /// the tag is pushed before the draft is published (github.md F13).
    ///
    /// # Errors
    /// [`ForgeError::CreationUnknown`] if there was no response and no draft is visible;
    /// [`ForgeError::DuplicateDraft`] if another run created a release first, after the empty draft of this run was
    /// deleted; [`ForgeError::ReleaseChanged`] if GitHub returns another tag or a published release.
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
            &ApiRequest { method: &Method::POST, path: &path, body: Some(&body) },
            RetryMode::Never,
            &mut *observer,
        );
        let draft = match draft {
            Ok((release, _)) => GitHubRelease::from(release),
            Err(ForgeError::NoResponse { reason, .. }) => self.find_lost_draft(tag, reason, observer)?,
            Err(error) => return Err(error),
        };
        if !draft.tag_name.is(tag) || !draft.draft {
            let reason = format!(
                "its tag is {}, and it is {}",
                draft.tag_name.escaped(),
                if draft.draft { "a draft" } else { "published" }
            );
            return Err(ForgeError::ReleaseChanged { release: draft.id, reason });
        }
        self.resolve_duplicate_drafts(draft, observer)
    }

    /// Returns the draft of a tag after the response to its creation was lost. The draft may become visible late, so
    /// the search is retried. It counts only if it is the only release of the tag.
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
            self.http.wait("POST /releases", &format!("{reason}; searching for the draft"), wait, observer);
            attempt += 1;
        }
    }

    /// Returns the draft if it has the lowest id of all releases of its tag. Otherwise deletes it if it is empty, and
    /// returns an error, so that only one of two concurrent runs goes on (github.md F12).
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
        // Read by id, because a list may not show the new draft yet.
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

    /// Sets the title, text and pre-release mark of a draft, and returns the draft as GitHub has it afterwards.
    ///
    /// # Errors
    /// [`ForgeError::ReleaseChanged`] if the draft has another tag afterwards (github.md F14) or the change does not
    /// become visible, else the [`ForgeError`] of a request.
    pub fn update_release(
        &self,
        draft: &GitHubRelease,
        text: &ReleaseText<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let body = json!({ "name": text.title, "body": text.body, "prerelease": text.prerelease });
        self.patch_release(draft, &body, &|it| text.matches(it), observer)
    }

    /// Publishes a draft and returns the published release. `make_latest` is always sent, because GitHub's default is
    /// true (github.md F15).
    ///
    /// # Errors
    /// [`ForgeError::ReleaseChanged`] if the release has another tag or is still a draft afterwards, else the
    /// [`ForgeError`] of a request.
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

    /// Changes a release and reads it until `is_visible` returns true, because a read may come from a replica that lags
    /// behind (github.md F29). Returns the release as last read.
    fn patch_release(
        &self,
        release: &GitHubRelease,
        body: &Value,
        is_visible: &dyn Fn(&GitHubRelease) -> bool,
        observer: HttpObserver<'_>,
    ) -> Result<GitHubRelease, ForgeError> {
        let path = self.repo_path(&format!("/releases/{}", release.id));
        self.request::<ReleaseResponse>(
            &ApiRequest { method: &Method::PATCH, path: &path, body: Some(body) },
            RetryMode::UntilVisible,
            &mut *observer,
        )?;
        let mut attempt = 0;
        loop {
            let current = self.release(release.id, &mut *observer)?;
            if current.tag_name != release.tag_name {
                let reason = format!(
                    "its tag changed from {} to {}",
                    release.tag_name.escaped(),
                    current.tag_name.escaped()
                );
                return Err(ForgeError::ReleaseChanged { release: release.id, reason });
            }
            if is_visible(&current) {
                return Ok(current);
            }
            let cause = "the change is not visible";
            let Some(wait) = self.http.backoff(attempt) else {
                return Err(ForgeError::ReleaseChanged { release: release.id, reason: cause.to_owned() });
            };
            self.http.wait(&format!("PATCH {path}"), cause, wait, observer);
            attempt += 1;
        }
    }

    /// Deletes an asset of a draft by its id. Succeeds if the asset does not exist.
    ///
    /// # Errors
    /// The [`ForgeError`] of the request.
    pub fn delete_asset(&self, asset: u64, observer: HttpObserver<'_>) -> Result<(), ForgeError> {
        self.send_delete(&format!("/releases/assets/{asset}"), observer)
    }

    /// Deletes a release if it is a draft without assets. Returns true if it was deleted or does not exist, false if it
    /// is published or has assets.
    ///
    /// # Errors
    /// The [`ForgeError`] of a request.
    pub fn delete_empty_draft(&self, id: u64, observer: HttpObserver<'_>) -> Result<bool, ForgeError> {
        let path = self.repo_path(&format!("/releases/{id}"));
        let response = optional(self.get::<ReleaseResponse>(&path, RetryMode::Idempotent, &mut *observer))?;
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

    /// Deletes a resource of the repository. A 404 is success, because the resource does not exist (github.md F29).
    fn send_delete(&self, rest: &str, observer: HttpObserver<'_>) -> Result<(), ForgeError> {
        match self.request::<Value>(
            &ApiRequest { method: &Method::DELETE, path: &self.repo_path(rest), body: None },
            RetryMode::Idempotent,
            observer,
        ) {
            Ok(_) | Err(ForgeError::Status { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
