//! Reads facts from a git repository, and writes a tag object that it is given.
//!
//! This crate will not decide what a fact means, print, talk to a network but through the system's git, or change anything
//! but what [`Repo::create_tag`] and [`Repo::push_tag`] say. Objects are read as they are: `refs/replace` and grafts take no part, as with
//! `GIT_NO_REPLACE_OBJECTS=1`, because a release is made of what is really there. Commands that only read start no program that the
//! repository names ([`Programs::Operators`]).

mod archive;
mod attributes;
mod command;
mod convert;
mod error;
mod history;
mod identity;
mod message;
mod object_ids;
mod objects;
mod open;
mod paths;
mod program_policy;
mod programs;
mod refs;
mod remote;
mod repository;
mod substitute;
mod worktree;

pub use archive::MemberSink;
pub use error::RepoError;
pub use identity::{PendingSigningConfig, PendingTagger, RawSigningConfig, TaggerIdentity};
pub use program_policy::ProgramPolicy;
pub use remote::PendingRemoteRefs;
pub use repository::Repo;
pub use worktree::PendingStatus;
