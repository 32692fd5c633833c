//! Values in the shapes of GitHub's published description.

use axum::http::HeaderMap;
use model::base::time::format_rfc3339;
use model::base::url;
use serde_json::{Map, Value, json};

use super::state::{Asset, Release, Settings};

/// The addresses of one answer, which depend on the name that the caller used.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The API's root.
    pub(crate) api: String,
    /// The uploads' root.
    pub(crate) uploads: String,
    /// The pages' root.
    pub(crate) web: String,
    /// The repository, as in `/owner/name`.
    pub(crate) repository: String,
}

impl Place {
    /// The addresses for a caller who used this host: `api.NAME` has `uploads.NAME` beside it, as on github.com; any other
    /// has its uploads under a path, as on GitHub Enterprise Server.
    pub(crate) fn new(settings: &Settings, host: &str) -> Self {
        let repository = format!("/{}/{}", settings.owner, settings.name);
        let (uploads, web) = match host.strip_prefix("api.") {
            Some(name) => (format!("http://uploads.{name}"), format!("http://{name}")),
            None => (format!("http://{host}/api/uploads"), format!("http://{host}")),
        };
        Self { api: format!("http://{host}"), uploads, web, repository }
    }

    pub(crate) fn from_headers(settings: &Settings, headers: &HeaderMap) -> Self {
        let host = headers.get("host").and_then(|it| it.to_str().ok()).unwrap_or("localhost");
        Self::new(settings, host)
    }

    /// An address of the API below the repository.
    pub(crate) fn repo(&self, rest: &str) -> String {
        format!("{}/repos{}{rest}", self.api, self.repository)
    }
}

pub(crate) fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id}")
}

/// An account.
pub(crate) fn user(place: &Place, login: &str, kind: &str) -> Value {
    let id: u64 = login.bytes().fold(7, |sum, it| sum * 31 % 1_000_003 + u64::from(it));
    let url = format!("{}/users/{login}", place.api);
    let mut user = Map::new();
    user.insert("login".into(), login.into());
    user.insert("id".into(), id.into());
    user.insert("node_id".into(), node("U", id).into());
    user.insert("avatar_url".into(), format!("{}/avatars/{id}", place.web).into());
    user.insert("gravatar_id".into(), "".into());
    user.insert("url".into(), url.clone().into());
    user.insert("html_url".into(), format!("{}/{login}", place.web).into());
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

/// A release.
pub(crate) fn release(settings: &Settings, place: &Place, it: &Release) -> Value {
    let url = place.repo(&format!("/releases/{}", it.id));
    let shown = if it.draft { format!("untagged-{}", it.id) } else { url::encode_path(&it.tag) };
    let tag = url::encode_path(&it.tag);
    let (balls, ready) = (format!("{}/repos{}", place.api, place.repository), !it.draft);
    let ball = |kind: &str| ready.then(|| format!("{balls}/{kind}/{tag}"));
    let assets: Vec<Value> = it.assets.iter().map(|asset| self::asset(settings, place, it, asset)).collect();
    json!({
        "url": url,
        "assets_url": format!("{url}/assets"),
        "upload_url": format!("{}/repos{}/releases/{}/assets{{?name,label}}", place.uploads, place.repository, it.id),
        "html_url": format!("{}{}/releases/tag/{shown}", place.web, place.repository),
        "id": it.id,
        "node_id": node("RE", it.id),
        "tag_name": it.tag,
        "target_commitish": it.target,
        "name": it.name,
        "body": it.body,
        "draft": it.draft,
        "prerelease": it.prerelease,
        "immutable": it.immutable,
        "created_at": format_rfc3339(it.created),
        "updated_at": format_rfc3339(it.updated),
        "published_at": it.published.map(format_rfc3339),
        "tarball_url": ball("tarball"),
        "zipball_url": ball("zipball"),
        "author": user(place, "octo-operator", "User"),
        "assets": assets,
    })
}

/// An asset. Its download address names the tag, or for a draft a placeholder.
pub(crate) fn asset(settings: &Settings, place: &Place, release: &Release, it: &Asset) -> Value {
    let folder =
        if release.draft { format!("untagged-{}", release.id) } else { url::encode_segment(&release.tag) };
    let name = url::encode_segment(&it.name);
    json!({
        "url": place.repo(&format!("/releases/assets/{}", it.id)),
        "browser_download_url": format!("{}{}/releases/download/{folder}/{name}", place.web, place.repository),
        "id": it.id,
        "node_id": node("RA", it.id),
        "name": it.name,
        "label": it.label,
        "state": if it.complete { "uploaded" } else { "starter" },
        "content_type": it.kind,
        "size": it.size,
        "digest": it.digest.filter(|_| settings.digests).map(|it| it.to_string()),
        "download_count": it.downloads,
        "created_at": format_rfc3339(it.created),
        "updated_at": format_rfc3339(it.created),
        "uploader": user(place, "octo-operator", "User"),
    })
}

/// A time as the `Date` header has it (RFC 9110, 5.6.7).
pub(crate) fn http_date(seconds: i64) -> String {
    model::base::time::format_in_zone(seconds, 0, "%a, %d %b %Y %H:%M:%S GMT").unwrap_or_default()
}
