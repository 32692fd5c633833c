//! A release, from the request to the receipt: request, facts, changelog, plan, the files that it makes, and GitHub's
//! view of it.

pub mod changelog;
pub mod facts;
pub mod host;
pub mod plan;
pub mod preflight_check;
pub mod receipt;
pub mod request;
pub mod tag_digests;
pub mod tree;
