//! A GitHub on loopback: one repository with its releases, assets, tags and attestations.
//!
//! It answers as GitHub's published description says (`@octokit/openapi`), with the habits that no description tells:
//! drafts are hidden from look-ups by tag, several may hold one tag, a broken upload leaves a `starter`, names are
//! rewritten, what was just created is not seen for a while, and publishing a draft without its tag makes one.

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

/// A GitHub on 127.0.0.1, on a port that the system gave. It ends when it is dropped.
#[derive(Debug)]
pub struct GitHub {
    shared: Arc<ServerContext>,
    shutdown: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitHub {
    /// Starts it on the files in `folder`, which it makes where they are missing: `origin.git` and `assets`.
    ///
    /// # Errors
    /// [`RehearsalError`] where the folder cannot be written, git is missing, or no port is to be had.
    pub fn start(folder: &Path, settings: GitHubSettings) -> Result<Self, EmulatorError> {
        let (asset_dir, git_dir) = (folder.join("assets"), folder.join("origin.git"));
        std::fs::create_dir_all(&asset_dir).map_err(failed_to(format!("make {}", asset_dir.display())))?;
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

    /// The address of the REST API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.shared.api_address)
    }

    /// The address that git clones from and pushes to.
    #[must_use]
    pub fn clone_url(&self) -> String {
        let settings = &self.shared.state().settings;
        format!("http://{}/{}/{}.git", self.shared.api_address, settings.owner, settings.name)
    }

    /// The bare repository behind it.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.shared.git_dir
    }

    /// Makes a fault wait for its request.
    pub fn inject(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// How many faults still wait for their request.
    #[must_use]
    pub fn pending_faults(&self) -> usize {
        self.shared.state().faults.len()
    }

    /// Changes how the repository is set up.
    pub fn configure(&self, change: impl FnOnce(&mut GitHubSettings)) {
        change(&mut self.shared.state().settings);
    }

    /// Adds a run of a workflow for a tag, finished or not.
    pub fn add_workflow_run(&self, workflow: &str, tag: &str, commit: &str, conclusion: Option<&str>) {
        let mut state = self.shared.state();
        let urls = schemas::BaseUrls::new(&state.settings, &self.shared.api_address);
        let id = state.next_id();
        let run = actions::WorkflowRunFields { id, workflow, tag, commit, conclusion };
        let run = actions::workflow_run(&state.settings, &urls, &run);
        state.workflow_runs.push(run);
    }

    /// Files a bundle's text under every subject of its statement, as `actions/attest` does, or as GitHub itself does for an
    /// immutable release.
    ///
    /// # Errors
    /// [`RehearsalError`] where it has no statement with subjects.
    pub fn add_attestation(&self, bundle: &str, by_github: bool) -> Result<u64, EmulatorError> {
        let initiator = if by_github { "github" } else { "user" };
        let id = actions::store_attestation(&mut self.shared.state(), bundle, initiator);
        let missing =
            || failed_to("keep a bundle")(std::io::Error::other("it has no statement with subjects"));
        id.ok_or_else(missing)
    }

    /// Forgets every attestation.
    pub fn clear_attestations(&self) {
        self.shared.state().attestations.clear();
    }

    /// Puts a file on the host that assets are downloaded from, under a path, and gives its address.
    #[must_use]
    pub fn host_file(&self, path: &str, bytes: Vec<u8>) -> String {
        self.shared.state().hosted_files.insert(path.to_owned(), bytes);
        format!("http://{}/files/{path}", self.shared.storage_address)
    }

    /// Begins a new hour: nobody has asked anything in it.
    pub fn reset_rate_limit(&self) {
        self.shared.state().requests_used = [0; 2];
    }

    /// Every request so far, with what was answered.
    #[must_use]
    pub fn exchanges(&self) -> Vec<HttpExchange> {
        self.shared.state().exchanges.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.shared.state().exchanges.clear();
    }

    /// Every release, drafts included, as the API shows them to those who may push.
    #[must_use]
    pub fn releases(&self) -> Vec<Value> {
        let state = self.shared.state();
        let urls = schemas::BaseUrls::new(&state.settings, &self.shared.api_address);
        state.releases.values().map(|it| schemas::release(&state.settings, &urls, it)).collect()
    }

    /// The bytes of an asset.
    ///
    /// # Errors
    /// [`RehearsalError`] where there is no such asset.
    pub fn asset_bytes(&self, id: u64) -> Result<Vec<u8>, EmulatorError> {
        let path = self.shared.asset_dir.join(id.to_string());
        std::fs::read(&path).map_err(failed_to(format!("read {}", path.display())))
    }

    /// Puts other bytes under an asset without telling anybody: its size and digest stay.
    ///
    /// # Errors
    /// [`RehearsalError`] where they cannot be written.
    pub fn tamper_asset(&self, id: u64, bytes: &[u8]) -> Result<(), EmulatorError> {
        let path = self.shared.asset_dir.join(id.to_string());
        std::fs::write(&path, bytes).map_err(failed_to(format!("write {}", path.display())))
    }
}

impl Drop for GitHub {
    /// A server that is gone already has nothing to end, and its thread nothing to tell.
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            shutdown.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
