//! Downloads, as anybody makes them: no credentials, wherever the redirects lead.

use std::time::Duration;

use model::UntrustedText;
use model::base::id::Hasher;
use model::release::host::ReleaseAsset;
use octocrab::OctoBody;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::client::{pieces, refused, within};
use crate::error::{Refused, Trouble};
use crate::{Forge, ForgeError, Tell};

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
        sink: &mut dyn Sink,
        tell: Tell<'_>,
    ) -> Result<u64, ForgeError> {
        let what = format!("GET {address}");
        let limit = limit.min(MAX_ASSET_BYTES);
        let mut failure = 0;
        loop {
            let fetching = self.settings.patience.in_all(limit, self.fetch(address, limit, sink));
            let trouble = match self.runtime.block_on(fetching) {
                Ok(length) => return Ok(length),
                Err(trouble) => trouble,
            };
            let lagging = matches!(&trouble, Trouble::Answered(it) if it.status == 404);
            let patience = &self.settings.patience;
            let wait = if lagging { patience.again(failure) } else { patience.wait(failure, &trouble) };
            let Some(wait) = wait else { return Err(trouble.end(&what)) };
            self.pause(&what, &trouble.reason(), wait, tell);
            failure += 1;
        }
    }

    async fn fetch(&self, address: &str, limit: u64, sink: &mut dyn Sink) -> Result<u64, Trouble> {
        let timeout = self.settings.patience.timeout;
        let mut response = timely(timeout, self.plain.get(address).send()).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(not_served(status, response.headers()));
        }
        let announced = response.content_length();
        sink.start();
        let mut length = 0;
        while let Some(piece) = timely(timeout, response.chunk()).await? {
            length += piece.len() as u64;
            sink.take(&piece);
            if length > limit {
                return Ok(length);
            }
        }
        match announced {
            Some(announced) if announced != length => {
                Err(Trouble::Lost(format!("{length} of {announced} bytes came")))
            }
            _ => Ok(length),
        }
    }
}

/// What a refusal of a host that only serves files means. One that says when to come back is asked again then; one that says
/// that it is busy, soon.
pub(crate) fn not_served(status: StatusCode, headers: &HeaderMap) -> Trouble {
    if headers.contains_key(RETRY_AFTER) {
        return refused(status, headers, b"");
    }
    let said = UntrustedText::new(status.canonical_reason().unwrap_or("no reason"));
    let refused = Refused { status: status.as_u16(), said, request_id: None, location: None };
    let later = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if later { Trouble::Broken(refused) } else { Trouble::Answered(refused) }
}

/// The digest of a download.
#[derive(Default)]
struct Hashed(Hasher);

impl Sink for Hashed {
    fn start(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }
}

impl Forge {
    /// The asset with its digest: GitHub's own, else that of what is downloaded with the token. The token stays behind at
    /// the redirect (github.md F30).
    ///
    /// # Errors
    /// [`ForgeError`]
    pub fn with_digest(&self, asset: ReleaseAsset, tell: Tell<'_>) -> Result<ReleaseAsset, ForgeError> {
        if asset.digest.is_some() || !asset.is_uploaded {
            return Ok(asset);
        }
        let path = self.at(&format!("/releases/assets/{}", asset.id));
        let mut hashed = Hashed::default();
        if let Some(address) = self.leads_to(&path, asset.size.min(MAX_ASSET_BYTES), &mut hashed)? {
            self.download(&address, asset.size, &mut hashed, tell)?;
        }
        Ok(ReleaseAsset { digest: Some(hashed.0.finish()), ..asset })
    }

    /// Where the bytes behind an address of the API are; none where they came at once, into the sink, up to the first piece
    /// beyond `limit`.
    fn leads_to(&self, path: &str, limit: u64, sink: &mut dyn Sink) -> Result<Option<String>, ForgeError> {
        let what = format!("GET {path}");
        let request = http::Request::get(path).header("accept", "application/octet-stream");
        let request = request.body(OctoBody::empty());
        let request = request.map_err(|error| Trouble::NotSent(error.to_string()).end(&what))?;
        let timeout = self.settings.patience.timeout;
        let mut length = 0;
        let mut take = |piece: &[u8]| {
            length += piece.len() as u64;
            sink.take(piece);
            length <= limit
        };
        let answer = self.runtime.block_on(self.settings.patience.in_all(limit, async {
            let (parts, body) = within(timeout, self.crab.send(request)).await?.into_parts();
            let location = parts.headers.get("location").and_then(|it| it.to_str().ok());
            match location {
                Some(location) if parts.status.is_redirection() => Ok(Some(location.to_owned())),
                _ if parts.status.is_success() => {
                    pieces(body, timeout, &mut take).await?;
                    Ok(None)
                }
                _ => Err(Trouble::Lost(format!("{} leads nowhere", parts.status))),
            }
        }));
        answer.map_err(|trouble: Trouble| trouble.end(&what))
    }
}

/// Where the bytes of a download go.
pub trait Sink {
    /// A try begins: what came before does not count.
    fn start(&mut self);
    /// The next piece.
    fn take(&mut self, piece: &[u8]);
}

pub(crate) async fn timely<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(timeout, future).await {
        Ok(Ok(it)) => Ok(it),
        Ok(Err(error)) => Err(Trouble::Lost(root_cause(&error))),
        Err(_) => Err(Trouble::Lost(format!("nothing came for {} s", timeout.as_secs_f32()))),
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
