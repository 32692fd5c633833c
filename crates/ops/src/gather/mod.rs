//! Facts: what is there before anything is decided.

pub(crate) mod author_logins;
pub(crate) mod status;

use std::collections::BTreeSet;

use forge::Told;
use model::catalog::{Catalog, Target};
use model::release::changelog::{CommitHistory, RangeStart};
use model::release::facts::{
    CloneFacts, DefaultBranch, Facts, NotesRange, ObservedAt, TagKind, TagRef, VersionFile,
};
use model::release::host::{GitHubRelease, RemoteFacts, RemoteRefs};
use model::release::plan::CheckResult;
use model::release::request::{NotesStart, Request, TagSigning};
use model::{CommitId, ReleaseTag, RepoPath, Version};
use repo::{Repo, RepoError};
use signing::SigningKey;

use self::author_logins::Known;
use crate::context::{Work, World};
use crate::error::OpsError;
use crate::output;
use crate::output::SUMS_FILE;
use crate::prove::tag;
use crate::signers;
use crate::source_archive;

/// What was gathered for a release.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) facts: Facts,
    /// The key that would sign.
    pub(crate) key: Option<SigningKey>,
    /// Who made which commit, as GitHub said; none where it was not asked.
    pub(crate) known: Option<Known>,
}

/// Every fact that a release is decided on, and the key that would sign its tag. Reads the repository, the output folder
/// and the policy, and changes nothing. Nobody is asked over the network unless the release is to be published: what is
/// known of origin is what was fetched last.
///
/// # Errors
/// [`OpsError::Repo`] where something cannot be read, [`OpsError::NoSuchTag`] for a `--from-tag` that is not there.
pub(crate) fn gather(
    work: Work<'_>,
    target: &Target,
    request: &Request,
    tell: &mut dyn FnMut(Told),
) -> Result<Gathered, OpsError> {
    let repo = work.repo;
    let name = request.tag.name();
    let origin = work.world.map(|_| repo.spawn_ls_remote(&request.remote, &name, work.around.idle));
    let clone = asked_clone(repo);
    let commit = repo.resolve(&request.revision)?;
    let tags = repo.tags(target)?;
    let since = start(repo, request, &tags, commit)?;
    let mut history = match &since {
        Some(it) => repo.history(commit, start_commit(&it.start), &request.paths)?,
        None => CommitHistory::default(),
    };
    let unsigned = request.tag_signing == TagSigning::Unsigned;
    let has_signers = signers::has_signers(work);
    let tag_findings = match tags.iter().find(|it| it.name == name) {
        Some(it) if has_signers || !unsigned && it.kind == TagKind::Signed => {
            Some(tag::verify_tag(work, &name, Some(commit))?)
        }
        _ => None,
    };
    let mut clone = clone.finish(&request.remote, &request.default_branch, commit)?;
    let tagger = clone.tagger.as_deref().unwrap_or_default();
    let nothing_to_sign = unsigned || tag_findings.is_some();
    let signer =
        if nothing_to_sign { None } else { Some(signers::signer(work, &request.tag_signing, tagger)?) };
    let (signer, key) = signer.map_or((None, None), |(fact, key)| (Some(fact), key));
    let origin = origin.map(repo::PendingRemoteRefs::wait).transpose()?;
    let world = match (work.world, origin) {
        (Some(world), Some(origin)) => Some(look(work, world, request, (commit, origin), tell)?),
        _ => None,
    };
    let mut known = None;
    if let (Some(world), Some(facts)) = (work.world, &world) {
        clone.default_branch = branch_now(repo, world, request, (commit, &facts.refs), tell)?;
        known = Some(author_logins::name_authors(work, &request.slug.to_string(), &mut history, tell));
    }
    let facts = Facts {
        remote: world,
        commit,
        signing_key: signer,
        tag_findings,
        has_signer_policy: has_signers,
        unknown_paths: unknown_paths(repo, &request.extra_paths, commit, since.as_ref())?,
        version_file: version_source(repo, target, commit)?,
        existing_outputs: output::inspect(&request.output_path, &request.tag.archive_name()),
        clone,
        tags,
        notes_range: since,
        history,
    };
    Ok(Gathered { facts, key, known })
}

/// What the world has of the release.
fn look(
    work: Work<'_>,
    world: World<'_>,
    request: &Request,
    (commit, origin): (CommitId, RemoteRefs),
    tell: &mut dyn FnMut(Told),
) -> Result<RemoteFacts, OpsError> {
    let repository = world.own.forge()?.repository(tell)?;
    let immutable = world.own.forge()?.immutability(tell)?;
    let mut releases = world.own.forge()?.releases(&request.tag.name(), tell)?;
    for release in &mut releases {
        digests(world, release, &request.tag, tell)?;
    }
    let compare = releases.iter().any(|it| !it.draft || !it.assets.is_empty());
    let wanted = if compare { source_archive::assets(work.repo, &request.tag, commit)? } else { Vec::new() };
    let requests_left = world.own.forge()?.requests_left();
    Ok(RemoteFacts {
        refs: origin,
        repository,
        immutable_releases: immutable,
        releases,
        expected_assets: wanted,
        credential_source: world.own.credentials()?,
        in_actions: world.in_actions,
        rate_limit_remaining: requests_left,
    })
}

/// Fills in the digests of our own assets where GitHub gives none.
pub(crate) fn digests(
    world: World<'_>,
    release: &mut GitHubRelease,
    tag: &ReleaseTag,
    tell: &mut dyn FnMut(Told),
) -> Result<(), OpsError> {
    let own = [tag.archive_name(), SUMS_FILE.to_owned()];
    for asset in release.assets.iter_mut().filter(|it| own.iter().any(|name| it.name.is(name))) {
        *asset = world.own.forge()?.with_digest(asset.clone(), tell)?;
    }
    Ok(())
}

/// Where the commit stands on origin's default branch as it is now: by this clone's history, else, where the branch has
/// gone on since it was fetched, by GitHub's.
fn branch_now(
    repo: &Repo,
    world: World<'_>,
    request: &Request,
    (commit, origin): (CommitId, &RemoteRefs),
    tell: &mut dyn FnMut(Told),
) -> Result<DefaultBranch, OpsError> {
    let unknown = || DefaultBranch::Unknown { reference: format!("{}/HEAD", request.remote) };
    let Some((branch, tip)) = &origin.default_branch else { return Ok(unknown()) };
    let (contains, behind) = if repo.has_commit(*tip) {
        (repo.is_ancestor(commit, *tip)?, Some(repo.commits_behind(commit, *tip)?))
    } else {
        match world.own.forge()?.ahead(&commit.to_string(), &tip.to_string(), tell)? {
            None => return Ok(unknown()),
            Some(ahead) => (ahead.is_some(), ahead),
        }
    };
    let name = format!("{}/{branch}", request.remote);
    let behind = behind.filter(|_| contains);
    Ok(DefaultBranch::Known {
        name,
        tip: *tip,
        contains_commit: contains,
        behind,
        observed_at: ObservedAt::Now,
    })
}

/// The checks of a clone, whatever is released from it.
///
/// # Errors
/// [`OpsError::Repo`] where something cannot be read.
pub fn clone_checks(
    repo: &Repo,
    remote: &str,
    catalog: &Catalog,
    commit: CommitId,
) -> Result<Vec<CheckResult>, OpsError> {
    let clone = asked_clone(repo).finish(remote, &catalog.default_branch, commit)?;
    Ok(rules::clone_checks(remote, commit, &clone, &BTreeSet::new()))
}

/// The questions about a clone that take a while, asked at once.
struct Asked<'r> {
    repo: &'r Repo,
    changes: repo::PendingStatus,
    identity: repo::PendingTagger,
}

fn asked_clone(repo: &Repo) -> Asked<'_> {
    Asked { repo, changes: repo.spawn_status(), identity: repo.spawn_tagger() }
}

impl Asked<'_> {
    fn finish(self, remote: &str, branch: &str, commit: CommitId) -> Result<CloneFacts, RepoError> {
        let default_branch: DefaultBranch = self.repo.default_branch(remote, branch, commit)?;
        let tagger = match self.identity.wait() {
            Ok(identity) => Some(identity.name_and_email().to_owned()),
            Err(RepoError::NoIdentity { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(CloneFacts {
            default_branch,
            tagger,
            shallow: self.repo.is_shallow(),
            last_fetched: self.repo.last_fetched(),
            attribute_files: self.repo.attribute_files().iter().map(|it| it.display().to_string()).collect(),
            changed_files: self.changes.wait()?,
        })
    }
}

fn start(
    repo: &Repo,
    request: &Request,
    tags: &[TagRef],
    commit: CommitId,
) -> Result<Option<NotesRange>, OpsError> {
    if let NotesStart::Tag(name) = &request.notes_start {
        let Some((_, Some(at), _)) = repo.tag(name)? else { return Err(OpsError::NoSuchTag(name.clone())) };
        let is_ancestor = repo.is_ancestor(at, commit)?;
        return Ok(Some(NotesRange {
            start: RangeStart::Tag { name: name.clone(), commit: at },
            is_ancestor,
        }));
    }
    if let Some(since) = previous(repo, request.tag.version(), tags, commit)? {
        return Ok(Some(NotesRange { start: since, is_ancestor: true }));
    }
    let beginning = NotesRange { start: RangeStart::Root, is_ancestor: true };
    Ok((request.notes_start == NotesStart::PreviousOrRoot).then_some(beginning))
}

/// The first candidate of the rules that is an ancestor.
fn previous(
    repo: &Repo,
    version: &Version,
    tags: &[TagRef],
    commit: CommitId,
) -> Result<Option<RangeStart>, RepoError> {
    for tag in rules::previous_candidates(version, tags) {
        let Some(at) = tag.commit else { continue };
        if repo.is_ancestor(at, commit)? {
            return Ok(Some(RangeStart::Tag { name: tag.name.clone(), commit: at }));
        }
    }
    Ok(None)
}

pub(crate) fn start_commit(since: &RangeStart) -> Option<CommitId> {
    match since {
        RangeStart::Tag { commit, .. } => Some(*commit),
        RangeStart::Root => None,
    }
}

/// The paths that name nothing, neither now nor where the range starts: a folder that was removed has a history.
fn unknown_paths(
    repo: &Repo,
    paths: &[RepoPath],
    commit: CommitId,
    since: Option<&NotesRange>,
) -> Result<Vec<RepoPath>, RepoError> {
    let absent = repo.missing_paths(commit, paths)?;
    match since.and_then(|it| start_commit(&it.start)) {
        Some(start) if !absent.is_empty() => repo.missing_paths(start, &absent),
        _ => Ok(absent),
    }
}

fn version_source(repo: &Repo, target: &Target, commit: CommitId) -> Result<Option<VersionFile>, RepoError> {
    let Some(source) = &target.version_source else { return Ok(None) };
    Ok(Some(VersionFile { file: source.file.clone(), bytes: repo.file(commit, &source.file)? }))
}
