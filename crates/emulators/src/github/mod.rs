//! A GitHub on loopback: one repository with its releases, assets, tags and attestations.
//!
//! It answers as GitHub's published description says (`@octokit/openapi`), with the habits that no description tells:
//! drafts are hidden from look-ups by tag, several may hold one tag, a broken upload leaves a `starter`, names are
//! rewritten, what was just created is not seen for a while, and publishing a draft without its tag makes one.

mod actions;
mod answer;
mod assets;
mod commits;
mod git;
mod graphql;
mod refs;
mod releases;
mod repository;
mod router;
mod server;
mod shape;
mod smart;
mod state;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;

pub(crate) use git::hermetic;
pub use state::{Exchange, Settings, User};

use crate::{Fault, RehearsalError, failed};
use state::State;

/// A GitHub on 127.0.0.1, on a port that the system gave. It ends when it is dropped.
#[derive(Debug)]
pub struct GitHub {
    shared: Arc<Shared>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What every request works with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Where assets are kept.
    pub(crate) store: PathBuf,
    /// The repository behind it.
    pub(crate) bare: PathBuf,
    /// Where the API listens, as in `127.0.0.1:4000`.
    pub(crate) address: String,
    /// Where assets are downloaded from: another host.
    pub(crate) storage: String,
}

impl Shared {
    /// The state. What a panicking request left is looked at all the same: tests want to see it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GitHub {
    /// Starts it on the files in `folder`, which it makes where they are missing: `origin.git` and `assets`.
    ///
    /// # Errors
    /// [`RehearsalError`] where the folder cannot be written, git is missing, or no port is to be had.
    pub fn start(folder: &Path, settings: Settings) -> Result<Self, RehearsalError> {
        let (store, bare) = (folder.join("assets"), folder.join("origin.git"));
        std::fs::create_dir_all(&store).map_err(failed(format!("make {}", store.display())))?;
        git::init(&bare, &settings.default_branch)?;
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?.to_string(), listener))
        };
        let (address, api) = listen().map_err(failed("listen on 127.0.0.1"))?;
        let (storage, downloads) = listen().map_err(failed("listen on 127.0.0.1"))?;
        let state = Mutex::new(State::new(settings));
        let shared = Arc::new(Shared { state, store, bare, address, storage });
        let (end, ended) = tokio::sync::oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed("start the server"))?;
        let serving = Arc::clone(&shared);
        let thread =
            std::thread::spawn(move || runtime.block_on(server::serve(serving, [api, downloads], ended)));
        Ok(Self { shared, end: Some(end), thread: Some(thread) })
    }

    /// The address of the REST API.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The address that git clones from and pushes to.
    #[must_use]
    pub fn clone_url(&self) -> String {
        let settings = &self.shared.state().settings;
        format!("http://{}/{}/{}.git", self.shared.address, settings.owner, settings.name)
    }

    /// The bare repository behind it.
    #[must_use]
    pub fn bare(&self) -> &Path {
        &self.shared.bare
    }

    /// Makes a fault wait for its request.
    pub fn arm(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// How many faults still wait for their request.
    #[must_use]
    pub fn armed(&self) -> usize {
        self.shared.state().faults.len()
    }

    /// Changes how the repository is set up.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.state().settings);
    }

    /// Adds a run of a workflow for a tag, finished or not.
    pub fn add_run(&self, workflow: &str, tag: &str, commit: &str, conclusion: Option<&str>) {
        let mut state = self.shared.state();
        let place = shape::Place::new(&state.settings, &self.shared.address);
        let id = state.id();
        let run = actions::Run { id, workflow, tag, commit, conclusion };
        let run = actions::run(&state.settings, &place, &run);
        state.runs.push(run);
    }

    /// Files a bundle's text under every subject of its statement, as `actions/attest` does, or as GitHub itself does for an
    /// immutable release.
    ///
    /// # Errors
    /// [`RehearsalError`] where it has no statement with subjects.
    pub fn attest(&self, bundle: &str, by_github: bool) -> Result<u64, RehearsalError> {
        let initiator = if by_github { "github" } else { "user" };
        let kept = actions::keep(&mut self.shared.state(), bundle, initiator);
        let missing = || failed("keep a bundle")(std::io::Error::other("it has no statement with subjects"));
        kept.ok_or_else(missing)
    }

    /// Forgets every attestation.
    pub fn unattest(&self) {
        self.shared.state().attestations.clear();
    }

    /// Puts a file on the host that assets are downloaded from, under a path, and gives its address.
    #[must_use]
    pub fn serve(&self, path: &str, bytes: Vec<u8>) -> String {
        self.shared.state().files.insert(path.to_owned(), bytes);
        format!("http://{}/files/{path}", self.shared.storage)
    }

    /// Begins a new hour: nobody has asked anything in it.
    pub fn new_hour(&self) {
        self.shared.state().used = [0; 2];
    }

    /// Every request so far, with what was answered.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.state().log.clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.state().log.clear();
    }

    /// Every release, drafts included, as the API shows them to those who may push.
    #[must_use]
    pub fn releases(&self) -> Vec<Value> {
        let state = self.shared.state();
        let place = shape::Place::new(&state.settings, &self.shared.address);
        state.releases.values().map(|it| shape::release(&state.settings, &place, it)).collect()
    }

    /// The bytes of an asset.
    ///
    /// # Errors
    /// [`RehearsalError`] where there is no such asset.
    pub fn asset(&self, id: u64) -> Result<Vec<u8>, RehearsalError> {
        let path = self.shared.store.join(id.to_string());
        std::fs::read(&path).map_err(failed(format!("read {}", path.display())))
    }

    /// Puts other bytes under an asset without telling anybody: its size and digest stay.
    ///
    /// # Errors
    /// [`RehearsalError`] where they cannot be written.
    pub fn tamper(&self, id: u64, bytes: &[u8]) -> Result<(), RehearsalError> {
        let path = self.shared.store.join(id.to_string());
        std::fs::write(&path, bytes).map_err(failed(format!("write {}", path.display())))
    }
}

impl Drop for GitHub {
    /// A server that is gone already has nothing to end, and its thread nothing to tell.
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
