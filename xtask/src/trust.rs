//! Where trust in attestations begins, as it was typed.

use std::time::Duration;

use ops::{TrustRootSource, TufSettings};

use crate::args::TrustArgs;
use crate::cache;
use crate::clock;
use crate::error::CliError;

/// The longest root of a TUF repository that is read, in bytes: as much as the client takes.
const MAX_TUF_ROOT_BYTES: u64 = 512_000;

/// The trusted roots that are meant: a file, a TUF repository of one's own, or those of Sigstore and GitHub.
pub(crate) fn trust_root_source(
    args: &TrustArgs,
    online: bool,
    timeout: Duration,
) -> Result<TrustRootSource, CliError> {
    if let Some(path) = &args.trusted_root {
        return Ok(TrustRootSource::File(path.clone()));
    }
    let custom = match (&args.tuf_url, &args.tuf_root) {
        (Some(url), Some(path)) => {
            Some((url.clone(), ops::read_named(path, MAX_TUF_ROOT_BYTES).map_err(CliError::usage)?))
        }
        _ => None,
    };
    let cache = cache::cache_dir();
    Ok(TrustRootSource::Tuf(TufSettings { custom, cache, online, timeout, clock: clock::now }))
}
