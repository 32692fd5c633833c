//! What an outsider finds: public bytes, without credentials, from the beginning.

use forge::{ForgeError, Sink, Told};
use model::base::id::Hasher;
use model::evidence::attestation::{
    AttestationPolicy, BundleVerdicts, ExpectedSigner, FulcioClaim, ReleaseAttestationPolicy,
    SLSA_PROVENANCE_V1,
};
use model::evidence::audit::{
    ArchiveError, ArchiveInspection, Asked, AssetDownload, AttestationRequirement, AuditEvidence,
    AuditReport, DownloadedContent, ReleaseExpectation, WorkflowRun,
};
use model::evidence::sums;
use model::evidence::verdict::Finding;
use model::release::host::{GitHubAttestation, GitHubRelease, RemoteTag};
use model::{Catalog, Digest, ObjectId, ReleaseTag, RepoSlug};
use provenance::{Artifact, BundleVerifier, TrustedRootSet};

use crate::context::{Work, World};
use crate::error::OpsError;
use crate::output::SUMS_FILE;
use crate::prove::regenerate::Regenerated;
use crate::prove::tag;
use crate::prove::trust_root::trusted;
use crate::prove::verify::{self, Source};

/// Who audits what.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// GitHub.
    pub world: World<'a>,
    /// The repository on GitHub.
    pub slug: &'a RepoSlug,
    /// Whether only this name of the repository counts, and not those of its other eras.
    pub only_named: bool,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// A clone; none where there is none.
    pub clone: Option<Work<'a>>,
    /// The time, in seconds since 1970 in UTC.
    pub now: i64,
}

/// What a release of a tag must be, as far as its name tells.
#[must_use]
pub fn promise(catalog: &Catalog, tag: &ReleaseTag, attested: AttestationRequirement) -> ReleaseExpectation {
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

/// Looks at a published release as anybody would, and says what that proves. What cannot be had is a finding and no
/// error.
///
/// # Errors
/// [`OpsError`] where the policy of signers, or the trusted root that was named, cannot be read.
pub fn audit(
    it: Audit<'_>,
    promise: &ReleaseExpectation,
    tell: &mut dyn FnMut(Told),
) -> Result<AuditReport, OpsError> {
    let outsider = it.world.outsider;
    let (tag, tag_names) = match outsider.await_tag(&promise.tag, tell) {
        Ok(tag) => (Ok(tag), None),
        Err(ForgeError::NoCommit { kind, .. }) => (Ok(None), Some(kind.escaped())),
        Err(error) => (Err(error.to_string()), None),
    };
    let release = outsider.await_published(&promise.tag, tell).map_err(|error| error.to_string());
    let look = Look { it, promise, there: tag.as_ref().ok().copied().flatten() };
    let mut found = AuditEvidence {
        local_tag_object: look.own()?,
        signature_findings: look.signature()?,
        tag,
        tag_target_type: tag_names,
        downloads: Vec::new(),
        archive: None,
        attestations: Vec::new(),
        on_default_branch: Ok(None),
        runs: Vec::new(),
        release_attestation: None,
        release,
    };
    let mut trusted_root = None;
    if let Ok(Some(release)) = found.release.clone() {
        look.download(&release, &mut found, tell);
        trusted_root = look.attested(&release, &mut found, tell)?;
    }
    if let Some(there) = look.there {
        found.on_default_branch = look.on_branch(&there.commit.to_string(), tell);
    }
    Ok(AuditReport { trusted_root, ..rules::audit(promise, &found) })
}

/// An audit under way: what was promised, and the tag as GitHub has it.
struct Look<'a> {
    it: Audit<'a>,
    promise: &'a ReleaseExpectation,
    there: Option<RemoteTag>,
}

impl Look<'_> {
    /// The object that this clone has under the tag.
    fn own(&self) -> Result<Option<ObjectId>, OpsError> {
        let Some(work) = self.it.clone else { return Ok(None) };
        Ok(work.repo.tag(&self.promise.tag)?.map(|(object, ..)| object))
    }

    /// What the tag's object proves, where this clone has the very object that GitHub has.
    fn signature(&self) -> Result<Option<Vec<Finding>>, OpsError> {
        let (Some(work), Some(there)) = (self.it.clone, self.there) else { return Ok(None) };
        if self.own()? != Some(there.object) || there.object == there.commit.object() {
            return Ok(None);
        }
        tag::verify_tag(work, &self.promise.tag, Some(there.commit)).map(Some)
    }

    /// Whether a commit is on the branch that releases are cut from, as GitHub says.
    fn on_branch(&self, commit: &str, tell: &mut dyn FnMut(Told)) -> Asked<bool> {
        let outsider = self.it.world.outsider;
        outsider.is_on_branch(commit, &self.promise.default_branch, tell).map_err(|error| error.to_string())
    }

    /// Whether a commit is in another, as GitHub says.
    fn contained(&self, commit: &str, tip: &str, tell: &mut dyn FnMut(Told)) -> Asked<bool> {
        self.it.world.outsider.contains(commit, tip, tell).map_err(|error| error.to_string())
    }

    /// The archive and the sums, as anybody gets them.
    fn download(&self, release: &GitHubRelease, found: &mut AuditEvidence, tell: &mut dyn FnMut(Told)) {
        for name in [self.promise.archive_name.as_str(), SUMS_FILE] {
            let Some(asset) = release.asset(name) else { continue };
            let is_archive = name == self.promise.archive_name;
            let tree = self.it.clone.zip(self.there).filter(|_| is_archive);
            let regenerated = tree.map(|(work, there)| {
                Regenerated::new(work.repo, self.promise.top_directory.clone(), there.commit)
            });
            let mut taken = Taken { is_archive, regenerated, ..Taken::default() };
            // A piece more than GitHub says it is makes it too long: it is not read to its end.
            let came =
                self.it.world.outsider.download(asset.download_url.raw(), asset.size, &mut taken, tell);
            let came = came.map_err(|error| error.to_string());
            if is_archive && came.is_ok() {
                found.archive = Some(taken.held());
            }
            let came = came.map(|size| DownloadedContent {
                size,
                digest: taken.hasher.finish(),
                prefix: taken.head,
            });
            found.downloads.push(AssetDownload { name: name.to_owned(), content: came });
        }
    }

    /// What the attestations of what was downloaded prove.
    fn attested(
        &self,
        release: &GitHubRelease,
        found: &mut AuditEvidence,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Option<String>, OpsError> {
        let mut roots = None;
        for download in found.downloads.clone() {
            let Ok(received) = download.content else { continue };
            let listed = verify::listed(self.it.world, received.digest, tell);
            let expected = self.expected(&download.name);
            let judged = self.judged(listed, received.digest, &expected, &mut roots)?;
            if let Some((commit, time)) = judged.as_ref().ok().and_then(run) {
                self.add_run(&mut found.runs, commit, time, tell);
            }
            found.attestations.push((download.name, judged));
        }
        let first =
            found.downloads.first().and_then(|it| Some((it.name.clone(), it.content.as_ref().ok()?.digest)));
        if let (true, Some(there), Some((name, digest))) = (release.immutable, self.there, first) {
            let subject = format!("sha1:{}", there.object);
            let listed = self.it.world.outsider.attestations(&subject, Some("release"), tell);
            let listed = listed.map(|all| all.into_iter().filter(|it| it.is_release_attestation).collect());
            let rule = ReleaseAttestationPolicy {
                repositories: self.names(),
                tag: self.promise.tag.clone(),
                object: there.object,
            };
            let (signer, name) = (ExpectedSigner::GitHubRelease(rule), Some(name));
            let expected = AttestationPolicy {
                signer,
                subject_name: name,
                predicate_types: Vec::new(),
                now: self.it.now,
            };
            found.release_attestation = Some(self.judged(listed, digest, &expected, &mut roots)?);
        }
        Ok(roots.map(|it| it.describe(self.it.now)))
    }

    /// The bundles with their verdicts. Trusted roots are looked for once, and only where there is a bundle.
    fn judged(
        &self,
        listed: Result<Vec<GitHubAttestation>, ForgeError>,
        digest: Digest,
        expected: &AttestationPolicy,
        roots: &mut Option<TrustedRootSet>,
    ) -> Result<Result<BundleVerdicts, String>, OpsError> {
        let listed = match listed {
            Ok(listed) if listed.is_empty() => {
                return Ok(Ok(BundleVerdicts { bundles: Vec::new(), proven: None }));
            }
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if roots.is_none() {
            *roots = match trusted(self.it.world.trusted) {
                Ok(roots) => Some(roots),
                Err(OpsError::Refresh(error)) => return Ok(Err(error.to_string())),
                Err(error) => return Err(error),
            };
        }
        let Some(roots) = roots else { return Ok(Err("there is no trusted root".to_owned())) };
        let checker = BundleVerifier::new(roots, None);
        let artifact = Artifact { sha256: digest, open: None };
        verify::judge(&checker, &artifact, expected, Source::Listed(listed)).map(Ok)
    }

    /// The names that the repository may be attested under.
    fn names(&self) -> Vec<String> {
        let rules = rules::accepted_repositories(self.it.catalog, self.it.slug, self.it.only_named);
        let path = |url: String| url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        rules.into_iter().map(|it| path(it.url)).collect()
    }

    /// What an attestation of a file of the release must be.
    fn expected(&self, name: &str) -> AttestationPolicy {
        let repositories = rules::accepted_repositories(self.it.catalog, self.it.slug, self.it.only_named);
        let signer =
            rules::release_workflow_policy(self.it.catalog, repositories, &self.promise.default_branch);
        let (name, predicate_types) = (Some(name.to_owned()), vec![SLSA_PROVENANCE_V1.to_owned()]);
        AttestationPolicy { signer, subject_name: name, predicate_types, now: self.it.now }
    }

    /// Adds a run, or its earlier time where it is known already.
    fn add_run(&self, runs: &mut Vec<WorkflowRun>, commit: String, time: i64, tell: &mut dyn FnMut(Told)) {
        if let Some(known) = runs.iter_mut().find(|it| it.commit == commit) {
            known.signed_at = known.signed_at.min(time);
            return;
        }
        let contains_tag = match self.there {
            Some(there) => self.contained(&there.commit.to_string(), &commit, tell),
            None => Ok(None),
        };
        let on_branch = self.on_branch(&commit, tell);
        runs.push(WorkflowRun { commit, signed_at: time, contains_tag, on_default_branch: on_branch });
    }
}

/// The commit and the time of the run that attested.
fn run(judged: &BundleVerdicts) -> Option<(String, i64)> {
    let (_, attested) = judged.proven.as_ref()?;
    let commit = attested.signer.as_ref()?.claims.get(FulcioClaim::SourceRepositoryDigest)?.to_owned();
    Some((commit, attested.timestamps.iter().min().copied()?))
}

/// The digest of what came, its beginning, and the archive that it is.
#[derive(Default)]
struct Taken {
    hasher: Hasher,
    head: Vec<u8>,
    is_archive: bool,
    regenerated: Option<Regenerated>,
    reader: Option<archive::ArchiveVerifier<'static>>,
    flaw: Option<ArchiveError>,
}

impl Taken {
    fn held(&mut self) -> Result<ArchiveInspection, ArchiveError> {
        match (self.flaw.take(), self.reader.take()) {
            (Some(flaw), _) => Err(flaw),
            (None, Some(reader)) => reader.finish(),
            (None, None) => Err(ArchiveError::Malformed("nothing came".to_owned())),
        }
    }
}

impl Sink for Taken {
    fn start(&mut self) {
        (self.hasher, self.head, self.flaw) = Default::default();
        let expected = self.regenerated.as_ref().map(Regenerated::start);
        self.reader = self.is_archive.then(|| archive::ArchiveVerifier::new(expected));
    }

    fn take(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        let room = (sums::MAX_SUMS_BYTES + 1).saturating_sub(self.head.len());
        if !self.is_archive {
            self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if let (Some(reader), None) = (&mut self.reader, &self.flaw)
            && let Err(flaw) = reader.push(piece)
        {
            self.flaw = Some(flaw);
        }
    }
}
