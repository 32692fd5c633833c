//! The decisions of a release: the previous release, the changelog, the pre-flight checks, the plan, and the verdicts
//! on tags, attestations and published releases.
//!
//! This crate will not read, write, use a clock or print. Its functions are pure: the same facts give the same result.
//!
//! ```
//! assert!(rules::newest_tag(&[]).is_none(), "no tag is the newest of none");
//! assert!(rules::compile_identity_regexp("ada@(").is_err());
//! ```

mod attestation;
mod audit;
mod changelog;
mod check_observation;
mod contributors;
mod gitignore;
mod no_answer;
mod pattern;
mod plan;
mod preflight;
mod previous;
mod publishing;
mod pull_requests;
mod registries;
mod releases;
mod reverts;
mod status;
mod tag_digests;
mod tag_signature;
mod version_file;
mod yaml;
mod yaml_tree;

pub use attestation::{
    accepted_repositories, attestation_finding, check_bundle, compile_identity_regexp, listed_digest_finding,
    publish_workflow_policy, release_workflow_policy, workflow_steps,
};
pub use audit::{audit, has_all_answers};
pub use changelog::{change_kind, changelog};
pub use plan::{AssetAction, asset_action, plan, release_text};
pub use preflight::{clone_checks, preflight};
pub use previous::{newest_tag, previous_candidates};
pub use publishing::{concurrent_change, is_latest};
pub use registries::{
    LOCK_FILE, attested_name, audit_package, audit_versions, channel_package, compare_abbreviated_manifest,
    compare_package, compare_requires_python, compare_stated_manifest, expected_names, files_outside,
    formats_of, ignore_file_paths, module_hashes, not_compared_with_tree, not_compared_without_clone,
    package_manifests, reads_packaged_content, reads_tree_content, registry_format, registry_package_id,
    restored_package_finding, skipped_package, unexpected_file,
};
pub use releases::{ReleaseSelection, is_leftover_draft, select_release};
pub use status::{UnreleasedChanges, unreleased_changes};
pub use tag_digests::tag_digests_finding;
pub use tag_signature::{evaluate_signer, evaluate_tag, self_check, signing_key_status};
pub use version_file::version_mismatches;
