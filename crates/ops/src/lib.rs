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

pub use ::forge::{Forge, ForgeError, ForgeSettings, HttpEvent, RetryPolicy, Token};
pub use ::notes::Template;
pub use ::notes::escape::{code as markdown_code, text as markdown_text};
pub use ::provenance::{SelfManagedKey as PublicKey, TufSource};
pub use ::repo::{ProgramPolicy, Repo};
pub use apply::configuration::{SignerConfig, signer_config, write_configuration};
pub use apply::{ReleaseOutcome, apply};
pub use cache::CacheDir;
pub use context::{ForgeClients, OpsContext, OpsEnvironment};
pub use error::OpsError;
pub use event::{ReleaseEvent, StepRef};
pub use files::{read_below, read_named, write_named};
pub use gather::clone_checks;
pub use gather::status::{TargetStatus, target_status};
pub use operator_forge::OperatorForge;
pub use output::{NOTES_FILE, SUMS_FILE};
pub use prepare::{Prepared, prepare};
pub use prove::audit::{AuditRequest, audit, expectation};
pub use prove::tag::verify_tag;
pub use prove::trust_root::{TrustRootSource, TrustedRootReport, trusted_root_report};
pub use prove::verify::{
    BundleSource, SubjectArtifact, SubjectVerdict, VerificationReport, VerifyRequest, VerifySubject, verify,
};
pub use rules::{accepted_repositories, compile_identity_regexp, may_resolve_later, newest_tag};
pub use source_archive::write_archive;
