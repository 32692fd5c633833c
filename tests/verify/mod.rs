//! Tests of `verify`: files and their Sigstore bundles.

mod attestations;
mod bundle_attacks;
mod byte_mutations;
mod cosign;
mod external_builders;
mod identity_attacks;
mod limits;
mod registry_documents;
mod regressions;
mod standalone_binary;
