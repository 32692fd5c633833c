//! A release world on loopback, for rehearsals and tests: a GitHub that behaves as the real one does, its sharp edges
//! included, and breaks where it is told to.
//!
//! This crate will not listen anywhere but on 127.0.0.1, talk to another host, read the clock or the environment, or
//! write outside the folder that it is given. It knows nothing of the code that releases: what it serves is held to
//! GitHub's published description, not to what its clients happen to send.

mod demo;
mod error;
mod fault;
mod github;
mod key;
mod sigstore;

pub use demo::create_demo_repository;
pub use error::EmulatorError;
pub use fault::{Fault, FaultKind, FaultTiming, Hook};
pub use github::{GitHub, GitHubSettings, HttpExchange, UserAccount};
pub use key::EphemeralKey;
pub use sigstore::{
    ActionsRun, BundleContent, BundleSigner, BundleSpec, CertificateClaims, CertificateLog, ManagedKey,
    RekorVersion, Sigstore, SubjectAlternativeName, Tuf,
};
