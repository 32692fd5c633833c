//! An emulated Sigstore instance: certificate authority, certificate log, transparency log, timestamp authority, and
//! the trusted root that lists their keys. It creates bundles with any claims, valid or invalid, without a server; the
//! tests check that independent verifiers accept the valid ones.
//!
//! The keys are created with the instance and are never written to disk.

mod bundle;
mod certificate;
mod claims;
pub(crate) mod der;
mod gitsign;
mod instance;
pub(crate) mod key;
pub(crate) mod timestamp;
mod transparency_log;
mod tuf;

pub use bundle::{BundleContent, BundleSigner, BundleSpec, ManagedKey, RekorVersion};
pub use claims::{ActionsRun, CertificateClaims, CertificateLog, SubjectAlternativeName};
pub use instance::Sigstore;
pub use tuf::Tuf;
