//! Checks Sigstore bundles: that a signature, the certificate behind it, its log entries and its times hold against a
//! trusted root, and what was signed by whom.
//!
//! This crate will not decide who may sign, read a file or an environment, or ask the network unless [`trusted_roots`] is
//! called for. The cryptography is that of `sigstore-verify`; what it leaves open (one subject alternative name, no
//! extension twice, no log entry twice, no key of a JSON object twice, limits) is closed here.

mod bundle;
mod certificate;
mod gitsign;
mod json;
mod parse;
mod protobuf;
mod statement;
mod summary;
mod timestamp;
mod trusted_root;
mod tuf;
mod verifier;

pub use bundle::{MAX_BUNDLE_BYTES, RawBundle, read_bundles};
pub use gitsign::is_gitsign;
pub use trusted_root::{RootError, TrustedRootSet};
pub use tuf::{MetadataCache, RefreshError, TufSource, fetch_trusted_roots};
pub use verifier::{Artifact, BundleVerifier, KeyError, SelfManagedKey};
