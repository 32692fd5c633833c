//! What a release is made of: request, facts, changelog, plan, receipt, and what the release host has.

pub mod changelog;
pub mod facts;
pub mod host;
pub mod plan;
pub mod receipt;
pub mod request;
pub mod tree;
