//! The audit of the packages of a tag: what registries serve, who built it, and what is in it.

use std::cell::Cell;

use model::base::base64;
use model::base::http::HttpEvent;
use model::catalog::Channel;
use model::evidence::audit::AuditReport;
use model::evidence::lookup::Lookup;
use model::evidence::package::{PackageEvidence, PackageExpectation, SignatureCheck};
use model::package::registry::{PublishedFile, PublishedPackage, Registry, RegistryKind};
use model::package::{PackageId, PackageTree};
use model::release::host::GitHubRelease;
use model::{CommitId, Target, UntrustedText};

use crate::error::OpsError;
use crate::prove::attestation_check::AttestationCheck;
use crate::prove::audit_request::{AuditRequest, PackageScope};
use crate::prove::openpgp_keys::OpenPgpKeys;
use crate::prove::package::package_tree;
use crate::prove::publish_workflow;
use crate::prove::published_file::AuditedFile;

/// The audit of the packages of a tag. The tag is public: only then may the Go module proxy be asked.
pub(super) struct PackageAudit<'a> {
    pub(super) request: AuditRequest<'a>,
    pub(super) scope: PackageScope<'a>,
    /// The commit of the public tag.
    pub(super) commit: CommitId,
    /// The release on GitHub. `None` if it was not requested.
    pub(super) release: Option<Lookup<GitHubRelease>>,
}

/// The most bytes that all files of a version may have together.
const MAX_VERSION_BYTES: u64 = 4 << 30;

/// One package of an audit.
struct AuditedPackage<'a> {
    /// How many bytes may still be downloaded.
    remaining_bytes: Cell<u64>,
    audit: &'a PackageAudit<'a>,
    target: &'a Target,
    registry: &'a Registry,
    id: PackageId,
}

impl PackageAudit<'_> {
    /// Audits every package of the tag's target whose registry is asked, and adds the findings to the report.
    pub(super) fn run(
        &self,
        attestations: &mut AttestationCheck<'_>,
        report: &mut AuditReport,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<(), OpsError> {
        let Some(target) = self.request.catalog.target(self.scope.tag.target()) else { return Ok(()) };
        let mut keys = OpenPgpKeys::new(self.request.clone);
        for (kind, name) in target.channels.iter().flat_map(Channel::packages) {
            let Some(registry) = self.scope.registries.registry(kind) else { continue };
            let id = rules::registry_package_id(kind, &name, self.scope.tag);
            let remaining_bytes = Cell::new(MAX_VERSION_BYTES);
            let package = AuditedPackage { remaining_bytes, audit: self, target, registry, id };
            package.audit_version((attestations, &mut keys), report, on_event)?;
        }
        Ok(())
    }
}

impl AuditedPackage<'_> {
    /// Audits the version that the registry serves.
    fn audit_version(
        &self,
        (attestations, keys): (&mut AttestationCheck<'_>, &mut OpenPgpKeys<'_>),
        report: &mut AuditReport,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<(), OpsError> {
        let Self { audit, target, registry, id, .. } = self;
        let client = &audit.scope.registries.client;
        let find_release = |observer: &mut dyn FnMut(HttpEvent)| {
            let find = || audit.request.metadata().find_release(&audit.scope.tag.name(), observer).into();
            audit.release.clone().unwrap_or_else(find)
        };
        let published = channels::find_package(client, registry, id, &find_release, on_event);
        let repo = self.audit.request.clone.map(|it| it.repo());
        let workflow_attests =
            repo.and_then(|it| publish_workflow::attests(it, self.audit.commit, &target.workflow));
        let mut expectation = PackageExpectation {
            registry: (*registry).clone(),
            id: id.clone(),
            commit: self.audit.commit,
            workflow: target.workflow.clone(),
            workflow_attests,
            module_hashes: None,
            now: audit.request.now,
        };
        let mut evidence = PackageEvidence {
            package: published,
            files: Vec::new(),
            signatures: Vec::new(),
            checksums: None,
        };
        if let Lookup::Found(published) = &evidence.package {
            for file in &published.files {
                evidence.files.extend(self.file(published, file, workflow_attests).audit(
                    attestations,
                    keys,
                    on_event,
                )?);
            }
            evidence.signatures = check_signatures(published);
            if let Some(database) = &registry.checksum_database {
                evidence.checksums = Some(channels::find_checksums(client, database, id, on_event));
                expectation.module_hashes = self.module_tree().and_then(|it| rules::module_hashes(id, &it));
            }
        }
        rules::audit_package(&expectation, &evidence, report);
        Ok(())
    }

    fn file<'f>(
        &'f self,
        published: &'f PublishedPackage,
        file: &'f PublishedFile,
        workflow_attests: Option<bool>,
    ) -> AuditedFile<'f> {
        AuditedFile {
            request: self.audit.request,
            scope: self.audit.scope,
            commit: self.audit.commit,
            target: self.target,
            registry: self.registry,
            id: &self.id,
            published,
            file,
            workflow_attests,
            remaining_bytes: &self.remaining_bytes,
        }
    }

    /// Returns the tree of a Go module. `None` if the clone cannot provide it; the comparison of files reports that.
    fn module_tree(&self) -> Option<PackageTree> {
        let (format, manifest) = rules::registry_format(RegistryKind::Go, &self.id, ".zip")?;
        let context = self.audit.request.clone?;
        package_tree(context, self.target, self.audit.scope.tag, self.audit.commit, (format, manifest)).ok()
    }
}

/// Verifies the signatures of a registry with the keys that it lists.
fn check_signatures(published: &PublishedPackage) -> Vec<SignatureCheck> {
    let Some(signatures) = &published.signatures else { return Vec::new() };
    let keys = signatures.keys.found().map_or(&[][..], Vec::as_slice);
    let check = |(key_id, signature): &(UntrustedText, String)| {
        let key = keys.iter().find(|it| it.key_id == *key_id);
        let signature = base64::decode(signature).unwrap_or_default();
        let message = signatures.message.as_bytes();
        let is_valid = key.is_some_and(|it| signing::is_p256_signature(&it.spki, message, &signature));
        SignatureCheck { key_id: key_id.escaped(), key: key.cloned(), is_valid }
    };
    signatures.signatures.iter().map(check).collect()
}
