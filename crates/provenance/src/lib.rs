//! Verifies Sigstore bundles: checks the signature, its certificate, its log entries and its timestamps against a
//! trusted root, and returns who signed and what was signed.
//!
//! This crate does not decide who may sign. It reads no files and no environment variables, and uses the network only
//! in [`fetch_trusted_roots`]. The cryptography is that of `sigstore-verify`. This crate adds the checks that the
//! library leaves open: exactly one subject alternative name; no duplicate extension, log entry or JSON key; limits.
//!
//! ```
//! assert!(provenance::SelfManagedKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").is_err());
//! ```

mod bundle;
mod certificate;
mod cms;
mod gitsign;
mod json;
mod package_signature;
mod parse;
mod protobuf;
mod registry_document;
mod statement;
mod summary;
mod timestamp;
mod trusted_root;
mod tuf;
mod verifier;

pub use bundle::{MAX_BUNDLE_BYTES, RawBundle, read_bundles};
pub use gitsign::is_gitsign;
pub use package_signature::read_package_signature;
pub use registry_document::bundles_of_document;
pub use trusted_root::{RootError, TrustedRootSet};
pub use tuf::{MetadataCache, RefreshError, TufSource, fetch_trusted_roots};
pub use verifier::{Artifact, BundleVerifier, KeyError, SelfManagedKey};
