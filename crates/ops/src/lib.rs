//! The order of work: gather facts, let the rules decide, apply what they decided.
//!
//! This crate will not decide anything, print, or read the environment. Only [`apply`] and [`write_archive`] change
//! anything, and a dry run is a plan that was not applied: no function here takes such a flag.

mod apply;
mod cache;
mod context;
mod error;
mod event;
mod files;
mod gather;
mod operator_forge;
mod output;
mod prepare;
mod prove;
mod signers;
mod source_archive;

pub use ::forge::{Forge, ForgeError, Patience, Settings as ForgeSettings, Token, Told};
pub use ::notes::Template;
pub use ::notes::escape::{code as markdown_code, text as markdown_text};
pub use ::provenance::{SelfManagedKey as PublicKey, TufSource};
pub use ::repo::{ProgramPolicy, Repo};
pub use apply::configuration::{SignerPolicy, signer_policy, write_configuration};
pub use apply::{Done, apply};
pub use cache::Cache;
pub use context::{Surroundings, Work, World};
pub use error::OpsError;
pub use event::{Deed, Event};
pub use files::{read_below, read_named, write_named};
pub use gather::clone_checks;
pub use gather::status::{Standing, standing};
pub use operator_forge::OperatorForge;
pub use output::{NOTES_FILE, SUMS_FILE};
pub use prepare::{Prepared, prepare};
pub use prove::audit::{Audit, audit, promise};
pub use prove::tag::verify_tag;
pub use prove::trust_root::{Trusted, TrustedRoots, trusted_roots};
pub use prove::verify::{Bundles, Subject, SubjectVerdict, Verdicts, Verification, Verified, verify};
pub use rules::{accepted_repositories, compile_identity_regexp, may_resolve_later, newest_tag};
pub use source_archive::write_archive;
