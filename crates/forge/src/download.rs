//! Downloads of assets without credentials. Redirects may lead to any host.

use model::base::id::Hasher;
use model::release::host::ReleaseAsset;
use octocrab::OctoBody;
use transport::{BodySink, DownloadPolicy, HttpObserver, Redirects, RequestError, RetryMode, with_timeout};

use crate::client::{Forge, for_each_chunk, transport_error};
use crate::error::{ForgeError, into_forge_error};

/// The longest asset that is read, in bytes: GitHub accepts only assets below 2 GiB ("About large files on GitHub",
/// github.md F8). The size in a response is not trusted as the only limit.
const MAX_ASSET_BYTES: u64 = 2 << 30;

impl Forge {
    /// Downloads an asset into a sink, without credentials, and returns its length in bytes. Reading ends with the
    /// first chunk beyond `limit` or 2 GiB; the returned length is then above that limit.
    ///
    /// # Errors
    /// The [`ForgeError`] of the last attempt. A 404 is retried, because a new asset may not be visible yet
    /// (github.md F29).
    pub fn download(
        &self,
        url: &str,
        limit: u64,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, ForgeError> {
        let policy = DownloadPolicy {
            headers: &[],
            max_bytes: limit.min(MAX_ASSET_BYTES),
            redirects: Redirects::Follow,
            retry_mode: RetryMode::UntilVisible,
        };
        let length = self.http.download(url, policy, sink, observer);
        length.map_err(|error| into_forge_error(error, &format!("GET {url}")))
    }
}

/// Computes the SHA-256 digest of a download instead of storing it.
#[derive(Default)]
struct HashingSink(Hasher);

impl BodySink for HashingSink {
    fn restart(&mut self, _: &str) {
        *self = Self::default();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }
}

impl Forge {
    /// Returns the asset with a digest: the one that GitHub reports, else that of its content, which is downloaded with
    /// the token. The token is not sent to the target of a redirect (github.md F30). An incomplete upload is returned
    /// unchanged.
    ///
    /// # Errors
    /// The [`ForgeError`] of the download.
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

    /// Returns the redirect target of an API path. `None` if the response had the content itself: it was then written
    /// to the sink, up to the first chunk beyond `limit`.
    fn redirect_target(
        &self,
        path: &str,
        limit: u64,
        sink: &mut dyn BodySink,
    ) -> Result<Option<String>, ForgeError> {
        let operation = format!("GET {path}");
        let request = http::Request::get(path).header("accept", "application/octet-stream");
        let request = request.body(OctoBody::empty());
        let not_sent = |error: http::Error| RequestError::NotSent(error.to_string());
        let request = request.map_err(|error| into_forge_error(not_sent(error), &operation))?;
        let timeout = self.http.idle_timeout();
        let mut length = 0;
        let mut on_chunk = |piece: &[u8]| {
            length += piece.len() as u64;
            sink.write_chunk(piece);
            length <= limit
        };
        let answer = self.http.send(limit, async {
            let (parts, body) =
                with_timeout(timeout, self.octocrab.send(request), &transport_error).await?.into_parts();
            let location = parts.headers.get("location").and_then(|it| it.to_str().ok());
            match location {
                Some(location) if parts.status.is_redirection() => Ok(Some(location.to_owned())),
                _ if parts.status.is_success() => {
                    for_each_chunk(body, timeout, &mut on_chunk).await?;
                    Ok(None)
                }
                _ => Err(RequestError::NoResponse(format!("{} without a Location header", parts.status))),
            }
        });
        answer.map_err(|error: RequestError| into_forge_error(error, &operation))
    }
}
