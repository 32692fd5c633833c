//! Trusted roots as their owners publish them, over TUF (The Update Framework, specification 1.0).
//!
//! In this order: what is published now, what was fetched before, what is built in. A later source is used only if the
//! earlier one cannot be reached or does not exist. Metadata that does not verify never falls back: whoever broke it
//! would otherwise choose which older root is trusted.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sigstore_tuf::{Error, HttpRepository, MetadataStore, StoreRepository, Updater};
use sigstore_verify::trust_root::{SigstoreInstance, TRUSTED_ROOT_TARGET, TrustedRoot};

use crate::trusted_root::{RootError, TrustedRootSet};

/// Keeps metadata between runs, so that nobody can offer an older version later.
pub trait MetadataCache: fmt::Debug + Send + Sync {
    /// Reads a file of a repository. `name` has `/` between its parts. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// The system's, and for what is no plain file.
    fn load(&self, repository: &str, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Writes a file of a repository.
    ///
    /// # Errors
    /// The system's, and if something else than a plain file is in the way.
    fn store(&self, repository: &str, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Where trusted roots come from.
#[derive(Debug, Clone)]
pub struct TufSource {
    /// Another repository, and the root of its trust; `None` for those of Sigstore and GitHub.
    pub custom: Option<(String, Vec<u8>)>,
    /// Where metadata is kept; `None` without a cache.
    pub cache: Option<Arc<dyn MetadataCache>>,
    /// Whether the network may be used.
    pub online: bool,
    /// How long fetching from one repository may take.
    pub timeout: Duration,
    /// The time now, in seconds since 1970 in UTC.
    pub clock: fn() -> i64,
}

/// Why there are no trusted roots.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The repository could not be reached, and nothing may replace it.
    #[error("cannot fetch the trusted root from {address}: {reason}")]
    Unreachable {
        /// The repository.
        address: String,
        /// The cause.
        reason: String,
    },
    /// The published metadata does not verify.
    #[error("the TUF metadata of {address} is not valid: {reason}")]
    InvalidMetadata {
        /// The repository.
        address: String,
        /// The cause.
        reason: String,
    },
    /// The cached metadata does not verify.
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

/// Where a trusted root was found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RootOrigin {
    Fetched,
    /// In the cache; why it was not fetched.
    Cached(String),
    /// In this program; why it was not fetched.
    Embedded(String),
}

/// The trusted roots of Sigstore's public instance and of GitHub's, or of another repository.
///
/// # Errors
/// [`RefreshError`] if metadata does not verify, or if another repository was named and cannot be reached.
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

/// A trusted root, and when its metadata expires, in seconds since 1970.
type DatedRoot = (TrustedRoot, Option<i64>);

fn load_instance(
    instance: SigstoreInstance,
    source: &TufSource,
) -> Result<(DatedRoot, RootOrigin), RefreshError> {
    let (address, bootstrap) = (instance.tuf_url(), instance.tuf_root());
    TufRepository { address, bootstrap, embedded: Some(instance) }.trusted_root(source)
}

/// A TUF repository, and the root metadata that its trust begins with.
struct TufRepository<'a> {
    address: &'a str,
    bootstrap: &'a [u8],
    /// The instance whose trusted root is built in.
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

    /// The trusted root of the cache, verified from the bootstrap root on. Returns `None` if nothing was ever cached.
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
            return Err(broken("root.json does not follow from the built-in root".to_owned()));
        }
        let bytes = Self::load(&mut updater, source).map_err(|error| match error {
            Some(error) => invalid(&error),
            None => broken(format!("reading it took more than {} s", source.timeout.as_secs_f32())),
        })?;
        check_rollback(&updater, &newest).map_err(broken)?;
        Ok(Some((self.parse(&bytes)?, metadata_expiry(&updater))))
    }

    fn store(&self, source: &TufSource) -> Option<TufStore> {
        // Two repositories must not read each other's versions.
        let repository = model::Digest::of(self.address.trim_end_matches('/').as_bytes()).hex();
        source.cache.clone().map(|cache| TufStore { cache, repository, pending_files: Arc::default() })
    }

    /// Runs the TUF workflow. The error is `None` if it took too long.
    fn load(updater: &mut Updater, source: &TufSource) -> Result<Vec<u8>, Option<Error>> {
        let failed = |error: io::Error| Some(Error::io("starting the TUF client", error));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let now = model::base::time::format_rfc3339((source.clock)()).parse();
        let now = now.map_err(|_| failed(io::Error::other("the clock shows no valid time")))?;
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

/// When the metadata stops counting: the timestamp's, which is the shortest.
fn metadata_expiry(updater: &Updater) -> Option<i64> {
    updater.trusted().timestamp().map(|it| it.expires.as_second())
}

/// Checks that the verified versions are the newest that the cache holds: the client alone would accept an older
/// timestamp, together with the older files that it names and that the cache still has.
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

/// The version that a metadata file states. Returns `None` if it states none.
fn stated_version(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(bytes).ok()?.pointer("/signed/version")?.as_u64()
}

/// Names and contents of files.
type PendingFiles = Vec<(String, Vec<u8>)>;

/// The cache of one repository, as the TUF client uses it. What it writes is kept only if everything verified: a cache
/// of which a part is missing would look like one that somebody broke.
#[derive(Debug, Clone)]
struct TufStore {
    cache: Arc<dyn MetadataCache>,
    repository: String,
    /// Name and content of the files to write.
    pending_files: Arc<Mutex<PendingFiles>>,
}

impl TufStore {
    /// Writes what the client handed over. A cache that cannot be written is none: the next run fetches again.
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
        found.map_err(|error| Error::io(format!("reading {name} of the cache"), error))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        self.lock_pending().push((name.to_owned(), bytes.to_vec()));
        Ok(())
    }
}
