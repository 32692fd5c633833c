//! Answers as GitHub writes them, as far as they are read here.

use model::release::host::{GitHubRelease, GitHubRepository, ReleaseAsset, TokenRights};
use model::{Digest, UntrustedText};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    full_name: String,
    private: bool,
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

impl From<Repository> for GitHubRepository {
    fn from(it: Repository) -> Self {
        Self {
            full_name: UntrustedText::new(it.full_name),
            private: it.private,
            archived: it.archived,
            can_push: it.permissions.is_some_and(|it| it.push),
            token_rights: TokenRights::Unknown,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Immutability {
    pub(crate) enabled: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    id: u64,
    pub(crate) tag_name: String,
    name: Option<String>,
    body: Option<String>,
    draft: bool,
    prerelease: bool,
    published_at: Option<String>,
    #[serde(default)]
    immutable: Option<bool>,
    html_url: String,
    upload_url: String,
    #[serde(default)]
    assets: Vec<Asset>,
}

impl From<Release> for GitHubRelease {
    fn from(it: Release) -> Self {
        Self {
            id: it.id,
            tag_name: UntrustedText::new(it.tag_name),
            title: UntrustedText::new(it.name.unwrap_or_default()),
            body: UntrustedText::new(it.body.unwrap_or_default()),
            draft: it.draft,
            prerelease: it.prerelease,
            published_at: it.published_at.as_deref().and_then(model::base::time::parse_rfc3339),
            immutable: it.immutable.unwrap_or(false),
            html_url: UntrustedText::new(it.html_url),
            upload_url: UntrustedText::new(it.upload_url),
            assets: it.assets.into_iter().map(ReleaseAsset::from).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asset {
    id: u64,
    name: String,
    size: u64,
    state: String,
    digest: Option<String>,
    browser_download_url: String,
}

impl From<Asset> for ReleaseAsset {
    fn from(it: Asset) -> Self {
        let hex = it.digest.as_deref().and_then(|it| it.strip_prefix("sha256:"));
        Self {
            id: it.id,
            name: UntrustedText::new(it.name),
            size: it.size,
            is_uploaded: it.state == "uploaded",
            digest: hex.and_then(Digest::from_hex),
            download_url: UntrustedText::new(it.browser_download_url),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Commit {
    pub(crate) author: Option<Account>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) login: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    pub(crate) object: Object,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Object {
    pub(crate) sha: String,
    pub(crate) r#type: String,
}

/// A tag object.
#[derive(Debug, Deserialize)]
pub(crate) struct Tag {
    pub(crate) object: Object,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) status: String,
    pub(crate) ahead_by: u64,
}

/// A page of attestations (REST, "List attestations").
#[derive(Debug, Deserialize)]
pub(crate) struct Attestations {
    pub(crate) attestations: Vec<Attestation>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Attestation {
    pub(crate) repository_id: u64,
    pub(crate) bundle_url: Option<String>,
    pub(crate) initiator: Option<String>,
    /// Null since July 2026 (aaif-goose/goose#10556); older servers have it. Its text, as it came: a key that stands twice must
    /// stay that.
    pub(crate) bundle: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Message {
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

/// What a refusal says, the fields that it is about included.
pub(crate) fn message(body: &[u8]) -> Option<String> {
    let it: Message = serde_json::from_slice(body).ok()?;
    let detail = |error: &serde_json::Value| match (&error["message"], &error["field"], &error["code"]) {
        (serde_json::Value::String(text), ..) => text.clone(),
        (_, serde_json::Value::String(field), serde_json::Value::String(code)) => format!("{field} {code}"),
        _ => error.to_string(),
    };
    let details: Vec<String> = it.errors.iter().map(detail).collect();
    Some(if details.is_empty() { it.message } else { format!("{}: {}", it.message, details.join("; ")) })
}

/// The address of the next page, from a `Link` header (RFC 8288).
pub(crate) fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (address, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
        rest.split(';').any(|it| it.trim() == "rel=\"next\"").then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_next_page_and_no_other() {
        let link = "<https://api.example.com/x?page=1>; rel=\"prev\", <https://api.example.com/x?page=3>; rel=\"next\"";
        assert_eq!(next_page(link).as_deref(), Some("https://api.example.com/x?page=3"));
        for none in ["", "<https://api.example.com/x?page=1>; rel=\"last\"", "https://x; rel=\"next\"", "<>;"]
        {
            assert_eq!(next_page(none), None, "{none}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong_with_which_field() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}"#;
        assert_eq!(message(body).as_deref(), Some("Validation Failed: tag_name already_exists"));
        assert_eq!(message(br#"{"message":"Not Found"}"#).as_deref(), Some("Not Found"));
        assert_eq!(message(b"<html>"), None);
    }
}
