//! Assets: bytes with a name, a size and a digest.

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

use super::Shared;
use super::answer::{Answer, Paging, Refusal, created, found, no_content, ok, page};
use super::releases::visible;
use super::router::Caller;
use super::shape::{self, Place};
use super::state::{Asset, Release};

/// What is said of an asset that is uploaded.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    name: Option<String>,
    label: Option<String>,
}

/// `GET /repos/{owner}/{name}/releases/{id}/assets`
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Answer {
    let mut state = shared.state();
    let seen = state.releases.get_mut(&id).is_some_and(visible);
    let release = state.releases.get(&id).filter(|it| seen && (!it.draft || caller.may_write()));
    let release = release.ok_or_else(Refusal::not_found)?;
    let place = Place::from_headers(&state.settings, &headers);
    let all = release.assets.iter().map(|it| shape::asset(&state.settings, &place, release, it)).collect();
    page(all, &paging, &place.repo(&format!("/releases/{id}/assets")))
}

/// `POST .../releases/{id}/assets?name=`: until the last byte is there it is a `starter`.
pub(crate) async fn upload(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    Query(named): Query<Named>,
    request: Request,
) -> Answer {
    caller.must_write()?;
    let (parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let kind = text(header::CONTENT_TYPE).ok_or_else(|| Refusal::bad_request("Content-Type is missing"))?;
    let length: Option<u64> = text(header::CONTENT_LENGTH).and_then(|it| it.parse().ok());
    let length = length.ok_or_else(|| Refusal::bad_request("Bad Content-Length"))?;
    let asset = start(&shared, id, &named, kind)?;
    let received = receive(&shared, asset, body).await;
    let (size, digest) = received.map_err(|error| Refusal::broken(&error.to_string()))?;
    if size != length {
        return Err(Refusal::bad_request("Bad Content-Length"));
    }
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.releases.get_mut(&id).ok_or_else(Refusal::not_found)?;
    let it = release.assets.iter_mut().find(|it| it.id == asset).ok_or_else(Refusal::not_found)?;
    (it.size, it.digest, it.complete) = (size, Some(digest), true);
    let it = it.clone();
    created(shape::asset(&settings, &Place::from_headers(&settings, &parts.headers), release, &it))
}

/// An asset under its name, without bytes.
fn start(shared: &Shared, release: u64, named: &Named, kind: String) -> Result<u64, Refusal> {
    let mut state = shared.state();
    let (id, now) = (state.id(), state.settings.now);
    let release = state.releases.get_mut(&release).ok_or_else(Refusal::not_found)?;
    if !visible(release) {
        return Err(Refusal::not_found());
    }
    changeable(release)?;
    let name = named.name.as_deref().filter(|it| !it.is_empty());
    let name = sanitised(name.ok_or_else(|| Refusal::invalid("ReleaseAsset", "name", "missing_field"))?);
    if release.assets.iter().any(|it| it.name == name) {
        return Err(Refusal::invalid("ReleaseAsset", "name", "already_exists"));
    }
    release.assets.push(Asset {
        id,
        name,
        label: named.label.clone(),
        kind,
        size: 0,
        digest: None,
        complete: false,
        downloads: 0,
        created: now,
    });
    Ok(id)
}

/// Writes the bytes down as they come.
async fn receive(shared: &Shared, id: u64, mut body: Body) -> std::io::Result<(u64, model::Digest)> {
    let mut file = tokio::fs::File::create(shared.store.join(id.to_string())).await?;
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

fn changeable(release: &Release) -> Result<(), Refusal> {
    if release.immutable {
        let message = "Cannot upload assets to an immutable release.";
        return Err(Refusal::invalid_because("ReleaseAsset", "release", message));
    }
    Ok(())
}

/// The name that GitHub gives an asset (F6): what is outside `[A-Za-z0-9-_+@.]` becomes a dot, runs of dots become one,
/// dots at both ends go.
fn sanitised(name: &str) -> String {
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

/// `GET .../releases/assets/{id}`: the asset, or with `Accept: application/octet-stream` the way to its bytes.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Answer {
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.holder(id).filter(|it| !it.draft || caller.may_write());
    let release = release.ok_or_else(Refusal::not_found)?.clone();
    drop(state);
    let asset = release.assets.iter().find(|it| it.id == id).ok_or_else(Refusal::not_found)?;
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/octet-stream") {
        return found(&format!("http://{}/{id}/{}", shared.storage, url::encode_segment(&asset.name)));
    }
    ok(shape::asset(&settings, &Place::from_headers(&settings, &headers), &release, asset))
}

/// `PATCH .../releases/assets/{id}`
pub(crate) async fn rename(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    Json(named): Json<Named>,
) -> Answer {
    caller.must_write()?;
    let mut state = shared.state();
    let settings = state.settings.clone();
    let release = state.holder(id).ok_or_else(Refusal::not_found)?;
    changeable(release)?;
    let asset = release.assets.iter_mut().find(|it| it.id == id).ok_or_else(Refusal::not_found)?;
    if let Some(name) = &named.name {
        asset.name = sanitised(name);
    }
    asset.label = named.label.or_else(|| asset.label.take());
    let asset = asset.clone();
    ok(shape::asset(&settings, &Place::from_headers(&settings, &headers), release, &asset))
}

/// `DELETE .../releases/assets/{id}`
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
) -> Answer {
    caller.must_write()?;
    let mut state = shared.state();
    let release = state.holder(id).ok_or_else(Refusal::not_found)?;
    changeable(release)?;
    release.assets.retain(|it| it.id != id);
    no_content()
}

/// `GET /{owner}/{name}/releases/download/{tag}/{asset}`: as a browser gets it.
pub(crate) async fn download(
    State(shared): State<Arc<Shared>>,
    Path((_, _, tag, name)): Path<(String, String, String, String)>,
) -> Answer {
    let mut state = shared.state();
    let release = state.releases.values_mut().find(|it| it.tag == tag && !it.draft);
    let release = release.ok_or_else(Refusal::not_found)?;
    let asset = release.assets.iter_mut().find(|it| it.name == name && it.complete);
    let asset = asset.ok_or_else(Refusal::not_found)?;
    asset.downloads += 1;
    found(&format!("http://{}/{}/{}", shared.storage, asset.id, url::encode_segment(&name)))
}

/// The bytes, from another host, which refuses GitHub's credentials.
pub(crate) async fn bytes(
    State(shared): State<Arc<Shared>>,
    Path((id, _)): Path<(u64, String)>,
    headers: HeaderMap,
) -> Answer {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::bad_request("Only one auth mechanism allowed"));
    }
    let file = tokio::fs::File::open(shared.store.join(id.to_string())).await;
    let file = file.map_err(|_| Refusal::not_found())?;
    let length = file.metadata().await.map_err(|error| Refusal::broken(&error.to_string()))?.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok::<Response, Refusal>(
        (StatusCode::OK, headers, Body::new(Pieces { file, left: length })).into_response(),
    )
}

/// `GET /files/{path}`: what was put there.
pub(crate) async fn file(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> Answer {
    let found = shared.state().files.get(&path).cloned().ok_or_else(Refusal::not_found)?;
    Ok::<Response, Refusal>(found.into_response())
}

/// A file as a body, in pieces of 64 KiB.
struct Pieces {
    file: tokio::fs::File,
    left: u64,
}

impl hyper::body::Body for Pieces {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::io::Result<hyper::body::Frame<Self::Data>>>> {
        use std::task::Poll;
        let mut piece = vec![0; 64 << 10];
        let mut reading = std::pin::pin!(self.file.read(&mut piece));
        let read = match std::task::ready!(reading.as_mut().poll(context)) {
            Ok(0) => return Poll::Ready(None),
            Ok(read) => read,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        piece.truncate(read);
        self.left = self.left.saturating_sub(read as u64);
        Poll::Ready(Some(Ok(hyper::body::Frame::data(piece.into()))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.left)
    }
}
