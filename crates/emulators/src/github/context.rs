//! The context that all request handlers share.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::state::ServerState;

/// The context that all request handlers share: the state, and paths and addresses that do not change.
#[derive(Debug)]
pub(crate) struct ServerContext {
    pub(crate) state: Mutex<ServerState>,
    /// The directory of the asset files, each named by its ID.
    pub(crate) asset_dir: PathBuf,
    /// The bare git repository.
    pub(crate) git_dir: PathBuf,
    /// The address and port of the API, as in `127.0.0.1:4000`.
    pub(crate) api_address: String,
    /// The address and port that assets are downloaded from. It differs from the API's, as on github.com.
    pub(crate) storage_address: String,
}

impl ServerContext {
    /// Locks the state. A poisoned lock is ignored, so that tests can inspect the state after a handler panicked.
    pub(crate) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
