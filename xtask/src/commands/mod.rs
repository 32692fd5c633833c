//! The commands, one file or folder for each.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod notes;
pub(crate) mod rehearse;
pub(crate) mod release;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod targets;
pub(crate) mod trusted_root;
pub(crate) mod verify;
pub(crate) mod verify_tag;
