//! The release host: a repository on GitHub, its releases and their assets, through octocrab.
//!
//! This crate will not decide what is to be done, delete what is published, create anything twice, or send a token to
//! another host. Calls block; what runs underneath is hidden.

mod attestations;
mod client;
mod download;
mod error;
mod facts;
mod patience;
mod releases;
mod token;
mod upload;
mod wire;

pub use client::{Forge, Settings};
pub use download::Sink;
pub use error::ForgeError;
pub use patience::Patience;
pub use releases::Latest;
pub use token::Token;
pub use upload::Parcel;

/// What happens while GitHub is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something did not work, and is tried again.
    Again {
        /// The request, as in `GET /repos/acme/widgets`.
        what: String,
        /// What went wrong.
        why: String,
        /// How long to wait, in milliseconds.
        wait: u64,
    },
    /// So many bytes of an asset are on their way.
    Sent {
        /// The asset.
        name: String,
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all.
        of: u64,
    },
}

/// Somebody who wants to know.
pub type Tell<'a> = &'a mut dyn FnMut(Told);
