//! Trusted roots as their owners publish them now, over TUF (The Update Framework, specification 1.0).

use std::path::{Path, PathBuf};
use std::time::Duration;

use sigstore_verify::trust_root::{SigstoreInstance, TrustedRoot, TufBootstrap, TufConfig};

use crate::root::{RootError, Roots};

/// Where trusted roots come from.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// A repository of one's own, and the root of its trust; none for those of Sigstore and GitHub.
    pub own: Option<(String, Vec<u8>)>,
    /// Where what was fetched is kept, so that nobody can take the clock back.
    pub cache: PathBuf,
    /// Whether the network may be asked.
    pub online: bool,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// Why there are no fresh trusted roots.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The repository could not be asked.
    #[error("{address} cannot be asked: {reason}")]
    Unreachable {
        /// The repository.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// What it says does not hold.
    #[error("{address}: {reason}")]
    Refused {
        /// The repository.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// What came cannot be used.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// The trusted roots of Sigstore's public instance and of GitHub's, or of a repository of one's own, verified from the TUF root that
/// came with this program, or was handed over.
///
/// # Errors
/// [`RefreshError`]
pub fn refresh(from: &Refresh) -> Result<Roots, RefreshError> {
    let how = if from.online { "fetched over TUF just now" } else { "fetched over TUF before" };
    if let Some((address, root)) = &from.own {
        let config = TufConfig::custom(address.clone(), TufBootstrap::trusted(root));
        let roots = vec![load(config, address, from)?];
        return Ok(Roots::of(roots, &format!("the trusted root of {address}, {how}"), true)?);
    }
    let known = [SigstoreInstance::PublicGood, SigstoreInstance::GitHub];
    let roots = known.map(|it| load(TufConfig::for_instance(it), it.tuf_url(), from));
    let [public, internal] = roots;
    Ok(Roots::of(
        vec![public?, internal?],
        &format!("the trusted roots of Sigstore and GitHub, {how}"),
        false,
    )?)
}

fn load(config: TufConfig, address: &str, from: &Refresh) -> Result<TrustedRoot, RefreshError> {
    let refused = |reason: String| RefreshError::Refused { address: address.to_owned(), reason };
    let unreachable = |reason: String| RefreshError::Unreachable { address: address.to_owned(), reason };
    let config = config.with_cache_dir(folder(&from.cache, address));
    let config = if from.online { config } else { config.offline() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| refused(error.to_string()))?;
    let loaded =
        runtime.block_on(async { tokio::time::timeout(from.timeout, TrustedRoot::from_tuf(config)).await });
    match loaded {
        Ok(Ok(root)) => Ok(root),
        Ok(Err(error)) => {
            // The library tells what went wrong with a request and what is wrong with metadata in the same words but for these.
            let reason = error.to_string();
            let asked = ["GET ", "reading http", "not found"].iter().any(|it| reason.contains(it));
            Err(if asked { unreachable(reason) } else { refused(reason) })
        }
        Err(_) => Err(unreachable(format!("nothing came for {} s", from.timeout.as_secs_f32()))),
    }
}

/// A folder of a repository's own: two repositories must not read each other's versions.
fn folder(cache: &Path, address: &str) -> PathBuf {
    cache.join("tuf").join(model::Digest::of(address.trim_end_matches('/').as_bytes()).hex())
}
