//! The trusted roots of Sigstore instances, from a file or over TUF.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::evidence::trusted_root::TrustedRootSummary;
use provenance::{TrustedRootSet, TufSource};

use crate::cache::CacheDir;
use crate::error::OpsError;

/// The source of the trusted roots.
#[derive(Debug, Clone)]
pub enum TrustRootSource {
    /// A file of trusted roots (`--trusted-root`).
    File(PathBuf),
    /// A TUF repository. If it cannot be reached, the cached trusted root is used, and without a cache the built-in
    /// one.
    Tuf(TufSettings),
}

/// The settings for fetching trusted roots over TUF.
#[derive(Debug, Clone)]
pub struct TufSettings {
    /// The URL and the initial `root.json` of another repository. `None` for the repositories of Sigstore and GitHub.
    pub custom: Option<(String, Vec<u8>)>,
    /// The cache for TUF metadata.
    pub cache: CacheDir,
    /// Whether the network may be used.
    pub online: bool,
    /// The time limit for fetching from one repository.
    pub timeout: Duration,
    /// Returns the current time, in seconds since 1970 in UTC.
    pub clock: fn() -> i64,
}

/// The trusted roots, for `trusted-root show` and `trusted-root export`.
#[derive(Debug)]
pub struct TrustedRootReport {
    /// The source of the trusted roots, in words.
    pub source: String,
    /// Whether all of them were fetched in this run.
    pub is_fresh: bool,
    /// The keys and validity of each trusted root.
    pub summaries: Vec<TrustedRootSummary>,
    /// The JSON documents of the trusted roots, each on one line.
    pub documents: Vec<String>,
}

/// Returns the trusted roots that a verification with this source would use.
///
/// # Errors
/// [`OpsError::FetchTrustedRoot`] if TUF provides none, [`OpsError::ReadTrustedRoot`] or
/// [`OpsError::InvalidTrustedRoot`] if the file cannot be read or is not valid.
pub fn trusted_root_report(from: &TrustRootSource) -> Result<TrustedRootReport, OpsError> {
    let roots = load_trust_root(from)?;
    Ok(TrustedRootReport {
        source: roots.source().to_owned(),
        is_fresh: roots.is_fresh(),
        summaries: roots.summaries(),
        documents: roots.documents(),
    })
}

/// Loads the freshest trusted roots that the source provides.
pub(crate) fn load_trust_root(from: &TrustRootSource) -> Result<TrustedRootSet, OpsError> {
    match from {
        TrustRootSource::File(path) => {
            let text =
                archive::read_named(path, MAX_TRUSTED_ROOT_BYTES).map_err(OpsError::ReadTrustedRoot)?;
            Ok(TrustedRootSet::read(&text, &path.display().to_string())?)
        }
        TrustRootSource::Tuf(settings) => {
            let TufSettings { custom, cache, online, timeout, clock } = settings.clone();
            let source = TufSource { custom, cache: Some(Arc::new(cache)), online, timeout, clock };
            provenance::fetch_trusted_roots(&source).map_err(OpsError::FetchTrustedRoot)
        }
    }
}

/// The maximum size of a file of trusted roots, in bytes.
const MAX_TRUSTED_ROOT_BYTES: u64 = 16 << 20;
