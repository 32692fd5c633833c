//! JSON values in the shapes of GitHub's published description.

use axum::http::HeaderMap;
use model::base::time::format_rfc3339;
use model::base::url;
use serde_json::{Map, Value, json};

use super::state::{GitHubSettings, StoredAsset, StoredRelease};

/// The base URLs of one response, which depend on the host name in the request.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrls {
    /// The root URL of the API.
    pub(crate) api_url: String,
    /// The root URL for uploads.
    pub(crate) uploads_url: String,
    /// The root URL of the web pages.
    pub(crate) web_url: String,
    /// The path of the repository, as in `/owner/name`.
    pub(crate) repository_path: String,
}

impl BaseUrls {
    /// Returns the URLs for a request to `host`. A host `api.NAME` has its uploads on `uploads.NAME`, as on github.com.
    /// Any other host has them under `/api/uploads`, as on GitHub Enterprise Server (F1).
    pub(crate) fn new(settings: &GitHubSettings, host: &str) -> Self {
        let repository = format!("/{}/{}", settings.owner, settings.name);
        let (uploads, web) = match host.strip_prefix("api.") {
            Some(name) => (format!("http://uploads.{name}"), format!("http://{name}")),
            None => (format!("http://{host}/api/uploads"), format!("http://{host}")),
        };
        Self {
            api_url: format!("http://{host}"),
            uploads_url: uploads,
            web_url: web,
            repository_path: repository,
        }
    }

    /// Returns the URLs for the host in the `Host` header.
    pub(crate) fn from_headers(settings: &GitHubSettings, headers: &HeaderMap) -> Self {
        let host = headers.get("host").and_then(|it| it.to_str().ok()).unwrap_or("localhost");
        Self::new(settings, host)
    }

    /// Returns the API URL of the repository followed by `rest`, which is empty or begins with a slash.
    pub(crate) fn repo_url(&self, rest: &str) -> String {
        format!("{}/repos{}{rest}", self.api_url, self.repository_path)
    }
}

/// Returns a GraphQL node ID.
pub(crate) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id}")
}

/// Returns an account in the shape `simple-user`. Its ID is derived from the login. `kind` is `User` or `Organization`.
pub(crate) fn user(urls: &BaseUrls, login: &str, kind: &str) -> Value {
    let id: u64 = login.bytes().fold(7, |sum, it| sum * 31 % 1_000_003 + u64::from(it));
    let url = format!("{}/users/{login}", urls.api_url);
    let mut user = Map::new();
    user.insert("login".into(), login.into());
    user.insert("id".into(), id.into());
    user.insert("node_id".into(), node_id("U", id).into());
    user.insert("avatar_url".into(), format!("{}/avatars/{id}", urls.web_url).into());
    user.insert("gravatar_id".into(), "".into());
    user.insert("url".into(), url.clone().into());
    user.insert("html_url".into(), format!("{}/{login}", urls.web_url).into());
    for (name, path) in [
        ("followers_url", "/followers"),
        ("following_url", "/following{/other_user}"),
        ("gists_url", "/gists{/gist_id}"),
        ("starred_url", "/starred{/owner}{/repo}"),
        ("subscriptions_url", "/subscriptions"),
        ("organizations_url", "/orgs"),
        ("repos_url", "/repos"),
        ("events_url", "/events{/privacy}"),
        ("received_events_url", "/received_events"),
    ] {
        user.insert(name.into(), format!("{url}{path}").into());
    }
    user.insert("type".into(), kind.into());
    user.insert("site_admin".into(), false.into());
    Value::Object(user)
}

/// Returns a release in the shape `release`. A draft has a placeholder in its page URL and no archive URLs.
pub(crate) fn release(settings: &GitHubSettings, urls: &BaseUrls, release: &StoredRelease) -> Value {
    let url = urls.repo_url(&format!("/releases/{}", release.id));
    let page_tag =
        if release.draft { format!("untagged-{}", release.id) } else { url::encode_path(&release.tag) };
    let tag = url::encode_path(&release.tag);
    let (archive_base, has_tag) = (format!("{}/repos{}", urls.api_url, urls.repository_path), !release.draft);
    let archive_url = |kind: &str| has_tag.then(|| format!("{archive_base}/{kind}/{tag}"));
    let assets: Vec<Value> =
        release.assets.iter().map(|asset| self::asset(settings, urls, release, asset)).collect();
    json!({
        "url": url,
        "assets_url": format!("{url}/assets"),
        "upload_url": format!("{}/repos{}/releases/{}/assets{{?name,label}}", urls.uploads_url, urls.repository_path, release.id),
        "html_url": format!("{}{}/releases/tag/{page_tag}", urls.web_url, urls.repository_path),
        "id": release.id,
        "node_id": node_id("RE", release.id),
        "tag_name": release.tag,
        "target_commitish": release.target_commitish,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": release.immutable,
        "created_at": format_rfc3339(release.created_at),
        "updated_at": format_rfc3339(release.updated_at),
        "published_at": release.published_at.map(format_rfc3339),
        "tarball_url": archive_url("tarball"),
        "zipball_url": archive_url("zipball"),
        "author": user(urls, "octo-operator", "User"),
        "assets": assets,
    })
}

/// Returns an asset in the shape `release-asset`. Its download URL contains the tag, or a placeholder for a draft.
pub(crate) fn asset(
    settings: &GitHubSettings,
    urls: &BaseUrls,
    release: &StoredRelease,
    asset: &StoredAsset,
) -> Value {
    let folder =
        if release.draft { format!("untagged-{}", release.id) } else { url::encode_segment(&release.tag) };
    let name = url::encode_segment(&asset.name);
    json!({
        "url": urls.repo_url(&format!("/releases/assets/{}", asset.id)),
        "browser_download_url": format!("{}{}/releases/download/{folder}/{name}", urls.web_url, urls.repository_path),
        "id": asset.id,
        "node_id": node_id("RA", asset.id),
        "name": asset.name,
        "label": asset.label,
        "state": if asset.complete { "uploaded" } else { "starter" },
        "content_type": asset.content_type,
        "size": asset.size,
        "digest": asset.digest.filter(|_| settings.asset_digests).map(|it| it.to_string()),
        "download_count": asset.download_count,
        "created_at": format_rfc3339(asset.created_at),
        "updated_at": format_rfc3339(asset.created_at),
        "uploader": user(urls, "octo-operator", "User"),
    })
}

/// Returns a time in the format of the `Date` header (RFC 9110, 5.6.7). The time is in seconds since 1970 in UTC.
pub(crate) fn http_date(seconds: i64) -> String {
    model::base::time::format_in_zone(seconds, 0, "%a, %d %b %Y %H:%M:%S GMT").unwrap_or_default()
}
