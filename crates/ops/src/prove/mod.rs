//! Verification of tags, files and published releases.

pub(crate) mod audit;
pub(crate) mod package;
mod regenerate;
pub(crate) mod tag;
pub(crate) mod trust_root;
pub(crate) mod verify;
