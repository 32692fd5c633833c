//! The emulated GitHub: one repository with its releases, assets, tags and attestations.
//!
//! Responses follow GitHub's published description (`@octokit/openapi`). Behaviour that the description leaves out is
//! emulated too (`docs/github.md`): look-ups by tag never return a draft, several releases may have the same tag, an
//! interrupted upload leaves an asset in state `starter`, asset names are rewritten, new objects are invisible for a
//! while, and publishing a draft without its tag creates the tag.

mod actions;
mod assets;
mod caller;
mod commits;
mod context;
pub(crate) mod git;
mod graphql;
mod refs;
mod releases;
mod repository;
mod response;
mod router;
mod schemas;
mod server;
mod smart_http;
mod state;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

pub use state::{GitHubSettings, HttpExchange, UserAccount};

use crate::error::{EmulatorError, failed_to};
use crate::fault::Fault;
use context::ServerContext;
use state::ServerState;

/// An emulated GitHub on 127.0.0.1, on two ports that the system chooses: one for the API, the pages and git, one for
/// the bytes of assets. Dropping it stops the server.
#[derive(Debug)]
pub struct GitHub {
    shared: Arc<ServerContext>,
    shutdown: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitHub {
    /// Starts a server whose files are `origin.git` and `assets` in `folder`. Missing ones are created.
    ///
    /// # Errors
    /// [`EmulatorError`] if the directory cannot be written, git is missing or fails, or no port is available.
    pub fn start(folder: &Path, settings: GitHubSettings) -> Result<Self, EmulatorError> {
        let (asset_dir, git_dir) = (folder.join("assets"), folder.join("origin.git"));
        std::fs::create_dir_all(&asset_dir).map_err(failed_to(format!("create {}", asset_dir.display())))?;
        git::init_bare(&git_dir, &settings.default_branch)?;
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?.to_string(), listener))
        };
        let (api_address, api) = listen().map_err(failed_to("listen on 127.0.0.1"))?;
        let (storage_address, downloads) = listen().map_err(failed_to("listen on 127.0.0.1"))?;
        let state = Mutex::new(ServerState::new(settings));
        let shared = Arc::new(ServerContext { state, asset_dir, git_dir, api_address, storage_address });
        let (shutdown, shutdown_receiver) = tokio::sync::oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed_to("start the server"))?;
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            runtime.block_on(server::serve(serving, [api, downloads], shutdown_receiver));
        });
        Ok(Self { shared, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// Returns the root URL of the REST API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.shared.api_address)
    }

    /// Returns the URL for `git clone` and `git push`.
    #[must_use]
    pub fn clone_url(&self) -> String {
        let settings = &self.shared.state().settings;
        format!("http://{}/{}/{}.git", self.shared.api_address, settings.owner, settings.name)
    }

    /// Returns the path of the bare repository that the server reads and writes.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.shared.git_dir
    }

    /// Adds a fault for a later request. If several match a request, the one that was added first is used.
    pub fn inject(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Returns the number of faults that are not used up yet.
    #[must_use]
    pub fn pending_faults(&self) -> usize {
        self.shared.state().faults.len()
    }

    /// Changes the settings of the repository. Later requests use the new ones.
    pub fn configure(&self, change: impl FnOnce(&mut GitHubSettings)) {
        change(&mut self.shared.state().settings);
    }

    /// Adds a run of a workflow for a tag. `workflow` is the name of its file. A run without `conclusion` is in
    /// progress.
    pub fn add_workflow_run(&self, workflow: &str, tag: &str, commit: &str, conclusion: Option<&str>) {
        let mut state = self.shared.state();
        let urls = schemas::BaseUrls::new(&state.settings, &self.shared.api_address);
        let id = state.next_id();
        let run = actions::WorkflowRunFields { id, workflow, tag, commit, conclusion };
        let run = actions::workflow_run(&state.settings, &urls, &run);
        state.workflow_runs.push(run);
    }

    /// Stores a bundle under the digest of every subject of its statement, and returns the ID of the attestation. With
    /// `by_github` the initiator is `github`, as for the attestation of an immutable release (F21), otherwise `user`.
    ///
    /// # Errors
    /// [`EmulatorError`] if the bundle has no statement with subjects.
    pub fn add_attestation(&self, bundle: &str, by_github: bool) -> Result<u64, EmulatorError> {
        let initiator = if by_github { "github" } else { "user" };
        let id = actions::store_attestation(&mut self.shared.state(), bundle, initiator);
        let missing =
            || failed_to("store a bundle")(std::io::Error::other("it has no statement with subjects"));
        id.ok_or_else(missing)
    }

    /// Removes all attestations.
    pub fn clear_attestations(&self) {
        self.shared.state().attestations.clear();
    }

    /// Adds a file to the host that assets are downloaded from, and returns its URL.
    #[must_use]
    pub fn host_file(&self, path: &str, bytes: Vec<u8>) -> String {
        self.shared.state().hosted_files.insert(path.to_owned(), bytes);
        format!("http://{}/files/{path}", self.shared.storage_address)
    }

    /// Resets the number of used requests, as GitHub does every hour.
    pub fn reset_rate_limit(&self) {
        self.shared.state().requests_used = [0; 2];
    }

    /// Returns every request since the start or the last [`GitHub::clear_log`], with its response. Requests that a
    /// fault answered or dropped before they took effect are not recorded.
    #[must_use]
    pub fn exchanges(&self) -> Vec<HttpExchange> {
        self.shared.state().exchanges.clone()
    }

    /// Clears the list of recorded requests.
    pub fn clear_log(&self) {
        self.shared.state().exchanges.clear();
    }

    /// Returns every release with drafts, as the API returns them to callers with push access, in the order of
    /// creation.
    #[must_use]
    pub fn releases(&self) -> Vec<Value> {
        let state = self.shared.state();
        let urls = schemas::BaseUrls::new(&state.settings, &self.shared.api_address);
        state.releases.values().map(|it| schemas::release(&state.settings, &urls, it)).collect()
    }

    /// Returns the bytes of an asset.
    ///
    /// # Errors
    /// [`EmulatorError`] if no bytes are stored under this ID.
    pub fn asset_bytes(&self, id: u64) -> Result<Vec<u8>, EmulatorError> {
        let path = self.shared.asset_dir.join(id.to_string());
        std::fs::read(&path).map_err(failed_to(format!("read {}", path.display())))
    }

    /// Replaces the bytes of an asset, but neither its size nor its digest, to simulate tampering.
    ///
    /// # Errors
    /// [`EmulatorError`] if the file cannot be written.
    pub fn tamper_asset(&self, id: u64, bytes: &[u8]) -> Result<(), EmulatorError> {
        let path = self.shared.asset_dir.join(id.to_string());
        std::fs::write(&path, bytes).map_err(failed_to(format!("write {}", path.display())))
    }
}

impl Drop for GitHub {
    /// Stops the server and waits for its thread. Errors are ignored: they mean that the server has already stopped.
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            shutdown.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
