//! The catalog: what a monorepo releases, under which tags, from which paths, to which channels.
//!
//! It is data (`release.toml`), so that a fork, a rename or a new component is an edit and not a patch. A catalog
//! that was read is consistent: every rule below is checked once, in [`Catalog::parse`], and told with its line.

mod config;
mod reader;
pub mod tag;
pub mod version;

pub use config::{
    Catalog, CatalogError, Channel, RepositoryIdentity, SourceFormat, TagForm, TagSignerPolicy, Target,
    VersionSource,
};
