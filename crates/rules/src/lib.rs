//! The verbs that decide: which release came before, what the changelog says, what speaks against a release, what
//! is to be done.
//!
//! This crate will not read, write, ask a clock or print: the same facts give the same answer.

mod attestation;
mod audit;
mod changelog;
mod contributors;
mod pattern;
mod plan;
mod preflight;
mod previous;
mod pulls;
mod releases;
mod reverts;
mod sources;
mod status;
mod tags;
mod world;
mod yaml;

pub use attestation::{attestation, judge, listed, name_pattern, release_workflow, signing_repositories};
pub use audit::{audit, may_change};
pub use changelog::{changelog, kind};
pub use plan::{Need, need, page, plan};
pub use preflight::{clone_checks, preflight};
pub use previous::{newest, previous_candidates};
pub use releases::{Selection, is_empty_and_ours, select};
pub use sources::disagreements;
pub use status::{Unreleased, unreleased};
pub use tags::{CONFIGURE_SIGNERS, flaw_of_own, judge_signer, judge_tag};
pub use world::{gets_badge, interference};
