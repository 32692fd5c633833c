//! Checks verified bundles against a policy: the signer, the workflow, the source and the subject.
//!
//! The certificate decides. The statement must agree with it, because any step of a build can write a statement
//! (`gh attestation verify --help`; slsa-verifier's `provenance_forgeable.go`).

mod builder;
mod bundle;
mod consistency;
mod findings;
mod identity_regexp;
mod publish_workflow;
mod rejections;
mod release_attestation;
mod workflow_identity;

pub use bundle::check_bundle;
pub use findings::{attestation_finding, listed_digest_finding};
pub use identity_regexp::compile_identity_regexp;
pub use publish_workflow::workflow_steps;

use model::evidence::attestation::{
    AcceptedRepository, ExpectedSigner, GITHUB_ACTIONS_ISSUER, Workflow, WorkflowPolicy,
};
use model::{Catalog, CommitId, RepoSlug, Target};

/// Returns the repositories whose workflows may sign. For the configured repository these are all its names, or only
/// `slug` with `only_named`; for any other repository it is `slug` alone, without pinned ids.
#[must_use]
pub fn accepted_repositories(
    catalog: &Catalog,
    slug: &RepoSlug,
    only_named: bool,
) -> Vec<AcceptedRepository> {
    let known = catalog.identities.iter().any(|it| it.slug == *slug);
    let eras = catalog.identities.iter().filter(|it| known && (!only_named || it.slug == *slug));
    let rules: Vec<AcceptedRepository> = eras
        .map(|it| AcceptedRepository {
            url: it.slug.url(),
            repository_id: it.repository_id,
            owner_id: it.owner_id,
            since: it.starts_at(),
        })
        .collect();
    if rules.is_empty() {
        return vec![AcceptedRepository {
            url: slug.url(),
            repository_id: None,
            owner_id: None,
            since: None,
        }];
    }
    rules
}

/// Returns the policy for attestations of releases: the release workflow, started by `workflow_dispatch` on the branch,
/// on runners that GitHub hosts.
#[must_use]
pub fn release_workflow_policy(
    catalog: &Catalog,
    repositories: Vec<AcceptedRepository>,
    branch: &str,
) -> ExpectedSigner {
    ExpectedSigner::Workflow(Box::new(WorkflowPolicy {
        repositories,
        workflow: Workflow::File(catalog.source_workflow.clone()),
        reference: Some(format!("refs/heads/{branch}")),
        commit: None,
        trigger: Some("workflow_dispatch".to_owned()),
        issuer: GITHUB_ACTIONS_ISSUER.to_owned(),
        deny_self_hosted: true,
    }))
}

/// Returns the policy for attestations of packages: the target's publish workflow, on the tag and its commit, started by
/// any event, on runners that GitHub hosts.
#[must_use]
pub fn publish_workflow_policy(
    target: &Target,
    repositories: Vec<AcceptedRepository>,
    tag: &str,
    commit: CommitId,
) -> ExpectedSigner {
    ExpectedSigner::Workflow(Box::new(WorkflowPolicy {
        repositories,
        workflow: Workflow::File(target.workflow.clone()),
        reference: Some(format!("refs/tags/{tag}")),
        commit: Some(commit.to_string()),
        trigger: None,
        issuer: GITHUB_ACTIONS_ISSUER.to_owned(),
        deny_self_hosted: true,
    }))
}
