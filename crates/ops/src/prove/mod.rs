//! What can be proven about a tag, a file and a published release.

pub(crate) mod audit;
mod regenerate;
pub(crate) mod tag;
pub(crate) mod trust_root;
pub(crate) mod verify;
