//! The trusted roots of Sigstore instances: where they come from, and reading them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::evidence::trusted_root::TrustedRootSummary;
use provenance::{TrustedRootSet, TufSource};

use crate::cache::CacheDir;
use crate::error::OpsError;

/// Where trust begins.
#[derive(Debug, Clone)]
pub enum TrustRootSource {
    /// A file with trusted roots.
    File(PathBuf),
    /// What is published over TUF; if it cannot be reached, what was fetched before; without a cache, what is built in.
    Tuf(TufSettings),
}

/// How trusted roots are fetched over TUF.
#[derive(Debug, Clone)]
pub struct TufSettings {
    /// Another repository, with its URL and the root of its trust; `None` for those of Sigstore and GitHub.
    pub custom: Option<(String, Vec<u8>)>,
    /// The cache for metadata.
    pub cache: CacheDir,
    /// Whether the network may be used.
    pub online: bool,
    /// The longest time that fetching from one repository may take.
    pub timeout: Duration,
    /// Returns the time now, in seconds since 1970 in UTC.
    pub clock: fn() -> i64,
}

/// Trusted roots, to be looked at or handed on.
#[derive(Debug)]
pub struct TrustedRootReport {
    /// Where they come from, in words.
    pub source: String,
    /// Whether all of them were fetched just now.
    pub is_fresh: bool,
    /// What each of them names.
    pub summaries: Vec<TrustedRootSummary>,
    /// Their documents, each on a line.
    pub documents: Vec<String>,
}

/// The trusted roots that a verification would use.
///
/// # Errors
/// [`OpsError::Refresh`], [`OpsError::Root`] or [`OpsError::TrustedRoot`] if there are none.
pub fn trusted_root_report(from: &TrustRootSource) -> Result<TrustedRootReport, OpsError> {
    let roots = load_trust_root(from)?;
    Ok(TrustedRootReport {
        source: roots.source().to_owned(),
        is_fresh: roots.is_fresh(),
        summaries: roots.summaries(),
        documents: roots.documents(),
    })
}

/// The trusted roots, the freshest that are to be had.
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

/// The longest file of trusted roots that is read, in bytes.
const MAX_TRUSTED_ROOT_BYTES: u64 = 16 << 20;
