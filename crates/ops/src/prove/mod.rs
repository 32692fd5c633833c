//! Verification of tags, files, packages and published releases.

mod asset_download;
mod attestation_check;
pub(crate) mod audit;
pub(crate) mod audit_request;
pub(crate) mod listed_versions;
pub(crate) mod metadata_client;
mod openpgp_keys;
pub(crate) mod package;
mod package_download;
pub(crate) mod publish_workflow;
mod published_file;
pub(crate) mod published_package;
mod regenerate;
mod restored_package;
pub(crate) mod tag;
pub(crate) mod trust_root;
pub(crate) mod verify;
