//! Where trust in attestations begins, as it was typed.

use std::sync::Arc;
use std::time::Duration;

use ops::{Trusted, TufSource};

use crate::args::Trust;
use crate::failure::Failure;
use crate::{session, world};

/// The longest root of a TUF repository that is read, in bytes: as much as the client takes.
const MAX_ROOT_BYTES: u64 = 512_000;

/// The trusted roots that are meant: a file, a TUF repository of one's own, or those of Sigstore and GitHub.
pub(crate) fn trusted(args: &Trust, online: bool, timeout: Duration) -> Result<Trusted, Failure> {
    if let Some(path) = &args.trusted_root {
        return Ok(Trusted::File(path.clone()));
    }
    let custom = match (&args.tuf_url, &args.tuf_root) {
        (Some(url), Some(path)) => {
            Some((url.clone(), ops::read_named(path, MAX_ROOT_BYTES).map_err(Failure::usage)?))
        }
        _ => None,
    };
    let cache = Some(Arc::new(world::cache()) as _);
    Ok(Trusted::Published(TufSource { custom, cache, online, timeout, clock: session::now }))
}
