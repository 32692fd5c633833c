//! Release assets: upload, download, update and deletion.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use model::base::id::Hasher;
use model::base::url;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::releases::is_visible;
use super::response::{ApiError, HandlerResult, PageParams, created, no_content, ok, paginate, redirect};
use super::schemas::{self, BaseUrls};
use super::state::{StoredAsset, StoredRelease};

/// The query parameters of an upload, and the body of an update.
#[derive(Debug, Deserialize)]
pub(crate) struct AssetParams {
    name: Option<String>,
    label: Option<String>,
}

/// `GET /repos/{owner}/{name}/releases/{id}/assets`. The assets of a draft need write access.
pub(crate) async fn list(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    Query(paging): Query<PageParams>,
    headers: HeaderMap,
) -> HandlerResult {
    let mut state = shared.state();
    let exists = state.releases.get_mut(&id).is_some_and(is_visible);
    let release = state.releases.get(&id).filter(|it| exists && (!it.draft || caller.may_write()));
    let release = release.ok_or_else(ApiError::not_found)?;
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    let all = release.assets.iter().map(|it| schemas::asset(&state.settings, &urls, release, it)).collect();
    paginate(all, &paging, &urls.repo_url(&format!("/releases/{id}/assets")))
}

/// `POST .../releases/{id}/assets?name=`. The asset is in state `starter` until its last byte has been received.
pub(crate) async fn upload(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    Query(params): Query<AssetParams>,
    request: Request,
) -> HandlerResult {
    caller.require_write()?;
    let (parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let content_type =
        text(header::CONTENT_TYPE).ok_or_else(|| ApiError::bad_request("Content-Type is missing"))?;
    let length: Option<u64> = text(header::CONTENT_LENGTH).and_then(|it| it.parse().ok());
    let length = length.ok_or_else(|| ApiError::bad_request("Bad Content-Length"))?;
    let asset = create_starter(&shared, id, &params, content_type)?;
    let result = store_bytes(&shared, asset, body).await;
    let (size, digest) = result.map_err(|error| ApiError::internal_error(&error.to_string()))?;
    if size != length {
        return Err(ApiError::bad_request("Bad Content-Length"));
    }
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.releases.get_mut(&id).ok_or_else(ApiError::not_found)?;
    let stored = release.assets.iter_mut().find(|it| it.id == asset).ok_or_else(ApiError::not_found)?;
    (stored.size, stored.digest, stored.complete) = (size, Some(digest), true);
    let stored = stored.clone();
    created(schemas::asset(&settings, &BaseUrls::from_headers(&settings, &parts.headers), release, &stored))
}

/// Adds an asset without bytes to a release, and returns its ID.
fn create_starter(
    shared: &ServerContext,
    release: u64,
    params: &AssetParams,
    content_type: String,
) -> Result<u64, ApiError> {
    let mut state = shared.state();
    let (id, now) = (state.next_id(), state.settings.now);
    let release = state.releases.get_mut(&release).ok_or_else(ApiError::not_found)?;
    if !is_visible(release) {
        return Err(ApiError::not_found());
    }
    require_mutable(release)?;
    let name = params.name.as_deref().filter(|it| !it.is_empty());
    let name = sanitize_name(name.ok_or_else(|| ApiError::invalid("ReleaseAsset", "name", "missing_field"))?);
    if release.assets.iter().any(|it| it.name == name) {
        return Err(ApiError::invalid("ReleaseAsset", "name", "already_exists"));
    }
    release.assets.push(StoredAsset {
        id,
        name,
        label: params.label.clone(),
        content_type,
        size: 0,
        digest: None,
        complete: false,
        download_count: 0,
        created_at: now,
    });
    Ok(id)
}

/// Writes the body to the file of an asset while it is received, and returns its size and digest.
async fn store_bytes(
    shared: &ServerContext,
    id: u64,
    mut body: Body,
) -> std::io::Result<(u64, model::Digest)> {
    let mut file = tokio::fs::File::create(shared.asset_dir.join(id.to_string())).await?;
    let (mut hasher, mut size) = (Hasher::default(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(std::io::Error::other)?.into_data() else { continue };
        hasher.update(&data);
        size += data.len() as u64;
        file.write_all(&data).await?;
    }
    file.flush().await?;
    Ok((size, hasher.finish()))
}

/// Returns 422 for an immutable release (F19).
fn require_mutable(release: &StoredRelease) -> Result<(), ApiError> {
    if release.immutable {
        let message = "Cannot upload assets to an immutable release.";
        return Err(ApiError::invalid_because("ReleaseAsset", "release", message));
    }
    Ok(())
}

/// Returns the name that GitHub gives an asset (F6): characters outside `[A-Za-z0-9-_+@.]` become dots, runs of dots
/// become one dot, dots at both ends are removed, and a name that is only an extension gets the prefix `default`.
fn sanitize_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_+@.".contains(c) { c } else { '.' };
    let mut out = String::new();
    for c in name.chars().map(plain) {
        if c != '.' || !out.ends_with('.') {
            out.push(c);
        }
    }
    let bare_extension = out.starts_with('.');
    let out = out.trim_matches('.');
    if bare_extension { format!("default.{out}") } else { out.to_owned() }
}

/// `GET .../releases/assets/{id}`. Returns the asset, or with `Accept: application/octet-stream` a redirect to its
/// bytes.
pub(crate) async fn show(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> HandlerResult {
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.release_of_asset(id).filter(|it| !it.draft || caller.may_write());
    let release = release.ok_or_else(ApiError::not_found)?.clone();
    drop(state);
    let asset = release.assets.iter().find(|it| it.id == id).ok_or_else(ApiError::not_found)?;
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/octet-stream") {
        return redirect(&format!(
            "http://{}/{id}/{}",
            shared.storage_address,
            url::encode_segment(&asset.name)
        ));
    }
    ok(schemas::asset(&settings, &BaseUrls::from_headers(&settings, &headers), &release, asset))
}

/// `PATCH .../releases/assets/{id}`. Changes name and label; fields that are missing stay.
pub(crate) async fn update(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    Json(params): Json<AssetParams>,
) -> HandlerResult {
    caller.require_write()?;
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.release_of_asset(id).ok_or_else(ApiError::not_found)?;
    require_mutable(release)?;
    let asset = release.assets.iter_mut().find(|it| it.id == id).ok_or_else(ApiError::not_found)?;
    if let Some(name) = &params.name {
        asset.name = sanitize_name(name);
    }
    asset.label = params.label.or_else(|| asset.label.take());
    let asset = asset.clone();
    ok(schemas::asset(&settings, &BaseUrls::from_headers(&settings, &headers), release, &asset))
}

/// `DELETE .../releases/assets/{id}`. Immutable releases keep their assets (F19).
pub(crate) async fn delete(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
) -> HandlerResult {
    caller.require_write()?;
    let mut state = shared.state();
    let release = state.release_of_asset(id).ok_or_else(ApiError::not_found)?;
    require_mutable(release)?;
    release.assets.retain(|it| it.id != id);
    no_content()
}

/// `GET /{owner}/{name}/releases/download/{tag}/{asset}`. The public download URL of a published asset, without
/// authentication: redirects to its bytes.
pub(crate) async fn download(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, tag, name)): Path<(String, String, String, String)>,
) -> HandlerResult {
    let mut state = shared.state();
    let release = state.releases.values_mut().find(|it| it.tag == tag && !it.draft);
    let release = release.ok_or_else(ApiError::not_found)?;
    let asset = release.assets.iter_mut().find(|it| it.name == name && it.complete);
    let asset = asset.ok_or_else(ApiError::not_found)?;
    asset.download_count += 1;
    redirect(&format!("http://{}/{}/{}", shared.storage_address, asset.id, url::encode_segment(&name)))
}

/// `GET /{id}/{name}` on the storage host. Returns the bytes of an asset. A request with credentials is rejected with
/// 400, as GitHub's storage does.
pub(crate) async fn serve_bytes(
    State(shared): State<Arc<ServerContext>>,
    Path((id, _)): Path<(u64, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(ApiError::bad_request("Only one auth mechanism allowed"));
    }
    let file = tokio::fs::File::open(shared.asset_dir.join(id.to_string())).await;
    let file = file.map_err(|_| ApiError::not_found())?;
    let length = file.metadata().await.map_err(|error| ApiError::internal_error(&error.to_string()))?.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok::<Response, ApiError>(
        (StatusCode::OK, headers, Body::new(AssetBody { file, remaining: length })).into_response(),
    )
}

/// `GET /files/{path}` on the storage host. Returns a file that `GitHub::host_file` added.
pub(crate) async fn serve_file(
    State(shared): State<Arc<ServerContext>>,
    Path(path): Path<String>,
) -> HandlerResult {
    let content = shared.state().hosted_files.get(&path).cloned().ok_or_else(ApiError::not_found)?;
    Ok::<Response, ApiError>(content.into_response())
}

/// A body that reads a file in chunks of 64 KiB.
struct AssetBody {
    file: tokio::fs::File,
    /// The number of bytes that are still to be sent.
    remaining: u64,
}

impl hyper::body::Body for AssetBody {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::io::Result<hyper::body::Frame<Self::Data>>>> {
        use std::task::Poll;
        let mut chunk = vec![0; 64 << 10];
        let mut reading = std::pin::pin!(self.file.read(&mut chunk));
        let read = match std::task::ready!(reading.as_mut().poll(context)) {
            Ok(0) => return Poll::Ready(None),
            Ok(read) => read,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        chunk.truncate(read);
        self.remaining = self.remaining.saturating_sub(read as u64);
        Poll::Ready(Some(Ok(hyper::body::Frame::data(chunk.into()))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.remaining)
    }
}
