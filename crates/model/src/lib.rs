//! The nouns of a release: target, tag, version, commit, request, facts, plan, receipt.
//!
//! This crate will not read a file, ask the clock, look at the environment or decide anything. A value
//! that has been parsed is a valid one: types with rules have private fields and one fallible constructor.

pub mod attestation;
pub mod audit;
pub mod catalog;
mod causes;
pub mod change;
pub mod facts;
pub mod foreign;
pub mod hosting;
pub mod id;
pub mod path;
pub mod plan;
pub mod receipt;
pub mod request;
pub mod signature;
pub mod slug;
pub mod sums;
pub mod tag;
pub mod time;
pub mod tree;
pub mod trusted_root;
pub mod url;
pub mod verdict;
pub mod version;

pub use catalog::{Catalog, CatalogError, Channel, Target, VersionSource};
pub use causes::with_causes;
pub use foreign::Foreign;
pub use id::{CommitId, Digest, ObjectId};
pub use path::RepoPath;
pub use slug::RepoSlug;
pub use tag::{ReleaseTag, TagError};
pub use version::{Scheme, Version, VersionError};
