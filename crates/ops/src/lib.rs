//! The operations of the suite: gather facts, apply the rules, execute the plan, and verify what was published.
//!
//! This crate makes no decisions, prints nothing and reads no environment variables: `rules` decides and `xtask`
//! prints. Only [`apply`], [`write_archive`], [`write_configuration`] and [`write_named`] change files, tags or
//! releases; the other functions write at most to the cache. A dry run is a plan that is not applied, so no function
//! takes such a flag.
//!
//! ```
//! assert_eq!(ops::markdown::code("a`b"), "`` a`b ``");
//! assert!(ops::check_identity_regexp("@example\\.com$").is_ok());
//! ```

mod apply;
mod cache;
mod context;
mod error;
mod event;
mod files;
mod gather;
mod github_clients;
mod identities;
mod local_repository;
pub mod markdown;
mod operator_forge;
mod output;
mod package_folder;
mod package_registries;
mod prepare;
mod prove;
mod recording;
mod signers;
mod source_archive;

pub use apply::configuration::{SignerConfig, signer_config, write_configuration};
pub use apply::{ReleaseOutcome, apply};
pub use cache::CacheDir;
pub use context::{ForgeClients, OpsContext, OpsEnvironment};
pub use error::OpsError;
pub use event::{ReleaseEvent, StepRef};
pub use files::{read_below, read_named, write_named};
pub use gather::clone_checks;
pub use gather::status::{TargetStatus, target_status};
pub use github_clients::{GitHubClients, GitHubConnection};
pub use identities::{PublicKey, accepted_repositories, check_identity_regexp};
pub use local_repository::LocalRepository;
pub use output::{NOTES_FILE, SUMS_FILE};
pub use package_registries::PackageRegistries;
pub use prepare::{Prepared, prepare};
pub use prove::audit::{audit, expectation};
pub use prove::audit_request::{AuditRequest, PackageScope};
pub use prove::listed_versions::audit_versions;
pub use prove::metadata_client::{MetadataClient, metadata_client};
pub use prove::package::{PackageReport, compare_package};
pub use prove::tag::verify_tag;
pub use prove::trust_root::{TrustRootSource, TrustedRootReport, TufSettings, trusted_root_report};
pub use prove::verify::{
    BundleSource, SubjectArtifact, SubjectVerdict, VerificationReport, VerifyRequest, VerifySubject, verify,
};
pub use recording::{RecordedAudit, RecordingError, RecordingFolder};
pub use source_archive::write_archive;
