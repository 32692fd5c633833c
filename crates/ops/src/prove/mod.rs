//! Verification of tags, files, packages and published releases.

mod asset_download;
mod attestation_check;
pub(crate) mod audit;
pub(crate) mod audit_request;
pub(crate) mod listed_versions;
pub(crate) mod metadata_client;
pub(crate) mod package;
mod package_download;
pub(crate) mod publish_workflow;
pub(crate) mod published_package;
mod regenerate;
pub(crate) mod tag;
pub(crate) mod trust_root;
pub(crate) mod verify;
