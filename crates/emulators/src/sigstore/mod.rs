//! A Sigstore instance of our own: certificate authority, certificate log, transparency log and the trusted root that
//! names them. It mints bundles with any claims, right or wrong, in this process; verifiers that nobody here wrote accept
//! the right ones.
//!
//! Its keys are made when it is, and live as long as it does.

mod bundle;
mod certificate;
mod claims;
mod der;
mod gitsign;
mod instance;
mod key;
mod timestamp;
mod transparency_log;
mod tuf;

pub use bundle::{BundleContent, BundleSigner, BundleSpec, ManagedKey, RekorVersion};
pub use claims::{ActionsRun, CertificateClaims, CertificateLog, SubjectAlternativeName};
pub use instance::Sigstore;
pub use tuf::Tuf;
