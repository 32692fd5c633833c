//! Releases: made, changed, published. What was lost on the way is looked for, never made again.

use model::hosting::HostedRelease;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Repeat;
use crate::error::Trouble;
use crate::wire::Release;
use crate::{Forge, ForgeError, Tell};

/// A draft that is asked for. It names no commit: the tag is pushed before the draft is published (github.md F13).
#[derive(Debug, Clone, Copy)]
pub struct NewDraft<'a> {
    /// The tag that it holds.
    pub tag: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// Whether it is marked as not final.
    pub prerelease: bool,
}

/// Which release has the badge "Latest".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// This one.
    This,
    /// The one that had it before.
    Another,
}

impl Forge {
    /// A new draft, and the only one of its tag.
    ///
    /// # Errors
    /// [`ForgeError::CreationUnknown`] where no answer came and no draft is to be seen; [`ForgeError::Twins`] where
    /// another run was first: what this one made is removed, and it was empty.
    pub fn create_draft(&self, draft: &NewDraft<'_>, tell: Tell<'_>) -> Result<HostedRelease, ForgeError> {
        let body = json!({
            "tag_name": draft.tag,
            "name": draft.title,
            "body": draft.body,
            "draft": true,
            "prerelease": draft.prerelease,
        });
        let path = self.at("/releases");
        let made = self.ask::<Release>(&Method::POST, &path, Some(&body), (Repeat::Never, &mut *tell));
        let made = match made {
            Ok((it, _)) => HostedRelease::from(it),
            Err(ForgeError::Unanswered { reason, .. }) => self.look_for_draft(draft.tag, reason, tell)?,
            Err(error) => return Err(error),
        };
        if made.tag != draft.tag || !made.draft {
            let reason =
                format!("it holds {} and is {}", made.tag, if made.draft { "a draft" } else { "published" });
            return Err(ForgeError::Changed { release: made.id, reason });
        }
        self.only_one(made, tell)
    }

    /// The draft of a tag whose creation was not answered. It may take a moment until it is seen.
    fn look_for_draft(&self, tag: &str, reason: String, tell: Tell<'_>) -> Result<HostedRelease, ForgeError> {
        let mut failure = 0;
        loop {
            let mut found = self.releases(tag, tell)?;
            if let Some(draft) = found.pop().filter(|it| found.is_empty() && it.draft) {
                return Ok(draft);
            }
            let Some(wait) = self.settings.patience.wait(failure, &Trouble::Lost(String::new())) else {
                return Err(ForgeError::CreationUnknown { tag: tag.to_owned(), reason });
            };
            self.pause("POST /releases", &format!("{reason}; looking for the draft"), wait, tell);
            failure += 1;
        }
    }

    /// The draft, if no other run was first: the one with the lowest number stays.
    fn only_one(&self, made: HostedRelease, tell: Tell<'_>) -> Result<HostedRelease, ForgeError> {
        let all = self.releases(&made.tag, tell)?;
        let first = all.iter().map(|it| it.id).min().unwrap_or(made.id);
        if first >= made.id {
            return Ok(made);
        }
        let others: Vec<String> =
            all.iter().filter(|it| it.id != made.id).map(|it| format!("{} ({})", it.id, it.page)).collect();
        let empty = all.iter().any(|it| it.id == made.id && it.draft && it.assets.is_empty());
        if empty {
            let path = self.at(&format!("/releases/{}", made.id));
            self.ask::<Value>(&Method::DELETE, &path, None, (Repeat::Freely, tell))?;
        }
        Err(ForgeError::Twins { tag: made.tag, own: made.id, others: others.join(", ") })
    }

    /// Gives a draft this text.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is not what it was afterwards (github.md F14).
    pub fn rewrite(
        &self,
        draft: &HostedRelease,
        body: &str,
        tell: Tell<'_>,
    ) -> Result<HostedRelease, ForgeError> {
        self.patch(draft, &json!({ "body": body }), tell)
    }

    /// Publishes a draft. The badge is never left to GitHub's default (github.md F15).
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::Changed`] where it is no longer what it was, or still a draft, afterwards.
    pub fn publish(
        &self,
        draft: &HostedRelease,
        latest: Latest,
        tell: Tell<'_>,
    ) -> Result<HostedRelease, ForgeError> {
        let latest = if latest == Latest::This { "true" } else { "false" };
        let body = json!({ "draft": false, "prerelease": draft.prerelease, "make_latest": latest });
        let published = self.patch(draft, &body, tell)?;
        if published.draft {
            let reason = "it was published, and is a draft again".to_owned();
            return Err(ForgeError::Changed { release: draft.id, reason });
        }
        Ok(published)
    }

    /// Changes a release, and reads it again.
    fn patch(
        &self,
        release: &HostedRelease,
        body: &Value,
        tell: Tell<'_>,
    ) -> Result<HostedRelease, ForgeError> {
        let path = self.at(&format!("/releases/{}", release.id));
        self.ask::<Release>(&Method::PATCH, &path, Some(body), (Repeat::Freely, &mut *tell))?;
        let now = self.release(release.id, tell)?;
        if now.tag != release.tag {
            let reason = format!("it held {} and now holds {}", release.tag, now.tag);
            return Err(ForgeError::Changed { release: release.id, reason });
        }
        Ok(now)
    }

    /// Removes an asset of a draft. One that is gone already is gone.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn remove(&self, asset: u64, tell: Tell<'_>) -> Result<(), ForgeError> {
        let path = self.at(&format!("/releases/assets/{asset}"));
        match self.ask::<Value>(&Method::DELETE, &path, None, (Repeat::Freely, tell)) {
            Ok(_) | Err(ForgeError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
