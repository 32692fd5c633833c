//! The release host: a repository on GitHub, its releases and their assets, through octocrab.
//!
//! This crate will not decide what is to be done, delete what is published, create anything twice, or send a token to
//! another host. Calls block; what runs underneath is hidden.

mod attestations;
mod client;
mod download;
mod error;
mod queries;
mod releases;
mod response;
mod upload;

pub use client::{Forge, ForgeSettings};
pub use error::ForgeError;
pub use releases::LatestLabel;
pub use upload::AssetUpload;
