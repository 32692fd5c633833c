//! The audit of the packages of a tag: what registries serve, who built it, and what is in it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};

use archive::create_nameless;
use model::base::base64;
use model::base::http::HttpEvent;
use model::evidence::attestation::{AttestationPolicy, BundleVerdicts, SLSA_PROVENANCE_V1};
use model::evidence::audit::AuditReport;
use model::evidence::lookup::{Lookup, Unavailable, UnavailableCause};
use model::evidence::package::{
    FileEvidence, PackageContent, PackageEvidence, PackageExpectation, SignatureCheck,
};
use model::package::registry::{PublishedFile, PublishedPackage, Registry, RegistryKind};
use model::package::{PackageComparison, PackageId, PackageTree};
use model::{CommitId, Target, UntrustedText};
use provenance::Artifact;

use crate::error::OpsError;
use crate::prove::attestation_check::AttestationCheck;
use crate::prove::audit_request::{AuditRequest, PackageScope};
use crate::prove::package::{package_tree, read_both};
use crate::prove::package_download::{FileReader, PackageDownload};
use crate::prove::publish_workflow;
use crate::prove::verify::BundleStream;

/// The audit of the packages of a tag. The tag is public: only then may the Go module proxy be asked.
pub(super) struct PackageAudit<'a> {
    pub(super) request: AuditRequest<'a>,
    pub(super) scope: PackageScope<'a>,
    /// The commit of the public tag.
    pub(super) commit: CommitId,
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
        for channel in &target.channels {
            let Some((kind, name)) = channel.package() else { continue };
            let Some(registry) = self.scope.registries.registry(kind) else { continue };
            let id = rules::registry_package_id(kind, name, self.scope.tag);
            let remaining_bytes = Cell::new(MAX_VERSION_BYTES);
            let package = AuditedPackage { remaining_bytes, audit: self, target, registry, id };
            package.audit_version(attestations, report, on_event)?;
        }
        Ok(())
    }
}

impl AuditedPackage<'_> {
    /// Audits the version that the registry serves.
    fn audit_version(
        &self,
        attestations: &mut AttestationCheck<'_>,
        report: &mut AuditReport,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<(), OpsError> {
        let Self { audit, target, registry, id, .. } = self;
        let client = &audit.scope.registries.client;
        let published = channels::find_package(client, registry, id, on_event);
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
        };
        let mut evidence = PackageEvidence {
            package: published,
            files: Vec::new(),
            signatures: Vec::new(),
            checksums: None,
        };
        if let Lookup::Found(published) = &evidence.package {
            for file in &published.files {
                evidence.files.push(self.audit_file(published, file, attestations, on_event)?);
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

    /// Returns the tree of a Go module. `None` if the clone cannot provide it; the comparison of files reports that.
    fn module_tree(&self) -> Option<PackageTree> {
        let (format, manifest) = rules::registry_format(RegistryKind::Go, &self.id, ".zip")?;
        let context = self.audit.request.clone?;
        package_tree(context, self.target, self.audit.scope.tag, self.audit.commit, (format, manifest)).ok()
    }

    /// Downloads a file, compares it with the tree, and verifies its attestations.
    fn audit_file(
        &self,
        published: &PublishedPackage,
        file: &PublishedFile,
        attestations: &mut AttestationCheck<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<FileEvidence, OpsError> {
        let evidence = |content| FileEvidence {
            name: shown_name(&file.name),
            name_in_url: file.name_in_url.as_ref().map(shown_name),
            stated_digests: file.stated_digests.clone(),
            other_digests: file.other_digests.iter().map(UntrustedText::escaped).collect(),
            content,
            comparison: None,
            attestations: None,
            registry_attestations: None,
        };
        let (downloaded, content) = match self.download(file, on_event) {
            Ok(downloaded) => downloaded,
            Err(unavailable) => return Ok(evidence(Err(unavailable))),
        };
        let comparison = Some(self.compare(published, file, &downloaded));
        if self.registry.kind == RegistryKind::Go {
            return Ok(FileEvidence { comparison, ..evidence(Ok(content)) });
        }
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(FileReader::new(&downloaded)?)) };
        let artifact = Artifact { sha256: content.sha256, open: Some(&open) };
        let on_github = attestations.on_github(&artifact, &self.policy(file, false), on_event)?;
        let policy = self.policy(file, true);
        let stored = file.attestations.as_ref();
        let registry_attestations =
            stored.map(|it| verify_stored(it, attestations, &artifact, &policy)).transpose()?;
        let attestations = Some(on_github);
        Ok(FileEvidence { comparison, attestations, registry_attestations, ..evidence(Ok(content)) })
    }

    fn download(
        &self,
        file: &PublishedFile,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<(File, PackageContent), Unavailable> {
        let registries = self.audit.scope.registries;
        let target = create_nameless(&registries.temporary_folder).map_err(|error| Unavailable {
            cause: UnavailableCause::InvalidAnswer,
            message: error.to_string(),
        })?;
        let mut sink = PackageDownload::new(target);
        let limit = self.remaining_bytes.get();
        let size = registries.client.download(self.registry, (&file.url, limit), &mut sink, on_event)?;
        self.remaining_bytes.set(limit.saturating_sub(size));
        sink.finish(size)
    }

    /// Compares a downloaded file with the tree of the tag.
    fn compare(
        &self,
        published: &PublishedPackage,
        file: &PublishedFile,
        downloaded: &File,
    ) -> PackageComparison {
        let name = shown_name(&file.name);
        let Some((format, manifest)) = rules::registry_format(self.registry.kind, &self.id, file.name.raw())
        else {
            return rules::unexpected_file(&name);
        };
        let Some(context) = self.audit.request.clone else { return rules::not_compared_without_clone(&name) };
        let (tag, commit) = (self.audit.scope.tag, self.audit.commit);
        let (contents, tree) = read_both(downloaded, format, || {
            package_tree(context, self.target, tag, commit, (format, manifest))
        });
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => return rules::not_compared_with_tree(&name, &tag.name(), &error.to_string()),
        };
        let mut comparison = rules::compare_package(&name, &self.id, &contents, &tree);
        let of_package = published.manifest.clone().map(Lookup::Found);
        if let (Some(stated), Ok(contents)) = (file.metadata.as_ref().or(of_package.as_ref()), &contents) {
            comparison.findings.push(rules::compare_stated_manifest(&name, stated, contents, &tree));
        }
        if let (Some(stated), Ok(contents)) = (&published.abbreviated_manifest, &contents) {
            comparison.findings.push(rules::compare_abbreviated_manifest(&name, stated, contents));
        }
        if let (Some(stated), Ok(contents)) = (&file.requires_python, &contents) {
            comparison.findings.extend(rules::compare_requires_python(&name, stated.raw(), contents));
        }
        comparison
    }

    /// Returns the policy for the attestations of a file, on GitHub or stored by the registry.
    fn policy(&self, file: &PublishedFile, stored: bool) -> AttestationPolicy {
        let repositories = self.audit.request.accepted_repositories();
        let tag = self.audit.scope.tag.name();
        let signer = rules::publish_workflow_policy(self.target, repositories, &tag, self.audit.commit);
        let kind = self.registry.kind;
        let subject_name = rules::attested_name(kind, &self.id, file.name.raw(), stored);
        // PyPI's own statement has a type of its own, and no predicate.
        let any_type = stored && kind == RegistryKind::Pypi;
        let predicate_types = if any_type { Vec::new() } else { vec![SLSA_PROVENANCE_V1.to_owned()] };
        AttestationPolicy { signer, subject_name, predicate_types, now: self.audit.request.now }
    }
}

/// Returns the beginning of a file name, escaped. File systems have no names of more than 255 bytes.
fn shown_name(name: &UntrustedText) -> String {
    let escaped = name.escaped();
    let beginning: String = escaped.chars().take(255).collect();
    if beginning.len() == escaped.len() { beginning } else { format!("{beginning}…") }
}

/// Verifies the attestations that a registry stores for a file.
fn verify_stored(
    stored: &Lookup<String>,
    attestations: &mut AttestationCheck<'_>,
    artifact: &Artifact<'_>,
    policy: &AttestationPolicy,
) -> Result<Result<BundleVerdicts, Unavailable>, OpsError> {
    let bundles = match stored {
        Lookup::Found(document) => Ok(BundleStream::Registry(document)),
        Lookup::Absent => Ok(BundleStream::Registry("")),
        Lookup::Unavailable(unavailable) => Err(unavailable.clone()),
    };
    attestations.verify(bundles, artifact, policy)
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
