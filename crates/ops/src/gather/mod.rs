//! Gathers the facts that a release is planned from.

pub(crate) mod author_logins;
pub(crate) mod status;

use std::collections::BTreeSet;

use model::base::http::HttpEvent;
use model::catalog::{Catalog, Target};
use model::evidence::verdict::Finding;
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
use crate::package_folder::package_listings;
use crate::prove::tag;
use crate::signers;
use crate::source_archive;

/// The gathered facts, and what `apply` needs besides them.
#[derive(Debug)]
pub(crate) struct GatheredFacts {
    pub(crate) facts: Facts,
    /// The key that will sign the tag. `None` if the tag is not to be signed, or no key is usable.
    pub(crate) key: Option<SigningKey>,
    /// The author logins that GitHub reported. `None` without clients of GitHub.
    pub(crate) login_cache: Option<LoginCache>,
}

/// Gathers every fact that a release is planned from, and the key that will sign its tag. Reads the repository, the
/// output folder and the signer policy, and changes nothing. The network is used only if the release is to be
/// published; else the remote's refs are those of the last fetch.
///
/// # Errors
/// [`OpsError::Repo`] if the repository cannot be read, and [`OpsError::StartTagNotFound`] if the tag of `--from-tag`
/// does not exist.
pub(crate) fn gather(
    context: OpsContext<'_>,
    target: &Target,
    request: &Request,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<GatheredFacts, OpsError> {
    let repo = context.repo();
    let name = request.tag.name();
    let pending_refs =
        context.clients.map(|_| repo.spawn_ls_remote(&request.remote, &name, context.env.idle_timeout));
    let clone_queries = spawn_clone_queries(repo);
    let commit = repo.resolve(&request.revision)?;
    let tags = repo.tags(target)?;
    let notes_range = notes_range(repo, request, &tags, commit)?;
    let mut history = match &notes_range {
        Some(range) => repo.history(commit, range_start_commit(&range.start), &request.paths)?,
        None => CommitHistory::default(),
    };
    let tag_findings = tag_findings(context, request, &tags, commit)?;
    let mut clone = clone_queries.wait(&request.remote, &request.default_branch, commit)?;
    let (signing_key, key) = if tag_findings.is_some() || request.tag_signing == TagSigning::Unsigned {
        (None, None)
    } else {
        let tagger = clone.tagger.as_deref().unwrap_or_default();
        let (status, key) = signers::signing_key_status(context, &request.tag_signing, tagger)?;
        (Some(status), key)
    };
    let refs = pending_refs.map(repo::PendingRemoteRefs::wait).transpose()?;
    let (mut remote, mut login_cache) = (None, None);
    if let (Some(clients), Some(refs)) = (context.clients, refs) {
        let queries = RemoteQueries { context, clients, request, commit };
        let facts = queries.facts(refs, on_event)?;
        clone.default_branch = queries.default_branch(&facts.refs, on_event)?;
        let slug = request.slug.to_string();
        login_cache = Some(author_logins::resolve_logins(context, &slug, &mut history, on_event));
        remote = Some(facts);
    }
    let facts = Facts {
        remote,
        commit,
        signing_key,
        tag_findings,
        has_signer_policy: signers::has_signers(context),
        unknown_paths: unknown_paths(repo, &request.extra_paths, commit, notes_range.as_ref())?,
        version_file: read_version_file(repo, target, commit)?,
        package_listings: package_listings(repo, target, commit)?,
        existing_outputs: output::inspect(&request.output_path, &request.tag.archive_name()),
        clone,
        tags,
        notes_range,
        history,
    };
    Ok(GatheredFacts { facts, key, login_cache })
}

/// Verifies the tag of the release, if it exists and there is something to compare its signature with. An unsigned
/// release without a signer policy has nothing.
fn tag_findings(
    context: OpsContext<'_>,
    request: &Request,
    tags: &[TagRef],
    commit: CommitId,
) -> Result<Option<Vec<Finding>>, OpsError> {
    let name = request.tag.name();
    let Some(tag) = tags.iter().find(|it| it.name == name) else { return Ok(None) };
    let is_signed = tag.kind == TagKind::Signed && request.tag_signing != TagSigning::Unsigned;
    if !is_signed && !signers::has_signers(context) {
        return Ok(None);
    }
    tag::verify_tag(context, &name, Some(commit)).map(Some)
}

/// The queries of GitHub for one release.
struct RemoteQueries<'a> {
    context: OpsContext<'a>,
    clients: ForgeClients<'a>,
    request: &'a Request,
    /// The commit to release.
    commit: CommitId,
}

impl RemoteQueries<'_> {
    /// Fetches the state of the release on GitHub. The assets are regenerated for comparison only if GitHub has some.
    fn facts(&self, refs: RemoteRefs, on_event: &mut dyn FnMut(HttpEvent)) -> Result<RemoteFacts, OpsError> {
        let repository = self.clients.authenticated.forge()?.repository(on_event)?;
        let immutable = self.clients.authenticated.forge()?.immutable_releases_enabled(on_event)?;
        let mut releases =
            self.clients.authenticated.forge()?.releases(&self.request.tag.name(), on_event)?;
        for release in &mut releases {
            fill_missing_digests(self.clients, release, &self.request.tag, on_event)?;
        }
        let compare = releases.iter().any(|it| !it.draft || !it.assets.is_empty());
        let expected_assets = if compare {
            source_archive::expected_assets(self.context.repo(), &self.request.tag, self.commit)?
        } else {
            Vec::new()
        };
        let requests_left = self.clients.authenticated.forge()?.rate_limit_remaining();
        Ok(RemoteFacts {
            refs,
            repository,
            immutable_releases: immutable,
            releases,
            expected_assets,
            credential_source: self.clients.authenticated.credentials()?,
            in_actions: self.clients.in_actions,
            rate_limit_remaining: requests_left,
        })
    }

    /// Returns whether the commit is on the remote's current default branch, and how far behind it is. If the clone
    /// lacks the tip of the branch, because it was not fetched yet, GitHub compares the commits.
    fn default_branch(
        &self,
        refs: &RemoteRefs,
        on_event: &mut dyn FnMut(HttpEvent),
    ) -> Result<DefaultBranch, OpsError> {
        let repo = self.context.repo();
        let unknown = || DefaultBranch::Unknown { reference: format!("{}/HEAD", self.request.remote) };
        let Some((branch, tip)) = &refs.default_branch else { return Ok(unknown()) };
        let (contains, behind) = if repo.has_commit(*tip) {
            (repo.is_ancestor(self.commit, *tip)?, Some(repo.commits_behind(self.commit, *tip)?))
        } else {
            match self.clients.authenticated.forge()?.commits_ahead(
                &self.commit.to_string(),
                &tip.to_string(),
                on_event,
            )? {
                None => return Ok(unknown()),
                Some(ahead) => (ahead.is_some(), ahead),
            }
        };
        let name = format!("{}/{branch}", self.request.remote);
        let behind = behind.filter(|_| contains);
        Ok(DefaultBranch::Known {
            name,
            tip: *tip,
            contains_commit: contains,
            behind,
            observed_at: ObservedAt::Now,
        })
    }
}

/// Adds the digests of the suite's assets that GitHub does not report, by downloading these assets.
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

/// Runs the pre-flight checks of a clone that do not depend on the release.
///
/// # Errors
/// [`OpsError::Repo`] if the repository cannot be read.
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

/// The slow queries of a clone, as git processes that run at the same time.
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
    if let Some(start) = previous_tag(repo, request.tag.version(), tags, commit)? {
        return Ok(Some(NotesRange { start, is_ancestor: true }));
    }
    let root = NotesRange { start: RangeStart::Root, is_ancestor: true };
    Ok((request.notes_start == NotesStart::PreviousOrRoot).then_some(root))
}

/// Returns the first candidate for the previous release that is an ancestor of the commit.
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

pub(crate) fn range_start_commit(start: &RangeStart) -> Option<CommitId> {
    match start {
        RangeStart::Tag { commit, .. } => Some(*commit),
        RangeStart::Root => None,
    }
}

/// Returns the paths that exist neither in the commit nor at the start of the range. A folder that was removed in
/// between is valid, because it has commits in the range.
fn unknown_paths(
    repo: &Repo,
    paths: &[RepoPath],
    commit: CommitId,
    notes_range: Option<&NotesRange>,
) -> Result<Vec<RepoPath>, RepoError> {
    let absent = repo.missing_paths(commit, paths)?;
    match notes_range.and_then(|it| range_start_commit(&it.start)) {
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
