//! Downloads, as anybody makes them: no credentials, wherever the redirects lead.

use model::base::id::Hasher;
use model::release::host::ReleaseAsset;
use octocrab::OctoBody;
use transport::{BodySink, DownloadPolicy, HttpObserver, Redirects, RequestError, RetryMode, with_timeout};

use crate::client::{Forge, for_each_chunk, transport_error};
use crate::error::{ForgeError, into_forge_error};

/// The longest asset, in bytes: GitHub takes none of 2 GiB ("About large files on GitHub"). What an answer calls the size of an
/// asset is no limit by itself.
const MAX_ASSET_BYTES: u64 = 2 << 30;

impl Forge {
    /// Downloads an asset into a sink, without credentials, and returns its length in bytes. Reading ends at the first
    /// chunk beyond `limit` or 2 GiB: the length is beyond it then.
    ///
    /// # Errors
    /// [`ForgeError`] of the last attempt.
    pub fn download(
        &self,
        url: &str,
        limit: u64,
        sink: &mut dyn BodySink,
        observer: HttpObserver<'_>,
    ) -> Result<u64, ForgeError> {
        let policy = DownloadPolicy {
            max_bytes: limit.min(MAX_ASSET_BYTES),
            redirects: Redirects::Follow,
            retry_mode: RetryMode::UntilVisible,
        };
        let length = self.http.download(url, policy, sink, observer);
        length.map_err(|error| into_forge_error(error, &format!("GET {url}")))
    }
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
                _ => Err(RequestError::NoResponse(format!("{} without a location", parts.status))),
            }
        });
        answer.map_err(|error: RequestError| into_forge_error(error, &operation))
    }
}
