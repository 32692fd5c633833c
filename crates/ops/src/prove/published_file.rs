//! The audit of one file that a registry serves: its bytes, what is in it, and who signed and built it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};

use archive::create_nameless;
use model::base::http::HttpEvent;
use model::evidence::attestation::{AttestationPolicy, BundleVerdicts, SLSA_PROVENANCE_V1};
use model::evidence::lookup::{Lookup, Unavailable, UnavailableCause};
use model::evidence::package::{FileEvidence, OpenPgpCheck};
use model::package::file_digest::{FileDigests, FileHasher};
use model::package::registry::{PublishedFile, PublishedPackage, Registry, RegistryKind};
use model::package::{PackageComparison, PackageContainer, PackageId};
use model::{CommitId, Target, UntrustedText};
use provenance::Artifact;

use crate::error::OpsError;
use crate::prove::attestation_check::AttestationCheck;
use crate::prove::audit_request::{AuditRequest, PackageScope};
use crate::prove::openpgp_keys::OpenPgpKeys;
use crate::prove::package::{package_tree, read_both};
use crate::prove::package_download::{FileReader, PackageDownload};
use crate::prove::restored_package::restore;
use crate::prove::verify::BundleStream;

/// One file of an audited package.
#[derive(Clone, Copy)]
pub(super) struct AuditedFile<'a> {
    pub(super) request: AuditRequest<'a>,
    pub(super) scope: PackageScope<'a>,
    /// The commit of the public tag.
    pub(super) commit: CommitId,
    pub(super) target: &'a Target,
    pub(super) registry: &'a Registry,
    pub(super) id: &'a PackageId,
    pub(super) published: &'a PublishedPackage,
    pub(super) file: &'a PublishedFile,
    /// Whether the publish workflow in the tag's tree attests. `None` if the tree is not available.
    pub(super) workflow_attests: Option<bool>,
    /// How many bytes may still be downloaded for the version.
    pub(super) remaining_bytes: &'a Cell<u64>,
}

impl AuditedFile<'_> {
    /// Downloads a file, compares it with the tree, and verifies its signatures and attestations. `None` if the version does
    /// not have it, and need not.
    pub(super) fn audit(
        &self,
        attestations: &mut AttestationCheck<'_>,
        keys: &mut OpenPgpKeys<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<Option<FileEvidence>, OpsError> {
        let file = self.file;
        let evidence = |content| FileEvidence {
            name: shown_name(&file.name),
            name_in_url: file.name_in_url.as_ref().map(shown_name),
            stated_digests: file.stated_digests.clone(),
            other_digests: file.other_digests.iter().map(UntrustedText::escaped).collect(),
            content,
            comparison: None,
            attestations: None,
            registry_attestations: None,
            signature: None,
            document: None,
            restored: None,
        };
        let (downloaded, content) = match self.download(on_event) {
            Ok(downloaded) => downloaded,
            Err(unavailable) if file.is_optional && is_absent(&unavailable) => return Ok(None),
            Err(unavailable) => return Ok(Some(evidence(Err(unavailable)))),
        };
        let (comparison, document) = self.compare(&downloaded);
        let evidence = FileEvidence { comparison: Some(comparison), document, ..evidence(Ok(content)) };
        Ok(Some(match self.registry.kind {
            RegistryKind::Go => evidence,
            RegistryKind::Maven => {
                let signature = self.check_signature(&downloaded, keys, on_event);
                let evidence = FileEvidence { signature, ..evidence };
                // A signature by a pinned key is enough, so GitHub is asked only about workflows that attest.
                if self.workflow_attests == Some(true) {
                    self.with_attestations(evidence, &downloaded, attestations, on_event)?
                } else {
                    evidence
                }
            }
            RegistryKind::Helm => {
                let evidence = self.with_provenance(evidence, keys, on_event);
                self.with_attestations(evidence, &downloaded, attestations, on_event)?
            }
            RegistryKind::Nuget => self.with_restored(evidence, &downloaded, attestations, on_event)?,
            RegistryKind::Pypi | RegistryKind::Npm => {
                self.with_attestations(evidence, &downloaded, attestations, on_event)?
            }
        }))
    }

    /// Verifies the OpenPGP signature beside a file.
    fn check_signature(
        &self,
        downloaded: &File,
        keys: &mut OpenPgpKeys<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Option<Lookup<OpenPgpCheck>> {
        let client = &self.scope.registries.client;
        let signature = self.file.signature.as_ref()?;
        Some(keys.check((client, self.registry), signature, downloaded, on_event))
    }

    /// Adds the provenance file of a chart: its signature, and the text that is signed.
    fn with_provenance(
        &self,
        evidence: FileEvidence,
        keys: &mut OpenPgpKeys<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> FileEvidence {
        let client = &self.scope.registries.client;
        let Some(provenance) = &self.file.signature else { return evidence };
        let (signature, text) = keys.check_text((client, self.registry), provenance, on_event);
        FileEvidence { signature: Some(signature), document: text, ..evidence }
    }

    /// Adds the package without the registry's signature, and its attestations: those of the registered bytes do not exist.
    fn with_restored(
        &self,
        evidence: FileEvidence,
        downloaded: &File,
        attestations: &mut AttestationCheck<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<FileEvidence, OpsError> {
        // The comparison reports a package that is malformed.
        match restore(downloaded, &self.scope.registries.temporary_folder) {
            Ok(Some((package, restored))) => {
                let evidence = FileEvidence { restored: Some(restored), ..evidence };
                self.with_attestations(evidence, &package, attestations, on_event)
            }
            Ok(None) => self.with_attestations(evidence, downloaded, attestations, on_event),
            Err(_) => Ok(evidence),
        }
    }

    /// Adds the attestations of a file on GitHub, and those that the registry stores.
    fn with_attestations(
        &self,
        evidence: FileEvidence,
        content: &File,
        attestations: &mut AttestationCheck<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<FileEvidence, OpsError> {
        let restored = evidence.restored.as_ref().map(|it| it.digests.sha256);
        let Some(sha256) = restored.or_else(|| Some(evidence.content.as_ref().ok()?.sha256)) else {
            return Ok(evidence);
        };
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(FileReader::new(content)?)) };
        let artifact = Artifact { sha256, open: Some(&open) };
        let on_github = attestations.on_github(&artifact, &self.policy(false), on_event)?;
        let policy = self.policy(true);
        let stored = self.file.attestations.as_ref();
        let registry_attestations =
            stored.map(|it| verify_stored(it, attestations, &artifact, &policy)).transpose()?;
        Ok(FileEvidence { attestations: Some(on_github), registry_attestations, ..evidence })
    }

    fn download(&self, on_event: &mut dyn FnMut(HttpEvent)) -> Result<(File, FileDigests), Unavailable> {
        let registries = self.scope.registries;
        let target = create_nameless(&registries.temporary_folder).map_err(|error| Unavailable {
            cause: UnavailableCause::InvalidAnswer,
            message: error.to_string(),
        })?;
        let hasher = match self.registry.kind {
            RegistryKind::Maven => FileHasher::with_weak_digests(),
            _ => FileHasher::default(),
        };
        let mut sink = PackageDownload::new(target, hasher);
        let limit = self.remaining_bytes.get();
        let size = registries.client.download(self.registry, (&self.file.url, limit), &mut sink, on_event)?;
        self.remaining_bytes.set(limit.saturating_sub(size));
        sink.finish()
    }

    /// Compares a downloaded file with the tree of the tag. Returns the content of a document, too.
    fn compare(&self, downloaded: &File) -> (PackageComparison, Option<Vec<u8>>) {
        let (published, file) = (self.published, self.file);
        let name = shown_name(&file.name);
        let Some((format, manifest)) = rules::registry_format(self.registry.kind, self.id, file.name.raw())
        else {
            return (rules::unexpected_file(&name), None);
        };
        let Some(context) = self.request.clone else {
            return (rules::not_compared_without_clone(&name), None);
        };
        let (tag, commit) = (self.scope.tag, self.commit);
        let (contents, tree) = read_both(downloaded, format, || {
            package_tree(context, self.target, tag, commit, (format, manifest))
        });
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => {
                return (rules::not_compared_with_tree(&name, &tag.name(), &error.to_string()), None);
            }
        };
        let mut comparison = rules::compare_package(&name, self.id, &contents, &tree);
        let of_package = published.manifest.clone().map(Lookup::Found);
        if let (Some(stated), Ok(contents)) = (file.metadata.as_ref().or(of_package.as_ref()), &contents) {
            comparison.findings.extend(rules::compare_stated_manifest(&name, stated, contents, &tree));
        }
        if let (Some(stated), Ok(contents)) = (&published.abbreviated_manifest, &contents) {
            comparison.findings.push(rules::compare_abbreviated_manifest(&name, stated, contents));
        }
        if let (Some(stated), Ok(contents)) = (&file.requires_python, &contents) {
            comparison.findings.extend(rules::compare_requires_python(&name, stated.raw(), contents));
        }
        let is_document = format.container() == PackageContainer::None;
        let document =
            contents.ok().filter(|_| is_document).and_then(|it| it.files.into_iter().next()?.content);
        (comparison, document)
    }

    /// Returns the policy for the attestations of a file, on GitHub or stored by the registry.
    fn policy(&self, stored: bool) -> AttestationPolicy {
        let repositories = self.request.accepted_repositories();
        let tag = self.scope.tag.name();
        let signer = rules::publish_workflow_policy(self.target, repositories, &tag, self.commit);
        let kind = self.registry.kind;
        let subject_name = rules::attested_name(kind, self.id, self.file.name.raw(), stored);
        // PyPI's own statement has a type of its own, and no predicate.
        let any_type = stored && kind == RegistryKind::Pypi;
        let predicate_types = if any_type { Vec::new() } else { vec![SLSA_PROVENANCE_V1.to_owned()] };
        AttestationPolicy { signer, subject_name, predicate_types, now: self.request.now }
    }
}

/// Returns the beginning of a file name, escaped. File systems have no names of more than 255 bytes.
fn shown_name(name: &UntrustedText) -> String {
    let escaped = name.escaped();
    let beginning: String = escaped.chars().take(255).collect();
    if beginning.len() == escaped.len() { beginning } else { format!("{beginning}…") }
}

/// Returns whether a registry answered that it has no such file.
fn is_absent(unavailable: &Unavailable) -> bool {
    matches!(unavailable.cause, UnavailableCause::Status(404 | 410))
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
