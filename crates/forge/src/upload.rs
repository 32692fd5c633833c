//! Uploads: streamed from disk, opened anew for every try, and read back.

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
use model::base::url;
use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseAsset};
use octocrab::OctoBody;

use crate::client::{not_answered, read};
use crate::error::Trouble;
use crate::wire::Asset;
use crate::{Forge, ForgeError, Tell, Told};

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;
/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// A file that is to be an asset.
#[derive(Clone, Copy)]
pub struct Parcel<'a> {
    /// The path of the file, for errors.
    pub path: &'a Path,
    /// Opens the file at its beginning.
    pub open: &'a dyn Fn() -> io::Result<File>,
    /// What it must be, there as here.
    pub wanted: &'a ExpectedAsset,
    /// Its media type.
    pub kind: &'a str,
}

impl std::fmt::Debug for Parcel<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parcel").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What GitHub has under an asset's name.
enum There {
    Right(ReleaseAsset),
    /// Something that must go first: an upload that broke off.
    Broken(ReleaseAsset),
    Nothing,
}

impl Forge {
    /// An asset of a draft, uploaded and right. What is there already is compared before anything is done about it: a
    /// refusal because of the name, or a lost answer, may be the echo of an upload that succeeded (github.md F3, F4).
    ///
    /// # Errors
    /// [`ForgeError::Differs`] where GitHub holds other bytes or another name than were sent.
    pub fn upload(
        &self,
        draft: &GitHubRelease,
        parcel: &Parcel<'_>,
        tell: Tell<'_>,
    ) -> Result<ReleaseAsset, ForgeError> {
        let what = format!("upload of {}", parcel.wanted.name);
        let mut failure = 0;
        loop {
            let trouble = match self.send(draft, parcel, tell)? {
                Ok(asset) => return Self::compared(draft, parcel, self.with_digest(asset, tell)?),
                Err(trouble) => trouble,
            };
            // A name that is taken may be the echo of this upload; a release that is not found may not be seen yet.
            let taken = matches!(&trouble, Trouble::Answered(it) if it.status == 422);
            let unseen = matches!(&trouble, Trouble::Answered(it) if it.status == 404);
            let patience = &self.settings.patience;
            let look = trouble.is_ambiguous() || taken || unseen;
            let wait = if look { patience.again(failure) } else { patience.wait(failure, &trouble) };
            let Some(wait) = wait else { return Err(trouble.end(&what)) };
            self.pause(&what, &trouble.reason(), wait, tell);
            failure += 1;
            match self.there(draft, parcel, tell)? {
                There::Right(asset) => return Ok(asset),
                There::Broken(asset) => self.remove(asset.id, tell)?,
                There::Nothing if taken => return Err(trouble.end(&what)),
                There::Nothing => {}
            }
        }
    }

    fn there(&self, draft: &GitHubRelease, parcel: &Parcel<'_>, tell: Tell<'_>) -> Result<There, ForgeError> {
        let assets = self.assets(draft.id, tell)?;
        let Some(asset) = assets.into_iter().find(|it| it.name.is(&parcel.wanted.name)) else {
            return Ok(There::Nothing);
        };
        if !asset.is_uploaded {
            return Ok(There::Broken(asset));
        }
        Self::compared(draft, parcel, self.with_digest(asset, tell)?).map(There::Right)
    }

    /// The asset, if it is what was sent.
    fn compared(
        draft: &GitHubRelease,
        parcel: &Parcel<'_>,
        asset: ReleaseAsset,
    ) -> Result<ReleaseAsset, ForgeError> {
        if asset.name.is(&parcel.wanted.name) && parcel.wanted.matches(&asset) {
            return Ok(asset);
        }
        let digest = asset.digest.map_or("no digest".to_owned(), |it| it.to_string());
        Err(ForgeError::Differs {
            name: parcel.wanted.name.clone(),
            release: draft.id,
            wanted: parcel.wanted.digest,
            found: format!("{}, {} bytes, {digest}", asset.name.escaped(), asset.size),
        })
    }

    /// Sends the file once.
    fn send(
        &self,
        draft: &GitHubRelease,
        parcel: &Parcel<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<ReleaseAsset, Trouble>, ForgeError> {
        let address = self.upload_address(draft, &parcel.wanted.name)?;
        let failed = |source| ForgeError::File { path: parcel.path.to_owned(), source };
        let file = (parcel.open)().map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let sent = Arc::new(AtomicU64::new(0));
        let body = FileBody { file, left: length, piece: BytesMut::new(), sent: Arc::clone(&sent) };
        let request = http::Request::post(&address)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("content-type", parcel.kind)
            .header("content-length", length)
            .body(OctoBody::new(body));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(Trouble::NotSent(error.to_string()))),
        };
        let timeout = self.settings.patience.timeout;
        let answer = self.runtime.block_on(self.settings.patience.in_all(length, async {
            let mut progress = || {
                let bytes = sent.load(Ordering::Relaxed);
                tell(Told::Sent { name: parcel.wanted.name.clone(), bytes, of: length });
                bytes
            };
            let sending = async { self.crab.send(request).await.map_err(|error| not_answered(&error)) };
            let sent = watched(sending, (timeout, length), &mut progress).await?;
            read::<Asset>(sent, timeout, &self.left).await
        }));
        Ok(answer.map(|(it, _)| it.into()))
    }

    /// Where an asset goes: the release's own address (github.md F1), if its host may see the token.
    fn upload_address(&self, draft: &GitHubRelease, name: &str) -> Result<String, ForgeError> {
        let base = draft.upload_url.raw().split('{').next().unwrap_or_default();
        let origin = |address: &str| reqwest::Url::parse(address).map(|it| it.origin());
        let to = origin(base);
        let own = [self.uploads.as_str(), self.settings.api.as_str()];
        if to.is_ok_and(|to| own.into_iter().any(|it| origin(it).is_ok_and(|it| it == to))) {
            return Ok(format!("{base}?name={}", url::encode_segment(name)));
        }
        let reason = "assets would go to another host than GitHub's";
        Err(ForgeError::Address { address: draft.upload_url.escaped(), reason })
    }
}

/// Waits for an upload as long as it goes on: what ends it is a time in which nothing moves.
async fn watched<T>(
    sending: impl Future<Output = Result<T, Trouble>>,
    (timeout, length): (Duration, u64),
    progress: &mut dyn FnMut() -> u64,
) -> Result<T, Trouble> {
    let mut sending = std::pin::pin!(sending);
    let (mut last, mut idle) = (0, Duration::ZERO);
    loop {
        if let Ok(answer) = tokio::time::timeout(TICK, sending.as_mut()).await {
            progress();
            return answer;
        }
        let now = progress();
        idle = if now > last { Duration::ZERO } else { idle + TICK };
        last = now;
        // After the last byte it is GitHub that works, on all of them.
        let limit = if now >= length { timeout * 4 } else { timeout };
        if idle >= limit {
            return Err(Trouble::Lost(format!("nothing moved for {} s", timeout.as_secs_f32())));
        }
    }
}

/// A file as a body, read piece by piece as the connection takes it. Reading blocks: it is a file on a disk, and nothing
/// else runs beside it.
struct FileBody {
    file: File,
    left: u64,
    piece: BytesMut,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        this.piece.resize(PIECE, 0);
        let read = match this.file.read(&mut this.piece) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
            other => other,
        };
        Poll::Ready(Some(read.map(|read| {
            let piece = this.piece.split_to(read).freeze();
            this.left = this.left.saturating_sub(read as u64);
            this.sent.fetch_add(read as u64, Ordering::Relaxed);
            Frame::data(piece)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
