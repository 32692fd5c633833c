//! What every request to the emulated GitHub works with.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::state::ServerState;

/// What every request works with.
#[derive(Debug)]
pub(crate) struct ServerContext {
    pub(crate) state: Mutex<ServerState>,
    /// Where assets are kept.
    pub(crate) asset_dir: PathBuf,
    /// The repository behind it.
    pub(crate) git_dir: PathBuf,
    /// Where the API listens, as in `127.0.0.1:4000`.
    pub(crate) api_address: String,
    /// Where assets are downloaded from: another host.
    pub(crate) storage_address: String,
}

impl ServerContext {
    /// The state. What a panicking request left is looked at all the same: tests want to see it.
    pub(crate) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
