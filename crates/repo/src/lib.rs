//! Reads facts from a git repository, creates tags and pushes them.
//!
//! This crate does not interpret facts and does not print. It uses the network only through the system's git, and
//! writes only in [`Repo::create_tag`] and [`Repo::push_tag`]. Replace refs and grafts are ignored, as with
//! `GIT_NO_REPLACE_OBJECTS=1`, because a release consists of the original objects. Commands that only read do not
//! start programs that the repository configures ([`ProtectedConfig`]).
//!
//! [`ProtectedConfig`]: model::release::request::ProgramPolicy::ProtectedConfig
//!
//! ```
//! use std::path::Path;
//!
//! use model::release::request::ProgramPolicy;
//!
//! let missing = Path::new("/nonexistent/folder");
//! assert!(repo::Repo::open(missing, ProgramPolicy::ProtectedConfig).is_err());
//! ```

mod archive;
mod attribute_patterns;
mod attributes;
mod command;
mod convert;
mod error;
mod evtag;
mod history;
mod identity;
mod message;
mod object_ids;
mod objects;
mod open;
mod package_tree;
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
pub use evtag::PendingEvtag;
pub use identity::{PendingSigningConfig, PendingTagger, RawSigningConfig, TaggerIdentity};
pub use package_tree::KeepContent;
pub use remote::PendingRemoteRefs;
pub use repository::Repo;
pub use worktree::PendingStatus;
