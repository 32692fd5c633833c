//! The types of a release, in four modules: base values, the release configuration, a release, and evidence about it.
//!
//! This crate will not read a file, the clock or the environment, and it will not decide anything. A parsed value is
//! valid: a type with rules has private fields and one fallible constructor.
//!
//! ```
//! let slug = model::RepoSlug::parse("acme/widgets").expect("a valid name");
//! assert_eq!((slug.host(), slug.full_name().as_str()), ("github.com", "acme/widgets"));
//! assert!(model::RepoSlug::parse("acme/../widgets").is_err());
//! ```

pub mod base;
pub mod catalog;
pub mod evidence;
pub mod package;
pub mod release;

pub use base::id::{CommitId, Digest, ObjectId};
pub use base::path::RepoPath;
pub use base::slug::RepoSlug;
pub use base::untrusted_text::UntrustedText;
pub use base::with_causes;
pub use catalog::tag::{ReleaseTag, TagError};
pub use catalog::version::{Scheme, Version, VersionError};
pub use catalog::{Catalog, CatalogError, Channel, Target, VersionSource};
