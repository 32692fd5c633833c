//! Where trust in attestations begins, as it was typed.

use std::sync::Arc;
use std::time::Duration;

use ops::{TrustRootSource, TufSource};

use crate::args::TrustArgs;
use crate::error::CliError;
use crate::{github, session};

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
    let cache = Some(Arc::new(github::cache_dir()) as _);
    Ok(TrustRootSource::Tuf(TufSource { custom, cache, online, timeout, clock: session::now }))
}
