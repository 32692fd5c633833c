//! Facts: what is there before anything is decided.

pub(crate) mod author_logins;
pub(crate) mod status;

use std::collections::BTreeSet;

use model::base::http::HttpEvent;
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

use self::author_logins::LoginCache;
use crate::context::{ForgeClients, OpsContext};
use crate::error::OpsError;
use crate::local_repository::LocalRepository;
use crate::output;
use crate::output::SUMS_FILE;
use crate::prove::tag;
use crate::signers;
use crate::source_archive;

/// What was gathered for a release.
#[derive(Debug)]
pub(crate) struct GatheredFacts {
    pub(crate) facts: Facts,
    /// The key that would sign.
    pub(crate) key: Option<SigningKey>,
    /// Who made which commit, as GitHub said; none where it was not asked.
    pub(crate) login_cache: Option<LoginCache>,
}

/// Every fact that a release is decided on, and the key that would sign its tag. Reads the repository, the output folder
/// and the policy, and changes nothing. Nobody is asked over the network unless the release is to be published: what is
/// known of origin is what was fetched last.
///
/// # Errors
/// [`OpsError::Repo`] where something cannot be read, [`OpsError::NoSuchTag`] for a `--from-tag` that is not there.
pub(crate) fn gather(
    context: OpsContext<'_>,
    target: &Target,
    request: &Request,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<GatheredFacts, OpsError> {
    let repo = context.repo();
    let name = request.tag.name();
    let origin =
        context.clients.map(|_| repo.spawn_ls_remote(&request.remote, &name, context.env.idle_timeout));
    let clone = spawn_clone_queries(repo);
    let commit = repo.resolve(&request.revision)?;
    let tags = repo.tags(target)?;
    let since = notes_range(repo, request, &tags, commit)?;
    let mut history = match &since {
        Some(range) => repo.history(commit, range_start_commit(&range.start), &request.paths)?,
        None => CommitHistory::default(),
    };
    let unsigned = request.tag_signing == TagSigning::Unsigned;
    let has_signers = signers::has_signers(context);
    let tag_findings = match tags.iter().find(|it| it.name == name) {
        Some(range) if has_signers || !unsigned && range.kind == TagKind::Signed => {
            Some(tag::verify_tag(context, &name, Some(commit))?)
        }
        _ => None,
    };
    let mut clone = clone.wait(&request.remote, &request.default_branch, commit)?;
    let tagger = clone.tagger.as_deref().unwrap_or_default();
    let nothing_to_sign = unsigned || tag_findings.is_some();
    let signer = if nothing_to_sign {
        None
    } else {
        Some(signers::signing_key_status(context, &request.tag_signing, tagger)?)
    };
    let (signer, key) = signer.map_or((None, None), |(fact, key)| (Some(fact), key));
    let origin = origin.map(repo::PendingRemoteRefs::wait).transpose()?;
    let clients = match (context.clients, origin) {
        (Some(clients), Some(origin)) => {
            Some(remote_facts(context, clients, request, (commit, origin), on_event)?)
        }
        _ => None,
    };
    let mut login_cache = None;
    if let (Some(clients), Some(facts)) = (context.clients, &clients) {
        clone.default_branch = live_default_branch(repo, clients, request, (commit, &facts.refs), on_event)?;
        login_cache =
            Some(author_logins::resolve_logins(context, &request.slug.to_string(), &mut history, on_event));
    }
    let facts = Facts {
        remote: clients,
        commit,
        signing_key: signer,
        tag_findings,
        has_signer_policy: has_signers,
        unknown_paths: unknown_paths(repo, &request.extra_paths, commit, since.as_ref())?,
        version_file: read_version_file(repo, target, commit)?,
        existing_outputs: output::inspect(&request.output_path, &request.tag.archive_name()),
        clone,
        tags,
        notes_range: since,
        history,
    };
    Ok(GatheredFacts { facts, key, login_cache })
}

/// What the world has of the release.
fn remote_facts(
    context: OpsContext<'_>,
    clients: ForgeClients<'_>,
    request: &Request,
    (commit, origin): (CommitId, RemoteRefs),
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<RemoteFacts, OpsError> {
    let repository = clients.authenticated.forge()?.repository(on_event)?;
    let immutable = clients.authenticated.forge()?.immutable_releases_enabled(on_event)?;
    let mut releases = clients.authenticated.forge()?.releases(&request.tag.name(), on_event)?;
    for release in &mut releases {
        fill_missing_digests(clients, release, &request.tag, on_event)?;
    }
    let compare = releases.iter().any(|it| !it.draft || !it.assets.is_empty());
    let wanted = if compare {
        source_archive::expected_assets(context.repo(), &request.tag, commit)?
    } else {
        Vec::new()
    };
    let requests_left = clients.authenticated.forge()?.rate_limit_remaining();
    Ok(RemoteFacts {
        refs: origin,
        repository,
        immutable_releases: immutable,
        releases,
        expected_assets: wanted,
        credential_source: clients.authenticated.credentials()?,
        in_actions: clients.in_actions,
        rate_limit_remaining: requests_left,
    })
}

/// Fills in the digests of our own assets where GitHub gives none.
pub(crate) fn fill_missing_digests(
    clients: ForgeClients<'_>,
    release: &mut GitHubRelease,
    tag: &ReleaseTag,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<(), OpsError> {
    let asset_names = [tag.archive_name(), SUMS_FILE.to_owned()];
    for asset in release.assets.iter_mut().filter(|it| asset_names.iter().any(|name| it.name.is(name))) {
        *asset = clients.authenticated.forge()?.with_digest(asset.clone(), on_event)?;
    }
    Ok(())
}

/// Where the commit stands on origin's default branch as it is now: by this clone's history, else, where the branch has
/// gone on since it was fetched, by GitHub's.
fn live_default_branch(
    repo: &Repo,
    clients: ForgeClients<'_>,
    request: &Request,
    (commit, origin): (CommitId, &RemoteRefs),
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<DefaultBranch, OpsError> {
    let unknown = || DefaultBranch::Unknown { reference: format!("{}/HEAD", request.remote) };
    let Some((branch, tip)) = &origin.default_branch else { return Ok(unknown()) };
    let (contains, behind) = if repo.has_commit(*tip) {
        (repo.is_ancestor(commit, *tip)?, Some(repo.commits_behind(commit, *tip)?))
    } else {
        match clients.authenticated.forge()?.commits_ahead(&commit.to_string(), &tip.to_string(), on_event)? {
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
    repository: &LocalRepository,
    remote: &str,
    catalog: &Catalog,
    commit: CommitId,
) -> Result<Vec<CheckResult>, OpsError> {
    let repo = repository.repo();
    let clone_facts = spawn_clone_queries(repo).wait(remote, &catalog.default_branch, commit)?;
    Ok(rules::clone_checks(remote, commit, &clone_facts, &BTreeSet::new()))
}

/// The questions about a clone that take a while, asked at once.
struct CloneQueries<'r> {
    repo: &'r Repo,
    pending_status: repo::PendingStatus,
    pending_tagger: repo::PendingTagger,
}

fn spawn_clone_queries(repo: &Repo) -> CloneQueries<'_> {
    CloneQueries { repo, pending_status: repo.spawn_status(), pending_tagger: repo.spawn_tagger() }
}

impl CloneQueries<'_> {
    fn wait(self, remote: &str, branch: &str, commit: CommitId) -> Result<CloneFacts, RepoError> {
        let default_branch: DefaultBranch = self.repo.default_branch(remote, branch, commit)?;
        let tagger = match self.pending_tagger.wait() {
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
            changed_files: self.pending_status.wait()?,
        })
    }
}

fn notes_range(
    repo: &Repo,
    request: &Request,
    tags: &[TagRef],
    commit: CommitId,
) -> Result<Option<NotesRange>, OpsError> {
    if let NotesStart::Tag(name) = &request.notes_start {
        let Some((_, Some(tag_commit), _)) = repo.tag(name)? else {
            return Err(OpsError::StartTagNotFound(name.clone()));
        };
        let is_ancestor = repo.is_ancestor(tag_commit, commit)?;
        return Ok(Some(NotesRange {
            start: RangeStart::Tag { name: name.clone(), commit: tag_commit },
            is_ancestor,
        }));
    }
    if let Some(since) = previous_tag(repo, request.tag.version(), tags, commit)? {
        return Ok(Some(NotesRange { start: since, is_ancestor: true }));
    }
    let root = NotesRange { start: RangeStart::Root, is_ancestor: true };
    Ok((request.notes_start == NotesStart::PreviousOrRoot).then_some(root))
}

/// The first candidate of the rules that is an ancestor.
fn previous_tag(
    repo: &Repo,
    version: &Version,
    tags: &[TagRef],
    commit: CommitId,
) -> Result<Option<RangeStart>, RepoError> {
    for tag in rules::previous_candidates(version, tags) {
        let Some(tag_commit) = tag.commit else { continue };
        if repo.is_ancestor(tag_commit, commit)? {
            return Ok(Some(RangeStart::Tag { name: tag.name.clone(), commit: tag_commit }));
        }
    }
    Ok(None)
}

pub(crate) fn range_start_commit(since: &RangeStart) -> Option<CommitId> {
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
    match since.and_then(|it| range_start_commit(&it.start)) {
        Some(start) if !absent.is_empty() => repo.missing_paths(start, &absent),
        _ => Ok(absent),
    }
}

fn read_version_file(
    repo: &Repo,
    target: &Target,
    commit: CommitId,
) -> Result<Option<VersionFile>, RepoError> {
    let Some(source) = &target.version_source else { return Ok(None) };
    Ok(Some(VersionFile { file: source.file.clone(), bytes: repo.file(commit, &source.file)? }))
}
