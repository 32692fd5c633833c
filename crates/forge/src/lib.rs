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
mod retry;
mod token;
mod upload;

pub use client::{Forge, ForgeSettings};
pub use download::BodySink;
pub use error::ForgeError;
pub use releases::LatestLabel;
pub use retry::RetryPolicy;
pub use token::Token;
pub use upload::AssetUpload;

/// What happens while GitHub is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpEvent {
    /// Something did not work, and is tried again.
    Retrying {
        /// The request, as in `GET /repos/acme/widgets`.
        operation: String,
        /// What went wrong.
        reason: String,
        /// How long to wait, in milliseconds.
        wait_ms: u64,
    },
    /// So many bytes of an asset are on their way.
    UploadProgress {
        /// The asset.
        asset_name: String,
        /// Bytes so far.
        sent_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
}

/// Somebody who wants to know.
pub type HttpObserver<'a> = &'a mut dyn FnMut(HttpEvent);
