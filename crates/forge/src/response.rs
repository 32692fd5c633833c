//! The JSON of GitHub's responses, reduced to the fields that this crate reads (REST, version 2022-11-28).

use model::release::host::{GitHubRelease, GitHubRepository, ReleaseAsset, TokenRights};
use model::{Digest, UntrustedText};
use serde::Deserialize;

/// A repository (REST, "Get a repository").
#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryResponse {
    full_name: String,
    private: bool,
    #[serde(default)]
    archived: bool,
    permissions: Option<RepositoryPermissions>,
}

/// What the user of the token may do in the repository. `push` includes creating releases.
#[derive(Debug, Deserialize)]
struct RepositoryPermissions {
    #[serde(default)]
    push: bool,
}

impl From<RepositoryResponse> for GitHubRepository {
    fn from(response: RepositoryResponse) -> Self {
        Self {
            full_name: UntrustedText::new(response.full_name),
            private: response.private,
            archived: response.archived,
            can_push: response.permissions.is_some_and(|it| it.push),
            token_rights: TokenRights::Unknown,
        }
    }
}

/// The setting for immutable releases (REST, "Check if immutable releases are enabled for a repository").
#[derive(Debug, Deserialize)]
pub(crate) struct ImmutableReleasesResponse {
    pub(crate) enabled: bool,
}

/// A release (REST, "Get a release"). `immutable` may be missing on older servers.
#[derive(Debug, Deserialize)]
pub(crate) struct ReleaseResponse {
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
    assets: Vec<AssetResponse>,
}

impl From<ReleaseResponse> for GitHubRelease {
    fn from(response: ReleaseResponse) -> Self {
        Self {
            id: response.id,
            tag_name: UntrustedText::new(response.tag_name),
            title: UntrustedText::new(response.name.unwrap_or_default()),
            body: UntrustedText::new(response.body.unwrap_or_default()),
            draft: response.draft,
            prerelease: response.prerelease,
            published_at: response.published_at.as_deref().and_then(model::base::time::parse_rfc3339),
            immutable: response.immutable.unwrap_or(false),
            html_url: UntrustedText::new(response.html_url),
            upload_url: UntrustedText::new(response.upload_url),
            assets: response.assets.into_iter().map(ReleaseAsset::from).collect(),
        }
    }
}

/// An asset (REST, "Get a release asset"). `state` is `uploaded` if the upload is complete, else `starter`.
#[derive(Debug, Deserialize)]
pub(crate) struct AssetResponse {
    id: u64,
    name: String,
    size: u64,
    state: String,
    digest: Option<String>,
    browser_download_url: String,
}

impl From<AssetResponse> for ReleaseAsset {
    fn from(response: AssetResponse) -> Self {
        let hex = response.digest.as_deref().and_then(|it| it.strip_prefix("sha256:"));
        Self {
            id: response.id,
            name: UntrustedText::new(response.name),
            size: response.size,
            is_uploaded: response.state == "uploaded",
            digest: hex.and_then(Digest::from_hex),
            download_url: UntrustedText::new(response.browser_download_url),
        }
    }
}

/// A commit (REST, "Get a commit"). `author` is null if no account has the author's e-mail address.
#[derive(Debug, Deserialize)]
pub(crate) struct CommitResponse {
    pub(crate) author: Option<SimpleUser>,
}

/// A user, reduced to the login.
#[derive(Debug, Deserialize)]
pub(crate) struct SimpleUser {
    pub(crate) login: Option<String>,
}

/// A ref (REST, "Get a reference").
#[derive(Debug, Deserialize)]
pub(crate) struct RefResponse {
    pub(crate) object: RefObject,
}

/// A ref in a list (REST, "List matching references").
#[derive(Debug, Deserialize)]
pub(crate) struct NamedRefResponse {
    pub(crate) r#ref: String,
}

/// The object that a ref or tag points to: its id in hex, and its type, as in `commit`.
#[derive(Debug, Deserialize)]
pub(crate) struct RefObject {
    pub(crate) sha: String,
    pub(crate) r#type: String,
}

/// An annotated tag object (REST, "Get a tag").
#[derive(Debug, Deserialize)]
pub(crate) struct TagObjectResponse {
    pub(crate) object: RefObject,
}

/// The comparison of two commits (REST, "Compare two commits"). `status` is `ahead`, `behind`, `diverged` or
/// `identical`.
#[derive(Debug, Deserialize)]
pub(crate) struct CompareResponse {
    pub(crate) status: String,
    pub(crate) ahead_by: u64,
}

/// One page of attestations (REST, "List attestations").
#[derive(Debug, Deserialize)]
pub(crate) struct AttestationsResponse {
    pub(crate) attestations: Vec<AttestationEntry>,
}

/// An attestation in a list. `initiator` is `github` if GitHub created it for an immutable release (github.md F21).
#[derive(Debug, Deserialize)]
pub(crate) struct AttestationEntry {
    pub(crate) repository_id: u64,
    pub(crate) bundle_url: Option<String>,
    pub(crate) initiator: Option<String>,
    /// The text of the bundle. Null since July 2026 (aaif-goose/goose#10556); older servers send it. It is kept as
    /// received, because parsing would hide duplicate keys.
    pub(crate) bundle: Option<Box<serde_json::value::RawValue>>,
}

/// The body of an error response. GitHub lists the rejected fields in `errors`.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

/// Returns the message of an error response, followed by its details: for each error its own message, or the rejected
/// field and the code. `None` if the body is not an error in JSON.
pub(crate) fn parse_error_message(body: &[u8]) -> Option<String> {
    let error_body: ErrorBody = serde_json::from_slice(body).ok()?;
    let detail = |error: &serde_json::Value| match (&error["message"], &error["field"], &error["code"]) {
        (serde_json::Value::String(text), ..) => text.clone(),
        (_, serde_json::Value::String(field), serde_json::Value::String(code)) => format!("{field} {code}"),
        _ => error.to_string(),
    };
    let details: Vec<String> = error_body.errors.iter().map(detail).collect();
    Some(if details.is_empty() {
        error_body.message
    } else {
        format!("{}: {}", error_body.message, details.join("; "))
    })
}

/// Returns the URL of the next page from a `Link` header (RFC 8288). `None` on the last page.
pub(crate) fn parse_next_link(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (address, rest) = part.trim().strip_prefix('<')?.split_once('>')?;
        rest.split(';').any(|it| it.trim() == "rel=\"next\"").then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_relation_of_a_link_header_is_followed() {
        let link = "<https://api.example.com/x?page=1>; rel=\"prev\", <https://api.example.com/x?page=3>; rel=\"next\"";
        assert_eq!(parse_next_link(link).as_deref(), Some("https://api.example.com/x?page=3"));
        for header in
            ["", "<https://api.example.com/x?page=1>; rel=\"last\"", "https://x; rel=\"next\"", "<>;"]
        {
            assert_eq!(parse_next_link(header), None, "{header}");
        }
    }

    #[test]
    fn error_message_names_the_invalid_field() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}"#;
        assert_eq!(parse_error_message(body).as_deref(), Some("Validation Failed: tag_name already_exists"));
        assert_eq!(parse_error_message(br#"{"message":"Not Found"}"#).as_deref(), Some("Not Found"));
        assert_eq!(parse_error_message(b"<html>"), None);
    }
}
