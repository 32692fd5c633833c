//! The evidence that verdicts are based on: signatures, attestations, checksums, audits and their findings.

pub mod attestation;
pub mod audit;
mod declare_reasons;
pub mod lookup;
pub mod package;
pub mod reason;
pub mod signature;
pub mod sums;
pub mod trusted_root;
pub mod verdict;
