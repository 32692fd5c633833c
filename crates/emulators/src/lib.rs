//! A release world on loopback, for rehearsals and tests: a GitHub that behaves as the real one does, its sharp edges
//! included, and breaks where it is told to.
//!
//! This crate will not listen anywhere but on 127.0.0.1, talk to another host, read the clock or the environment, or
//! write outside the folder that it is given. It knows nothing of the code that releases: what it serves is held to
//! GitHub's published description, not to what its clients happen to send.

mod demo;
mod fault;
mod github;
mod key;
mod sigstore;

pub use demo::demo;
pub use fault::{Fault, Hook, What, When};
pub use github::{Exchange, GitHub, Settings, User};
pub use key::{KeyKind, ThrowawayKey};
pub use sigstore::{
    CertificateLog, Claims, Content, LogKind, ManagedKey, Mint, Name, Run, Signer, Sigstore, Tuf,
};

/// Why a world cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
pub struct RehearsalError {
    pub(crate) what: String,
    #[source]
    pub(crate) source: std::io::Error,
}

pub(crate) fn failed(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> RehearsalError {
    move |source| RehearsalError { what: what.into(), source }
}
