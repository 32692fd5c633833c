//! The evidence that verdicts are based on: signatures, attestations, checksums, audits and their findings.

pub mod attestation;
pub mod audit;
pub mod lookup;
pub mod reason;
pub mod signature;
pub mod sums;
pub mod trusted_root;
pub mod verdict;
