//! Uploads of assets: streamed from disk, opened again for each attempt, and compared with the result on GitHub.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use model::base::http::HttpEvent;
use model::base::url;
use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseAsset};
use octocrab::OctoBody;
use transport::{HttpObserver, HttpUrl, RequestError, RetryMode};

use crate::client::{Forge, parse_response, read_response, transport_error};
use crate::error::{ForgeError, into_forge_error};
use crate::response::AssetResponse;

/// The bytes of a file that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// The interval between two progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// A file to upload as an asset.
#[derive(Clone, Copy)]
pub struct AssetUpload<'a> {
    /// The path of the file, for error messages.
    pub path: &'a Path,
    /// Opens the file at its start. It is called for each attempt, because a body cannot be rewound (github.md F5).
    pub open: &'a dyn Fn() -> io::Result<File>,
    /// The name, size and digest that the asset on GitHub must have.
    pub expected: &'a ExpectedAsset,
    /// The media type, for the header `Content-Type`.
    pub content_type: &'a str,
}

impl std::fmt::Debug for AssetUpload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssetUpload").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The state of an asset's name in a release on GitHub.
enum RemoteAsset {
    /// The asset was uploaded and matches the file.
    Complete(ReleaseAsset),
    /// An interrupted upload in state `starter`. It blocks the name, so it must be deleted first (github.md F3).
    Incomplete(ReleaseAsset),
    /// No asset has the name.
    Missing,
}

impl Forge {
    /// Uploads a file to a draft and returns the asset, which was compared with the file. After 422, 404 or a lost
    /// response the asset on GitHub is compared before another attempt, because the upload may have succeeded
    /// (github.md F3, F4).
    ///
    /// # Errors
    /// [`ForgeError::AssetMismatch`] if the asset on GitHub has another name, size or digest than the file;
    /// [`ForgeError::Read`] if the file cannot be read; [`ForgeError::InvalidUrl`] if the upload URL is on another
    /// host; else the [`ForgeError`] of the last attempt.
    pub fn upload(
        &self,
        draft: &GitHubRelease,
        upload: &AssetUpload<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<ReleaseAsset, ForgeError> {
        let operation = format!("upload of {}", upload.expected.name);
        let mut attempt = 0;
        loop {
            let error = match self.upload_once(draft, upload, observer)? {
                Ok(asset) => return Self::check_uploaded(draft, upload, self.with_digest(asset, observer)?),
                Err(error) => error,
            };
            // 422: the name may be taken by this very upload. 404: the new release may not be visible yet.
            let name_taken = error.has_status(422);
            let not_visible = error.has_status(404);
            let recheck = error.is_ambiguous() || name_taken || not_visible;
            let wait = if recheck {
                self.http.backoff(attempt)
            } else {
                self.http.wait_after(attempt, RetryMode::Idempotent, &error)
            };
            let Some(wait) = wait else { return Err(into_forge_error(error, &operation)) };
            self.http.wait(&operation, &error.reason(), wait, observer);
            attempt += 1;
            match self.remote_asset(draft, upload, observer)? {
                RemoteAsset::Complete(asset) => return Ok(asset),
                RemoteAsset::Incomplete(asset) => self.delete_asset(asset.id, observer)?,
                RemoteAsset::Missing if name_taken => return Err(into_forge_error(error, &operation)),
                RemoteAsset::Missing => {}
            }
        }
    }

    /// Returns the state of the asset's name on GitHub. A complete asset that differs from the file is an error: only
    /// an incomplete one may be deleted here.
    fn remote_asset(
        &self,
        draft: &GitHubRelease,
        upload: &AssetUpload<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<RemoteAsset, ForgeError> {
        let assets = self.assets(draft.id, observer)?;
        let Some(asset) = assets.into_iter().find(|it| it.name.is(&upload.expected.name)) else {
            return Ok(RemoteAsset::Missing);
        };
        if !asset.is_uploaded {
            return Ok(RemoteAsset::Incomplete(asset));
        }
        Self::check_uploaded(draft, upload, self.with_digest(asset, observer)?).map(RemoteAsset::Complete)
    }

    /// Returns the asset if its name, size and digest are those of the file.
    fn check_uploaded(
        draft: &GitHubRelease,
        upload: &AssetUpload<'_>,
        asset: ReleaseAsset,
    ) -> Result<ReleaseAsset, ForgeError> {
        if asset.name.is(&upload.expected.name) && upload.expected.matches(&asset) {
            return Ok(asset);
        }
        let digest = asset.digest.map_or("no digest".to_owned(), |it| it.to_string());
        Err(ForgeError::AssetMismatch {
            name: upload.expected.name.clone(),
            release: draft.id,
            expected: upload.expected.digest,
            found: format!("{}, {} bytes, {digest}", asset.name.escaped(), asset.size),
        })
    }

    /// Sends the file once. The outer error is final; the inner one may be retried.
    fn upload_once(
        &self,
        draft: &GitHubRelease,
        upload: &AssetUpload<'_>,
        observer: HttpObserver<'_>,
    ) -> Result<Result<ReleaseAsset, RequestError>, ForgeError> {
        let address = self.upload_url(draft, &upload.expected.name)?;
        let read_error = |source| ForgeError::Read { path: upload.path.to_owned(), source };
        let file = (upload.open)().map_err(read_error)?;
        let length = file.metadata().map_err(read_error)?.len();
        let sent_bytes = Arc::new(AtomicU64::new(0));
        let body = FileBody {
            file,
            remaining_bytes: length,
            chunk: BytesMut::new(),
            sent_bytes: Arc::clone(&sent_bytes),
        };
        let request = http::Request::post(&address)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("content-type", upload.content_type)
            .header("content-length", length)
            .body(OctoBody::new(body));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(RequestError::NotSent(error.to_string()))),
        };
        let timeout = self.http.idle_timeout();
        let answer = self.http.send(length, async {
            let mut progress = || {
                let bytes = sent_bytes.load(Ordering::Relaxed);
                observer(HttpEvent::UploadProgress {
                    asset_name: upload.expected.name.clone(),
                    sent_bytes: bytes,
                    total_bytes: length,
                });
                bytes
            };
            let sending =
                async { self.octocrab.send(request).await.map_err(|error| transport_error(&error)) };
            let sent_bytes = with_idle_timeout(sending, timeout, length, &mut progress).await?;
            read_response(sent_bytes, timeout, &self.rate_limit_remaining).await
        });
        let answer = answer.and_then(parse_response::<AssetResponse>);
        Ok(answer.map(|(it, _)| it.into()))
    }

    /// Returns the URL for the upload, from the draft's `upload_url` (github.md F1). Its origin must be that of the API
    /// or of the API's upload host, because the request carries the token.
    fn upload_url(&self, draft: &GitHubRelease, name: &str) -> Result<String, ForgeError> {
        let base = draft.upload_url.raw().split('{').next().unwrap_or_default();
        let target = HttpUrl::parse(base);
        let allowed = [self.uploads_url.as_str(), self.settings.api_url.as_str()];
        let mut allowed = allowed.into_iter().filter_map(HttpUrl::parse);
        if target.is_some_and(|target| allowed.any(|it| it.is_same_origin(&target))) {
            return Ok(format!("{base}?name={}", url::encode_segment(name)));
        }
        let reason = "the upload URL of the release is on another host";
        Err(ForgeError::InvalidUrl { url: draft.upload_url.escaped(), reason })
    }
}

/// Waits for an upload while it makes progress. Fails if no byte is sent for `timeout`, or if there is no response four
/// times that long after the last byte.
async fn with_idle_timeout<T>(
    upload: impl Future<Output = Result<T, RequestError>>,
    timeout: Duration,
    length: u64,
    progress: &mut dyn FnMut() -> u64,
) -> Result<T, RequestError> {
    let mut upload = std::pin::pin!(upload);
    let (mut last, mut idle) = (0, Duration::ZERO);
    loop {
        if let Ok(answer) = tokio::time::timeout(PROGRESS_INTERVAL, upload.as_mut()).await {
            progress();
            return answer;
        }
        let now = progress();
        idle = if now > last { Duration::ZERO } else { idle + PROGRESS_INTERVAL };
        last = now;
        // After the last byte GitHub processes the whole file, which takes longer.
        let limit = if now >= length { timeout * 4 } else { timeout };
        if idle >= limit {
            return Err(RequestError::NoResponse(format!("no progress for {} s", timeout.as_secs_f32())));
        }
    }
}

/// A file as a request body, read in chunks as the connection accepts them. Reads block the runtime, which is
/// acceptable: the file is on a local disk, and the runtime runs nothing else.
struct FileBody {
    file: File,
    remaining_bytes: u64,
    chunk: BytesMut,
    sent_bytes: Arc<AtomicU64>,
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.remaining_bytes == 0 {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        this.chunk.resize(CHUNK_BYTES, 0);
        let read = match this.file.read(&mut this.chunk) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated")),
            other => other,
        };
        Poll::Ready(Some(read.map(|read| {
            let chunk = this.chunk.split_to(read).freeze();
            this.remaining_bytes = this.remaining_bytes.saturating_sub(read as u64);
            this.sent_bytes.fetch_add(read as u64, Ordering::Relaxed);
            Frame::data(chunk)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining_bytes)
    }
}
