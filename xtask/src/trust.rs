//! The source of the trusted roots, from the arguments.

use std::time::Duration;

use ops::{TrustRootSource, TufSettings};

use crate::args::TrustArgs;
use crate::cache;
use crate::clock;
use crate::error::CliError;

/// The maximum size of the file of `--tuf-root`, in bytes. It is the limit of the TUF client.
const MAX_TUF_ROOT_BYTES: u64 = 512_000;

/// Returns the source of the trusted roots: the file of `--trusted-root`, the TUF repository of `--tuf-url`, or the TUF
/// repositories of Sigstore and GitHub.
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
