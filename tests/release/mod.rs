//! Local part of a release: history, checks, archive, notes.

mod archive;
mod git_archive_parity;
mod git_log_parity;
mod legacy_script;
mod local_release;
mod real_repository;
mod refusals;
mod targets;
