//! Downloads, as anybody makes them: no credentials, wherever the redirects lead.

use std::time::Duration;

use model::UntrustedText;
use model::base::id::Hasher;
use model::release::host::ReleaseAsset;
use octocrab::OctoBody;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::client::{error_from_response, for_each_chunk, octocrab_with_timeout};
use crate::error::{ErrorResponse, RequestError};
use crate::{Forge, ForgeError, HttpObserver};

/// The longest asset, in bytes: GitHub takes none of 2 GiB ("About large files on GitHub"). What an answer calls the size of an
/// asset is no limit by itself.
const MAX_ASSET_BYTES: u64 = 2 << 30;

impl Forge {
    /// How long a download is, after every piece of it was handed over. It ends at the first piece that goes beyond `limit`,
    /// or beyond 2 GiB: whatever it is then, it is too long.
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn download(
        &self,
        address: &str,
        limit: u64,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, ForgeError> {
        let operation = format!("GET {address}");
        let limit = limit.min(MAX_ASSET_BYTES);
        let mut attempt = 0;
        loop {
            let download = self
                .settings
                .retry_policy
                .with_total_timeout(limit, self.download_once(address, limit, sink));
            let error = match self.runtime.block_on(download) {
                Ok(length) => return Ok(length),
                Err(error) => error,
            };
            let not_visible = matches!(&error, RequestError::Client(response) if response.status == 404);
            let retry_policy = &self.settings.retry_policy;
            let wait = if not_visible {
                retry_policy.backoff(attempt)
            } else {
                retry_policy.delay_after(attempt, &error)
            };
            let Some(wait) = wait else { return Err(error.into_forge_error(&operation)) };
            self.wait_before_retry(&operation, &error.reason(), wait, observer);
            attempt += 1;
        }
    }

    async fn download_once(
        &self,
        address: &str,
        limit: u64,
        sink: &mut dyn BodySink,
    ) -> Result<u64, RequestError> {
        let timeout = self.settings.retry_policy.idle_timeout;
        let mut response = reqwest_with_timeout(timeout, self.download_client.get(address).send()).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(file_host_error(status, response.headers()));
        }
        let announced = response.content_length();
        sink.restart();
        let mut length = 0;
        while let Some(chunk) = reqwest_with_timeout(timeout, response.chunk()).await? {
            length += chunk.len() as u64;
            sink.write_chunk(&chunk);
            if length > limit {
                return Ok(length);
            }
        }
        match announced {
            Some(announced) if announced != length => {
                Err(RequestError::NoResponse(format!("{length} of {announced} bytes came")))
            }
            _ => Ok(length),
        }
    }
}

/// What a refusal of a host that only serves files means. One that says when to come back is asked again then; one that says
/// that it is busy, soon.
pub(crate) fn file_host_error(status: StatusCode, headers: &HeaderMap) -> RequestError {
    if headers.contains_key(RETRY_AFTER) {
        return error_from_response(status, headers, b"");
    }
    let message = UntrustedText::new(status.canonical_reason().unwrap_or("no reason"));
    let response = ErrorResponse { status: status.as_u16(), message, request_id: None, location: None };
    let is_temporary = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if is_temporary { RequestError::Server(response) } else { RequestError::Client(response) }
}

/// The digest of a download.
#[derive(Default)]
struct HashingSink(Hasher);

impl BodySink for HashingSink {
    fn restart(&mut self) {
        *self = Self::default();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }
}

impl Forge {
    /// The asset with its digest: GitHub's own, else that of what is downloaded with the token. The token stays behind at
    /// the redirect (github.md F30).
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn with_digest(
        &self,
        asset: ReleaseAsset,
        observer: HttpObserver<'_>,
    ) -> Result<ReleaseAsset, ForgeError> {
        if asset.digest.is_some() || !asset.is_uploaded {
            return Ok(asset);
        }
        let path = self.repo_path(&format!("/releases/assets/{}", asset.id));
        let mut hashed = HashingSink::default();
        if let Some(address) = self.redirect_target(&path, asset.size.min(MAX_ASSET_BYTES), &mut hashed)? {
            self.download(&address, asset.size, &mut hashed, observer)?;
        }
        Ok(ReleaseAsset { digest: Some(hashed.0.finish()), ..asset })
    }

    /// Where the bytes behind an address of the API are; none where they came at once, into the sink, up to the first piece
    /// beyond `limit`.
    fn redirect_target(
        &self,
        path: &str,
        limit: u64,
        sink: &mut dyn BodySink,
    ) -> Result<Option<String>, ForgeError> {
        let operation = format!("GET {path}");
        let request = http::Request::get(path).header("accept", "application/octet-stream");
        let request = request.body(OctoBody::empty());
        let request =
            request.map_err(|error| RequestError::NotSent(error.to_string()).into_forge_error(&operation))?;
        let timeout = self.settings.retry_policy.idle_timeout;
        let mut length = 0;
        let mut on_chunk = |piece: &[u8]| {
            length += piece.len() as u64;
            sink.write_chunk(piece);
            length <= limit
        };
        let answer = self.runtime.block_on(self.settings.retry_policy.with_total_timeout(limit, async {
            let (parts, body) =
                octocrab_with_timeout(timeout, self.octocrab.send(request)).await?.into_parts();
            let location = parts.headers.get("location").and_then(|it| it.to_str().ok());
            match location {
                Some(location) if parts.status.is_redirection() => Ok(Some(location.to_owned())),
                _ if parts.status.is_success() => {
                    for_each_chunk(body, timeout, &mut on_chunk).await?;
                    Ok(None)
                }
                _ => Err(RequestError::NoResponse(format!("{} leads nowhere", parts.status))),
            }
        }));
        answer.map_err(|trouble: RequestError| trouble.into_forge_error(&operation))
    }
}

/// Where the bytes of a download go.
pub trait BodySink {
    /// A try begins: what came before does not count.
    fn restart(&mut self);
    /// The next piece.
    fn write_chunk(&mut self, piece: &[u8]);
}

pub(crate) async fn reqwest_with_timeout<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(timeout, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(RequestError::NoResponse(root_cause(&error))),
        Err(_) => Err(RequestError::NoResponse(format!("nothing came for {} s", timeout.as_secs_f32()))),
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
