//! Where trust in attestations begins, as it was typed.

use std::time::Duration;

use anyhow::Context as _;
use ops::{Refresh, Trusted};

use crate::args::Trust;
use crate::failure::Failure;
use crate::world;

/// The trusted roots that are meant: a file, a TUF repository of one's own, or those of Sigstore and GitHub.
pub(crate) fn trusted(args: &Trust, online: bool, timeout: Duration) -> Result<Trusted, Failure> {
    if let Some(path) = &args.trusted_root {
        return Ok(Trusted::File(path.clone()));
    }
    let own = match (&args.tuf_url, &args.tuf_root) {
        (Some(url), Some(path)) => {
            let root = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
            Some((url.clone(), root.map_err(Failure::usage)?))
        }
        _ => None,
    };
    Ok(Trusted::Published(Refresh { own, cache: world::cache(), online, timeout }))
}
