//! Checks Sigstore bundles: that a signature, the certificate behind it, its log entries and its times hold against a
//! trusted root, and what was signed by whom.
//!
//! This crate will not decide who may sign, read a file or an environment, or ask the network unless [`trusted_roots`] is
//! called for. The cryptography is that of `sigstore-verify`; what it leaves open (one subject alternative name, no
//! extension twice, no log entry twice, no key of a JSON object twice, limits) is closed here.

mod bundle;
mod certificate;
mod engine;
mod gitsign;
mod json;
mod protobuf;
mod read;
mod refresh;
mod root;
mod statement;
mod summary;
mod timestamp;

pub use bundle::{BUNDLE_LIMIT, Split, split};
pub use engine::{Artifact, Checker, Key, KeyError};
pub use gitsign::is_gitsign;
pub use refresh::{MetadataCache, Refresh, RefreshError, trusted_roots};
pub use root::{RootError, Roots};
