//! The command line: documents, configuration, README, use without network.

pub(crate) mod config;
mod json_documents;
pub(crate) mod offline;
mod readme;
