//! Emulators of GitHub and Sigstore on 127.0.0.1, for rehearsals and tests.
//!
//! The emulated GitHub reproduces the behaviour that `docs/github.md` describes, pitfalls included, and injects the
//! faults that it is configured with.
//!
//! This crate will not listen on any address but 127.0.0.1, connect to another host, read the clock or the environment,
//! or write outside the directory that it is given. It does not depend on the code that creates releases: its responses
//! follow GitHub's published description, not the requests that its clients happen to send.
//!
//! ```
//! let sigstore = emulators::Sigstore::new(1_780_000_000)?;
//! let root = sigstore.trusted_root()?;
//! assert_eq!(root["tlogs"].as_array().map(Vec::len), Some(1));
//! # Ok::<(), emulators::EmulatorError>(())
//! ```

mod demo;
mod error;
mod fault;
mod github;
mod key;
mod registries;
mod sigstore;

pub use demo::create_demo_repository;
pub use error::EmulatorError;
pub use fault::{Fault, FaultKind, FaultTiming, Hook};
pub use github::{GitHub, GitHubSettings, HttpExchange, UserAccount};
pub use key::{EphemeralKey, KeyOwner};
pub use registries::{
    GoModuleHashes, MavenFile, NpmVersion, PackageSigning, PypiFile, RegistryServer, pypi_attestation,
};
pub use sigstore::{
    ActionsRun, BundleContent, BundleSigner, BundleSpec, CertificateClaims, CertificateLog, ManagedKey,
    RekorVersion, Sigstore, SubjectAlternativeName, Tuf,
};
