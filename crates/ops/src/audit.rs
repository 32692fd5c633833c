//! What an outsider finds: public bytes, without credentials, from the beginning.

use forge::{Sink, Told};
use model::audit::{Download, Evidence, Promise, Received};
use model::hosting::HostedRelease;
use model::id::Hasher;
use model::sums;
use model::verdict::Finding;

use crate::World;

/// Looks at a published release as anybody would, and says what that proves. What cannot be had is a finding and no
/// error.
pub(crate) fn audit(world: World<'_>, promise: &Promise, tell: &mut dyn FnMut(Told)) -> Vec<Finding> {
    let tag = world.outsider.await_tag(&promise.tag, tell).map_err(|error| error.to_string());
    let release = world.outsider.await_published(&promise.tag, tell).map_err(|error| error.to_string());
    let downloads = match &release {
        Ok(Some(release)) => downloads(world, release, promise, tell),
        _ => Vec::new(),
    };
    rules::audit(promise, &Evidence { tag, release, downloads })
}

fn downloads(
    world: World<'_>,
    release: &HostedRelease,
    promise: &Promise,
    tell: &mut dyn FnMut(Told),
) -> Vec<Download> {
    let mut all = Vec::new();
    for wanted in &promise.assets {
        let Some(asset) = release.asset(&wanted.name) else { continue };
        let mut taken = Taken::default();
        let came = world.outsider.download(&asset.download_url, wanted.size, &mut taken, tell);
        let came = came.map_err(|error| error.to_string());
        let came = came.map(|size| Received { size, digest: taken.hasher.finish(), head: taken.head });
        all.push(Download { name: wanted.name.clone(), came });
    }
    all
}

/// The digest of what came, and its beginning.
#[derive(Default)]
struct Taken {
    hasher: Hasher,
    head: Vec<u8>,
}

impl Sink for Taken {
    fn start(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        let room = (sums::LIMIT + 1).saturating_sub(self.head.len());
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}
