//! Tests of the command line: JSON documents, configuration, README, use without the network.

pub(crate) mod config;
mod json_documents;
pub(crate) mod offline;
mod readme;
