//! The release configuration (`release.toml`): what a monorepo releases, under which tags, from which paths, to which
//! channels.
//!
//! It is data, so a fork, a rename or a new component needs an edit of one file and no change of code. A parsed
//! [`Catalog`] is consistent: [`Catalog::parse`] checks every rule once and reports errors with their line.

mod config;
mod reader;
mod registry_reader;
mod tables;
pub mod tag;
pub mod version;

pub use config::{
    Catalog, CatalogError, Channel, RepositoryIdentity, SourceFormat, TagForm, TagSignerPolicy, Target,
    VersionSource,
};
