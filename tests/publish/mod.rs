//! Publishing to the emulated GitHub: from every existing state and after every fault, the result is one release.

mod crash_recovery;
mod credentials;
mod existing_states;
mod http_faults;
pub(crate) mod large_assets;
mod release_flow;
mod release_workflow;
mod stray_drafts;
