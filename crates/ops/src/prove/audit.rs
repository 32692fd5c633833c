//! The audit of a published release from its public downloads, without credentials.

use forge::ForgeError;
use model::base::http::HttpEvent;
use model::base::id::Hasher;
use model::evidence::attestation::{
    AttestationPolicy, BundleVerdicts, ExpectedSigner, FulcioClaim, ReleaseAttestationPolicy,
    SLSA_PROVENANCE_V1,
};
use model::evidence::audit::{
    ArchiveError, ArchiveInspection, AssetDownload, AttestationRequirement, AuditEvidence, AuditReport,
    DownloadedContent, ReleaseExpectation, WorkflowRun,
};
use model::evidence::lookup::{Lookup, Unavailable, UnavailableCause};
use model::evidence::sums;
use model::evidence::verdict::Finding;
use model::release::host::{GitHubAttestation, GitHubRelease, RemoteTag};
use model::{Catalog, Digest, ObjectId, ReleaseTag, RepoSlug};
use provenance::{Artifact, BundleVerifier, TrustedRootSet};
use transport::BodySink;

use crate::context::{ForgeClients, OpsContext};
use crate::error::OpsError;
use crate::output::SUMS_FILE;
use crate::prove::regenerate::RegeneratedArchive;
use crate::prove::tag;
use crate::prove::trust_root::load_trust_root;
use crate::prove::verify::{self, BundleStream};

/// The inputs of an audit.
#[derive(Debug, Clone, Copy)]
pub struct AuditRequest<'a> {
    /// The clients of GitHub.
    pub clients: ForgeClients<'a>,
    /// The name of the repository on GitHub.
    pub slug: &'a RepoSlug,
    /// Whether attestations must contain this repository name; else its former names are accepted, too.
    pub current_name_only: bool,
    /// The release configuration.
    pub catalog: &'a Catalog,
    /// The local clone. `None` skips the checks of the tag object and of the tree.
    pub clone: Option<OpsContext<'a>>,
    /// The current time, in seconds since 1970 in UTC.
    pub now: i64,
}

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
        attested_since: catalog.attested_since.as_deref().and_then(model::base::time::parse_date),
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
    let anonymous = request.clients.anonymous;
    let (tag, tag_target_type) = match anonymous.find_tag(&expectation.tag, on_event) {
        Err(ForgeError::NotACommit { object_type, .. }) => (Lookup::Absent, Some(object_type.escaped())),
        answer => (answer.into(), None),
    };
    let release: Lookup<GitHubRelease> = anonymous.find_release(&expectation.tag, on_event).into();
    let run = AuditRun { request, expectation, remote_tag: tag.found().copied() };
    let mut evidence = AuditEvidence {
        local_tag_object: run.local_tag_object()?,
        signature_findings: run.check_tag_signature()?,
        tag,
        tag_target_type,
        downloads: Vec::new(),
        archive: None,
        attestations: Vec::new(),
        on_default_branch: Lookup::Absent,
        runs: Vec::new(),
        release_attestation: None,
        release,
    };
    let mut trusted_root = None;
    if let Lookup::Found(release) = evidence.release.clone() {
        run.download_assets(&release, &mut evidence, on_event);
        trusted_root = run.check_attestations(&release, &mut evidence, on_event)?;
    }
    if let Some(remote_tag) = run.remote_tag {
        evidence.on_default_branch = run.on_branch(&remote_tag.commit.to_string(), on_event);
    }
    Ok(AuditReport { trusted_root, ..rules::audit(expectation, &evidence) })
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

    /// Asks GitHub whether a commit is on the default branch.
    fn on_branch(&self, commit: &str, on_event: &mut dyn FnMut(HttpEvent)) -> Lookup<bool> {
        let anonymous = self.request.clients.anonymous;
        anonymous.is_on_branch(commit, &self.expectation.default_branch, on_event).into()
    }

    /// Asks GitHub whether `commit` is an ancestor of `tip`, or the same commit.
    fn is_ancestor(&self, commit: &str, tip: &str, on_event: &mut dyn FnMut(HttpEvent)) -> Lookup<bool> {
        self.request.clients.anonymous.is_ancestor(commit, tip, on_event).into()
    }

    /// Downloads the archive and `SHA256SUMS` without credentials, and inspects the archive while it arrives.
    fn download_assets(
        &self,
        release: &GitHubRelease,
        evidence: &mut AuditEvidence,
        on_event: &mut dyn FnMut(HttpEvent),
    ) {
        for name in [self.expectation.archive_name.as_str(), SUMS_FILE] {
            let Some(asset) = release.asset(name) else { continue };
            let is_archive = name == self.expectation.archive_name;
            let tag_tree = self.request.clone.zip(self.remote_tag).filter(|_| is_archive);
            let regenerated = tag_tree.map(|(work, there)| {
                RegeneratedArchive::new(work.repo(), self.expectation.top_directory.clone(), there.commit)
            });
            let mut sink = DownloadSink { is_archive, regenerated, ..DownloadSink::default() };
            // The size that GitHub reports is the limit, so that an endless download ends.
            let content = self.request.clients.anonymous.download(
                asset.download_url.raw(),
                asset.size,
                &mut sink,
                on_event,
            );
            let content = content.map_err(Unavailable::from);
            if is_archive && content.is_ok() {
                evidence.archive = Some(sink.finish());
            }
            let content = content.map(|size| DownloadedContent {
                size,
                digest: sink.hasher.finish(),
                prefix: sink.prefix,
            });
            evidence.downloads.push(AssetDownload { name: name.to_owned(), content });
        }
    }

    /// Verifies the attestations of the downloaded files and, for an immutable release, GitHub's release attestation.
    /// Returns a description of the trusted roots, or `None` if none were needed.
    fn check_attestations(
        &self,
        release: &GitHubRelease,
        evidence: &mut AuditEvidence,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<Option<String>, OpsError> {
        let mut roots = None;
        for download in evidence.downloads.clone() {
            let Ok(received) = download.content else { continue };
            let attestations = verify::fetch_attestations(self.request.clients, received.digest, on_event);
            let expected = self.attestation_policy(&download.name);
            let verdicts = self.verify_attestations(attestations, received.digest, &expected, &mut roots)?;
            if let Some((commit, time)) = verdicts.as_ref().ok().and_then(workflow_run) {
                self.add_run(&mut evidence.runs, commit, time, on_event);
            }
            evidence.attestations.push((download.name, verdicts));
        }
        let first = evidence
            .downloads
            .first()
            .and_then(|it| Some((it.name.clone(), it.content.as_ref().ok()?.digest)));
        if let (true, Some(remote_tag), Some((name, digest))) = (release.immutable, self.remote_tag, first) {
            let subject = format!("sha1:{}", remote_tag.object);
            let attestations =
                self.request.clients.anonymous.attestations(&subject, Some("release"), on_event);
            let attestations =
                attestations.map(|all| all.into_iter().filter(|it| it.is_release_attestation).collect());
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
            evidence.release_attestation =
                Some(self.verify_attestations(attestations, digest, &expected, &mut roots)?);
        }
        Ok(roots.map(|it| it.describe(self.request.now)))
    }

    /// Verifies the bundles of the attestations. The trusted roots are loaded once, and only if there is a bundle:
    /// their source may need the network.
    fn verify_attestations(
        &self,
        attestations: Result<Vec<GitHubAttestation>, ForgeError>,
        digest: Digest,
        policy: &AttestationPolicy,
        roots: &mut Option<TrustedRootSet>,
    ) -> Result<Result<BundleVerdicts, Unavailable>, OpsError> {
        let attestations = match attestations {
            Ok(attestations) if attestations.is_empty() => {
                return Ok(Ok(BundleVerdicts { bundles: Vec::new(), proven: None }));
            }
            Ok(attestations) => attestations,
            Err(error) => return Ok(Err(error.into())),
        };
        if roots.is_none() {
            *roots = match load_trust_root(self.request.clients.trust_root) {
                Ok(roots) => Some(roots),
                Err(OpsError::FetchTrustedRoot(error)) => return Ok(Err(no_trusted_root(error.to_string()))),
                Err(error) => return Err(error),
            };
        }
        let Some(roots) = roots else { return Ok(Err(no_trusted_root("no trusted root".to_owned()))) };
        let verifier = BundleVerifier::new(roots, None);
        let artifact = Artifact { sha256: digest, open: None };
        verify::verify_bundles(&verifier, &artifact, policy, BundleStream::Attestations(attestations)).map(Ok)
    }

    /// Returns the repository names, as `OWNER/NAME`, that an attestation may contain.
    fn repository_names(&self) -> Vec<String> {
        let rules = rules::accepted_repositories(
            self.request.catalog,
            self.request.slug,
            self.request.current_name_only,
        );
        let path = |url: String| url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        rules.into_iter().map(|it| path(it.url)).collect()
    }

    /// Returns the policy for the attestations of a file of the release.
    fn attestation_policy(&self, name: &str) -> AttestationPolicy {
        let repositories = rules::accepted_repositories(
            self.request.catalog,
            self.request.slug,
            self.request.current_name_only,
        );
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

fn no_trusted_root(message: String) -> Unavailable {
    Unavailable { cause: UnavailableCause::NoTrustedRoot, message }
}

/// Returns the commit and the signing time of the workflow run that made the proven attestation.
fn workflow_run(verdicts: &BundleVerdicts) -> Option<(String, i64)> {
    let (_, attested) = verdicts.proven.as_ref()?;
    let commit = attested.signer.as_ref()?.claims.get(FulcioClaim::SourceRepositoryDigest)?.to_owned();
    Some((commit, attested.timestamps.iter().min().copied()?))
}

/// Receives a download: computes its digest, keeps the beginning of `SHA256SUMS`, and verifies the archive.
#[derive(Default)]
struct DownloadSink {
    hasher: Hasher,
    prefix: Vec<u8>,
    is_archive: bool,
    regenerated: Option<RegeneratedArchive>,
    verifier: Option<archive::ArchiveVerifier<'static>>,
    error: Option<ArchiveError>,
}

impl DownloadSink {
    fn finish(&mut self) -> Result<ArchiveInspection, ArchiveError> {
        match (self.error.take(), self.verifier.take()) {
            (Some(flaw), _) => Err(flaw),
            (None, Some(reader)) => reader.finish(),
            (None, None) => Err(ArchiveError::Malformed("no data was received".to_owned())),
        }
    }
}

impl BodySink for DownloadSink {
    fn restart(&mut self) {
        (self.hasher, self.prefix, self.error) = Default::default();
        let expected = self.regenerated.as_ref().map(RegeneratedArchive::spawn);
        self.verifier = self.is_archive.then(|| archive::ArchiveVerifier::new(expected));
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        let room = (sums::MAX_SUMS_BYTES + 1).saturating_sub(self.prefix.len());
        if !self.is_archive {
            self.prefix.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        if let (Some(reader), None) = (&mut self.verifier, &self.error)
            && let Err(flaw) = reader.push(chunk)
        {
            self.error = Some(flaw);
        }
    }
}
