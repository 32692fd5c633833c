//! Planning and making a release on this machine: history, checks, archive, notes.

mod archive;
mod git_parity;
mod history;
mod legacy_script;
mod local_release;
mod real_repository;
mod refusals;
mod targets;
