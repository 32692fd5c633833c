//! The nouns of a release, in four folders: base values, the release configuration, a release, and the evidence about it.
//!
//! This crate will not read a file, ask the clock, look at the environment or decide anything. A value
//! that has been parsed is a valid one: types with rules have private fields and one fallible constructor.

pub mod base;
pub mod catalog;
pub mod evidence;
pub mod release;

pub use base::id::{CommitId, Digest, ObjectId};
pub use base::path::RepoPath;
pub use base::slug::RepoSlug;
pub use base::untrusted_text::UntrustedText;
pub use base::with_causes;
pub use catalog::tag::{ReleaseTag, TagError};
pub use catalog::version::{Scheme, Version, VersionError};
pub use catalog::{Catalog, CatalogError, Channel, Target, VersionSource};
