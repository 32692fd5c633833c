//! The audit of a published release from its public downloads, without credentials.

use forge::ForgeError;
use model::base::http::HttpEvent;
use model::evidence::attestation::{
    AttestationPolicy, BundleVerdicts, ExpectedSigner, FulcioClaim, ReleaseAttestationPolicy,
    SLSA_PROVENANCE_V1,
};
use model::evidence::audit::{
    AssetDownload, AttestationRequirement, AuditEvidence, AuditReport, DownloadedContent, ReleaseExpectation,
    SourceEvidence, WorkflowRun,
};
use model::evidence::lookup::{Lookup, Unavailable};
use model::evidence::verdict::Finding;
use model::release::host::{GitHubRelease, RemoteTag};
use model::release::tag_digests::TagDigests;
use model::{Catalog, ObjectId, ReleaseTag};
use provenance::Artifact;

use crate::error::OpsError;
use crate::output::SUMS_FILE;
use crate::prove::asset_download::DownloadSink;
use crate::prove::attestation_check::AttestationCheck;
use crate::prove::audit_request::AuditRequest;
use crate::prove::publish_workflow;
use crate::prove::published_package::PackageAudit;
use crate::prove::regenerate::RegeneratedArchive;
use crate::prove::tag;
use crate::prove::verify::BundleStream;

/// Returns what a release must look like, as far as the tag and the release configuration define it.
#[must_use]
pub fn expectation(
    catalog: &Catalog,
    tag: &ReleaseTag,
    attested: AttestationRequirement,
) -> ReleaseExpectation {
    ReleaseExpectation {
        tag: tag.name(),
        products: None,
        prerelease: tag.version().is_prerelease(),
        private: false,
        archive_name: tag.archive_name(),
        top_directory: tag.archive_directory(),
        default_branch: catalog.default_branch.clone(),
        attestation_requirement: attested,
        has_signer_policy: catalog.signer_policy.is_some(),
        source_workflow: catalog.source_workflow.clone(),
    }
}

/// Downloads a published release without credentials and verifies it. A failed request is a finding, not an error, so
/// that the report is complete.
///
/// # Errors
/// [`OpsError`] if the signer policy or the given trusted root cannot be read.
pub fn audit(
    request: AuditRequest<'_>,
    expectation: &ReleaseExpectation,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<AuditReport, OpsError> {
    let (tag, tag_target_type) = match request.metadata().find_tag(&expectation.tag, on_event) {
        Err(ForgeError::NotACommit { object_type, .. }) => (Lookup::Absent, Some(object_type.escaped())),
        answer => (answer.into(), None),
    };
    let run = AuditRun { request, expectation, remote_tag: tag.found().copied() };
    let mut attestations = AttestationCheck::new(request.clients, request.metadata);
    let source = request.source.then(|| run.audit_source(&mut attestations, on_event)).transpose()?;
    let on_default_branch = match run.remote_tag {
        Some(remote_tag) => run.on_branch(&remote_tag.commit.to_string(), on_event),
        None => Lookup::Absent,
    };
    let evidence = AuditEvidence {
        local_tag_object: run.local_tag_object()?,
        signature_findings: run.check_tag_signature()?,
        tag_digests: run.tag_digests()?,
        tag,
        tag_target_type,
        on_default_branch,
        source,
    };
    let release = evidence.source.as_ref().map(|it| it.release.clone());
    let mut report = rules::audit(expectation, &evidence);
    report.source_findings = report.findings.len();
    match (request.packages, run.remote_tag) {
        (Some(packages), Some(remote_tag)) => {
            let audit = PackageAudit { request, scope: packages, commit: remote_tag.commit, release };
            audit.run(&mut attestations, &mut report, on_event)?;
        }
        (Some(packages), None) => {
            let skipped = packages.registries.kinds().map(|it| rules::skipped_package(it, &expectation.tag));
            report.findings.extend(skipped);
        }
        (None, _) => {}
    }
    report.warnings.extend(attestations.note());
    report.trusted_root = attestations.describe_roots(request.now);
    Ok(report)
}

/// A running audit.
struct AuditRun<'a> {
    request: AuditRequest<'a>,
    expectation: &'a ReleaseExpectation,
    /// The tag as GitHub serves it. `None` if it is absent or was not read.
    remote_tag: Option<RemoteTag>,
}

impl AuditRun<'_> {
    /// Returns the object that the tag names in the clone. `None` without a clone, or if it lacks the tag.
    fn local_tag_object(&self) -> Result<Option<ObjectId>, OpsError> {
        let Some(context) = self.request.clone else { return Ok(None) };
        Ok(context.repo().tag(&self.expectation.tag)?.map(|(object, ..)| object))
    }

    /// Verifies the tag object. Returns `None` if the clone lacks the object that GitHub serves, or the tag is
    /// lightweight: then there is no object to verify.
    fn check_tag_signature(&self) -> Result<Option<Vec<Finding>>, OpsError> {
        let (Some(context), Some(remote_tag)) = (self.request.clone, self.remote_tag) else {
            return Ok(None);
        };
        if self.local_tag_object()? != Some(remote_tag.object)
            || remote_tag.object == remote_tag.commit.object()
        {
            return Ok(None);
        }
        tag::verify_tag(context, &self.expectation.tag, Some(remote_tag.commit)).map(Some)
    }

    /// Returns the digests that the tag object states. `None` if the clone lacks the object that GitHub serves, or if it
    /// states none that can be read.
    fn tag_digests(&self) -> Result<Option<TagDigests>, OpsError> {
        let (Some(context), Some(remote_tag)) = (self.request.clone, self.remote_tag) else {
            return Ok(None);
        };
        if self.local_tag_object()? != Some(remote_tag.object) {
            return Ok(None);
        }
        Ok(tag::stated_digests(context.repo(), remote_tag.object)?.and_then(Result::ok))
    }

    /// Asks GitHub whether a commit is on the default branch.
    fn on_branch(&self, commit: &str, on_event: &mut dyn FnMut(HttpEvent)) -> Lookup<bool> {
        self.request.metadata().is_on_branch(commit, &self.expectation.default_branch, on_event).into()
    }

    /// Asks GitHub whether `commit` is an ancestor of `tip`, or the same commit.
    fn is_ancestor(&self, commit: &str, tip: &str, on_event: &mut dyn FnMut(HttpEvent)) -> Lookup<bool> {
        self.request.metadata().is_ancestor(commit, tip, on_event).into()
    }

    /// Collects the evidence of the source release.
    fn audit_source(
        &self,
        attestations: &mut AttestationCheck<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<SourceEvidence, OpsError> {
        let mut source = SourceEvidence {
            release: self.request.metadata().find_release(&self.expectation.tag, on_event).into(),
            downloads: Vec::new(),
            archive: None,
            attestations: Vec::new(),
            workflow_attests: None,
            runs: Vec::new(),
            release_attestation: None,
        };
        if let (Some(context), Some(remote_tag)) = (self.request.clone, self.remote_tag) {
            let workflow = &self.request.catalog.source_workflow;
            source.workflow_attests = publish_workflow::attests(context.repo(), remote_tag.commit, workflow);
        }
        if let Lookup::Found(release) = source.release.clone() {
            self.download_assets(&release, &mut source, on_event);
            self.check_attestations(&release, &mut source, attestations, on_event)?;
        }
        Ok(source)
    }

    /// Downloads the archive and `SHA256SUMS` without credentials, and inspects the archive while it arrives.
    fn download_assets(
        &self,
        release: &GitHubRelease,
        source: &mut SourceEvidence,
        on_event: &mut dyn FnMut(HttpEvent),
    ) {
        for name in [self.expectation.archive_name.as_str(), SUMS_FILE] {
            let Some(asset) = release.asset(name) else { continue };
            let is_archive = name == self.expectation.archive_name;
            let tag_tree = self.request.clone.zip(self.remote_tag).filter(|_| is_archive);
            let regenerated = tag_tree.map(|(work, there)| {
                RegeneratedArchive::new(work.repo(), self.expectation.top_directory.clone(), there.commit)
            });
            let mut sink = DownloadSink::new(is_archive, regenerated);
            // The size that GitHub reports is the limit, so that an endless download ends.
            let content = self.request.clients.anonymous.download(
                asset.download_url.raw(),
                asset.size,
                &mut sink,
                on_event,
            );
            let content = content.map_err(Unavailable::from);
            if is_archive && content.is_ok() {
                source.archive = Some(sink.finish());
            }
            let content = content.map(|size| DownloadedContent {
                size,
                digest: sink.hasher.finish(),
                prefix: sink.prefix,
            });
            source.downloads.push(AssetDownload { name: name.to_owned(), content });
        }
    }

    /// Verifies the attestations of the downloaded files and, for an immutable release, GitHub's release attestation.
    fn check_attestations(
        &self,
        release: &GitHubRelease,
        source: &mut SourceEvidence,
        check: &mut AttestationCheck<'_>,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<(), OpsError> {
        for download in source.downloads.clone() {
            let Ok(received) = download.content else { continue };
            let expected = self.attestation_policy(&download.name);
            let artifact = Artifact { sha256: received.digest, open: None };
            let verdicts = check.on_github(&artifact, &expected, on_event)?;
            if let Some((commit, time)) = verdicts.as_ref().ok().and_then(workflow_run) {
                self.add_run(&mut source.runs, commit, time, on_event);
            }
            source.attestations.push((download.name, verdicts));
        }
        let first =
            source.downloads.first().and_then(|it| Some((it.name.clone(), it.content.as_ref().ok()?.digest)));
        if let (true, Some(remote_tag), Some((name, digest))) = (release.immutable, self.remote_tag, first) {
            let subject = format!("sha1:{}", remote_tag.object);
            let attestations = self.request.metadata().attestations(&subject, Some("release"), on_event);
            let attestations = attestations
                .map(|all| all.into_iter().filter(|it| it.is_release_attestation).collect())
                .map_err(Unavailable::from);
            let rule = ReleaseAttestationPolicy {
                repositories: self.repository_names(),
                tag: self.expectation.tag.clone(),
                object: remote_tag.object,
            };
            let (signer, name) = (ExpectedSigner::GitHubRelease(rule), Some(name));
            let expected = AttestationPolicy {
                signer,
                subject_name: name,
                predicate_types: Vec::new(),
                now: self.request.now,
            };
            let artifact = Artifact { sha256: digest, open: None };
            let bundles = attestations.map(BundleStream::Attestations);
            source.release_attestation = Some(check.verify(bundles, &artifact, &expected)?);
        }
        Ok(())
    }

    /// Returns the repository names, as `OWNER/NAME`, that an attestation may contain.
    fn repository_names(&self) -> Vec<String> {
        let rules = self.request.accepted_repositories();
        let path = |url: String| url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        rules.into_iter().map(|it| path(it.url)).collect()
    }

    /// Returns the policy for the attestations of a file of the release.
    fn attestation_policy(&self, name: &str) -> AttestationPolicy {
        let repositories = self.request.accepted_repositories();
        let signer = rules::release_workflow_policy(
            self.request.catalog,
            repositories,
            &self.expectation.default_branch,
        );
        let (name, predicate_types) = (Some(name.to_owned()), vec![SLSA_PROVENANCE_V1.to_owned()]);
        AttestationPolicy { signer, subject_name: name, predicate_types, now: self.request.now }
    }

    /// Adds a workflow run. If the commit is already listed, keeps the earlier of both times.
    fn add_run(
        &self,
        runs: &mut Vec<WorkflowRun>,
        commit: String,
        time: i64,
        on_event: &mut dyn FnMut(HttpEvent),
    ) {
        if let Some(existing) = runs.iter_mut().find(|it| it.commit == commit) {
            existing.signed_at = existing.signed_at.min(time);
            return;
        }
        let contains_tag = match self.remote_tag {
            Some(remote_tag) => self.is_ancestor(&remote_tag.commit.to_string(), &commit, on_event),
            None => Lookup::Absent,
        };
        let on_branch = self.on_branch(&commit, on_event);
        runs.push(WorkflowRun { commit, signed_at: time, contains_tag, on_default_branch: on_branch });
    }
}

/// Returns the commit and the signing time of the workflow run that made the proven attestation.
fn workflow_run(verdicts: &BundleVerdicts) -> Option<(String, i64)> {
    let (_, attested) = verdicts.proven.as_ref()?;
    let commit = attested.signer.as_ref()?.claims.get(FulcioClaim::SourceRepositoryDigest)?.to_owned();
    Some((commit, attested.timestamps.iter().min().copied()?))
}
