//! Fetches trusted roots over TUF (The Update Framework, specification 1.0).
//!
//! The sources are, in this order: the published metadata, the cached metadata, the built-in root. A later source is
//! used only if the earlier one cannot be reached or does not exist. Invalid metadata never falls back: an attacker who
//! corrupts it could otherwise choose which older root is trusted.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sigstore_tuf::{Error, HttpRepository, MetadataStore, StoreRepository, Updater};
use sigstore_verify::trust_root::{SigstoreInstance, TRUSTED_ROOT_TARGET, TrustedRoot};

use crate::trusted_root::{RootError, TrustedRootSet};

/// Stores TUF metadata between runs, so that an older version is recognized as a rollback.
pub trait MetadataCache: fmt::Debug + Send + Sync {
    /// Reads a file of a repository. The parts of `name` are separated by `/`. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// The I/O error, also if `name` is not a plain file.
    fn load(&self, repository: &str, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Writes a file of a repository.
    ///
    /// # Errors
    /// The I/O error, also if `name` exists and is not a plain file.
    fn store(&self, repository: &str, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// The sources of trusted roots, and how they are used.
#[derive(Debug, Clone)]
pub struct TufSource {
    /// URL of a custom TUF repository, and its initial `root.json`; `None` for those of Sigstore and GitHub.
    pub custom: Option<(String, Vec<u8>)>,
    /// The cache for metadata; `None` disables caching.
    pub cache: Option<Arc<dyn MetadataCache>>,
    /// Whether the network may be used.
    pub online: bool,
    /// Maximum time for fetching from one repository.
    pub timeout: Duration,
    /// Returns the current time, in seconds since 1970 in UTC.
    pub clock: fn() -> i64,
}

/// The reason why no trusted root could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The repository cannot be reached, and there is neither a cached nor a built-in root.
    #[error("cannot fetch the trusted root from {address}: {reason}")]
    Unreachable {
        /// The repository.
        address: String,
        /// The cause.
        reason: String,
    },
    /// The published metadata is not valid. Neither the cache nor the built-in root replaces it.
    #[error("the TUF metadata of {address} is not valid: {reason}")]
    InvalidMetadata {
        /// The repository.
        address: String,
        /// The cause.
        reason: String,
    },
    /// The cached metadata is not valid. The built-in root does not replace it.
    #[error("the cached TUF metadata of {address} is not valid: {reason}")]
    InvalidCache {
        /// The repository.
        address: String,
        /// The cause.
        reason: String,
    },
    /// The trusted root cannot be used.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// The source that a trusted root was loaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RootOrigin {
    Fetched,
    /// Loaded from the cache; the text says why it was not fetched.
    Cached(String),
    /// Built into this program; the text says why it was not fetched.
    Embedded(String),
}

/// Returns the trusted roots of Sigstore's public-good instance and of GitHub's, or that of `source.custom`.
///
/// # Errors
/// [`RefreshError`] if metadata is not valid, or if a custom repository cannot be reached and is not in the cache.
pub fn fetch_trusted_roots(source: &TufSource) -> Result<TrustedRootSet, RefreshError> {
    if let Some((address, root)) = &source.custom {
        let (root, found) =
            TufRepository { address, bootstrap: root, embedded: None }.trusted_root(source)?;
        let roots = TrustedRootSet::from_trusted_roots(
            vec![root],
            &format!("the trusted root of {address}{found}"),
            true,
        )?;
        return Ok(roots.with_freshness(found == RootOrigin::Fetched));
    }
    let [(public, first), (github, second)] = [
        load_instance(SigstoreInstance::PublicGood, source)?,
        load_instance(SigstoreInstance::GitHub, source)?,
    ];
    let is_fresh = first == RootOrigin::Fetched && second == RootOrigin::Fetched;
    let origin = match (&first, &second) {
        (RootOrigin::Embedded(why), RootOrigin::Embedded(_)) => format!("the built-in trusted roots ({why})"),
        _ if first == second => format!("the trusted roots of Sigstore and GitHub{first}"),
        _ => format!("the trusted root of Sigstore{first}; that of GitHub{second}"),
    };
    Ok(TrustedRootSet::from_trusted_roots(vec![public, github], &origin, false)?.with_freshness(is_fresh))
}

impl fmt::Display for RootOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched => f.write_str(", fetched over TUF just now"),
            Self::Cached(why) => write!(f, ", fetched over TUF before ({why})"),
            Self::Embedded(why) => write!(f, ", built in ({why})"),
        }
    }
}

/// A trusted root, and when its metadata expires, in seconds since 1970. A built-in root has no expiry.
type DatedRoot = (TrustedRoot, Option<i64>);

fn load_instance(
    instance: SigstoreInstance,
    source: &TufSource,
) -> Result<(DatedRoot, RootOrigin), RefreshError> {
    let (address, bootstrap) = (instance.tuf_url(), instance.tuf_root());
    TufRepository { address, bootstrap, embedded: Some(instance) }.trusted_root(source)
}

/// A TUF repository, and the root metadata that verification starts from.
struct TufRepository<'a> {
    address: &'a str,
    bootstrap: &'a [u8],
    /// The instance whose built-in root may be used; `None` for a custom repository.
    embedded: Option<SigstoreInstance>,
}

impl TufRepository<'_> {
    fn trusted_root(&self, source: &TufSource) -> Result<(DatedRoot, RootOrigin), RefreshError> {
        let why = if source.online {
            match self.fetch(source) {
                Ok(root) => return Ok((root, RootOrigin::Fetched)),
                Err(RefreshError::Unreachable { address, reason }) => {
                    format!("cannot reach {address}: {reason}")
                }
                Err(other) => return Err(other),
            }
        } else {
            "offline".to_owned()
        };
        if let Some(root) = self.cached(source)? {
            return Ok((root, RootOrigin::Cached(why)));
        }
        let address = self.address.to_owned();
        let Some(instance) = self.embedded else {
            return Err(RefreshError::Unreachable { address, reason: why });
        };
        let root = TrustedRoot::from_embedded(instance);
        let root =
            root.map_err(|error| RefreshError::InvalidMetadata { address, reason: error.to_string() })?;
        Ok(((root, None), RootOrigin::Embedded(why)))
    }

    fn fetch(&self, source: &TufSource) -> Result<DatedRoot, RefreshError> {
        let repository = HttpRepository::new(self.address).map_err(|error| self.online_error(&error))?;
        let mut updater =
            Updater::new(repository, self.bootstrap).map_err(|error| self.online_error(&error))?;
        let store = self.store(source);
        if let Some(store) = store.clone() {
            updater = updater.with_store(store);
        }
        match Self::load(&mut updater, source) {
            Ok(bytes) => {
                if let Some(store) = store {
                    store.write_pending();
                }
                Ok((self.parse(&bytes)?, metadata_expiry(&updater)))
            }
            Err(None) => {
                let reason = format!("timed out after {} s", source.timeout.as_secs_f32());
                Err(RefreshError::Unreachable { address: self.address.to_owned(), reason })
            }
            Err(Some(error)) => Err(self.online_error(&error)),
        }
    }

    /// Returns the cached trusted root, verified from the bootstrap root on; `None` if nothing is cached.
    fn cached(&self, source: &TufSource) -> Result<Option<DatedRoot>, RefreshError> {
        let Some(store) = self.store(source) else { return Ok(None) };
        let broken = |reason: String| RefreshError::InvalidCache { address: self.address.to_owned(), reason };
        let invalid = |error: &Error| broken(model::with_causes(error));
        let mut newest = Vec::new();
        for name in ["timestamp.json", "snapshot.json", "targets.json"] {
            newest.push((name, store.load(name).map_err(|error| invalid(&error))?));
        }
        if newest.iter().all(|(_, bytes)| bytes.is_none()) {
            return Ok(None);
        }
        let root = store.load("root.json").map_err(|error| invalid(&error))?;
        let repository = StoreRepository::new(store.clone());
        let updater = Updater::new(repository, self.bootstrap).map_err(|error| invalid(&error))?;
        let mut updater = updater.with_store(store);
        if root.as_deref().is_some_and(|it| it != updater.trusted().root_bytes()) {
            return Err(broken("root.json cannot be verified from the initial root".to_owned()));
        }
        let bytes = Self::load(&mut updater, source).map_err(|error| match error {
            Some(error) => invalid(&error),
            None => broken(format!("reading it timed out after {} s", source.timeout.as_secs_f32())),
        })?;
        check_rollback(&updater, &newest).map_err(broken)?;
        Ok(Some((self.parse(&bytes)?, metadata_expiry(&updater))))
    }

    fn store(&self, source: &TufSource) -> Option<TufStore> {
        // The digest of the URL keeps the metadata of different repositories apart.
        let repository = model::Digest::of(self.address.trim_end_matches('/').as_bytes()).hex();
        source.cache.clone().map(|cache| TufStore { cache, repository, pending_files: Arc::default() })
    }

    /// Runs the TUF client workflow and returns the trusted root. The error is `None` if the workflow timed out.
    fn load(updater: &mut Updater, source: &TufSource) -> Result<Vec<u8>, Option<Error>> {
        let failed = |error: io::Error| Some(Error::io("starting the TUF client", error));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let now = model::base::time::format_rfc3339((source.clock)()).parse();
        let now = now.map_err(|_| failed(io::Error::other("the current time is out of range")))?;
        let work = async {
            updater.refresh(now).await?;
            updater.get_target(TRUSTED_ROOT_TARGET, now).await
        };
        let done = runtime.block_on(async { tokio::time::timeout(source.timeout, work).await });
        done.map_err(|_| None)?.map_err(Some)
    }

    fn parse(&self, bytes: &[u8]) -> Result<TrustedRoot, RefreshError> {
        let refused =
            |reason: String| RefreshError::InvalidMetadata { address: self.address.to_owned(), reason };
        let text = std::str::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
        TrustedRoot::from_json(text).map_err(|error| refused(error.to_string()))
    }

    fn online_error(&self, error: &Error) -> RefreshError {
        let (address, reason) = (self.address.to_owned(), model::with_causes(error));
        match error {
            Error::Transport { .. } => RefreshError::Unreachable { address, reason },
            _ => RefreshError::InvalidMetadata { address, reason },
        }
    }
}

/// Returns when the metadata expires, in seconds since 1970: the expiry of the timestamp role, which is the earliest.
fn metadata_expiry(updater: &Updater) -> Option<i64> {
    updater.trusted().timestamp().map(|it| it.expires.as_second())
}

/// Checks that the verified versions are the newest ones in the cache. The client alone would accept an older
/// timestamp, together with the older files that it names and that are still in the cache.
fn check_rollback(updater: &Updater, newest: &[(&str, Option<Vec<u8>>)]) -> Result<(), String> {
    let trusted = updater.trusted();
    let versions = [
        trusted.timestamp().map(|it| it.version),
        trusted.snapshot().map(|it| it.version),
        trusted.targets_role("targets").map(|it| it.version),
    ];
    for ((name, bytes), verified) in newest.iter().zip(versions) {
        let stored = bytes.as_deref().and_then(stated_version);
        if stored != verified {
            let shown = |it: Option<u64>| it.map_or("none".to_owned(), |it| it.to_string());
            return Err(format!("{name} has version {}, expected {}", shown(stored), shown(verified)));
        }
    }
    Ok(())
}

/// Returns the version in a metadata file; `None` if the file has none.
fn stated_version(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(bytes).ok()?.pointer("/signed/version")?.as_u64()
}

/// Names and contents of files that are not written yet.
type PendingFiles = Vec<(String, Vec<u8>)>;

/// The cache of one repository, as the TUF client uses it. Files are written only after all of them are verified: a
/// partial cache could not be distinguished from a corrupted one.
#[derive(Debug, Clone)]
struct TufStore {
    cache: Arc<dyn MetadataCache>,
    repository: String,
    /// The files that the client stored, until [`TufStore::write_pending`] writes them.
    pending_files: Arc<Mutex<PendingFiles>>,
}

impl TufStore {
    /// Writes the files that the client stored. Ignores write errors, because the next run fetches again.
    fn write_pending(&self) {
        let pending_files = std::mem::take(&mut *self.lock_pending());
        for (name, bytes) in pending_files {
            self.cache.store(&self.repository, &name, &bytes).ok();
        }
    }

    fn lock_pending(&self) -> MutexGuard<'_, PendingFiles> {
        self.pending_files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for TufStore {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let found = self.cache.load(&self.repository, name);
        found.map_err(|error| Error::io(format!("reading {name} from the cache"), error))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        self.lock_pending().push((name.to_owned(), bytes.to_vec()));
        Ok(())
    }
}
