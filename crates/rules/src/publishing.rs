//! The pre-flight checks of the remote and of GitHub, and the last check before a draft is published.

use model::Version;
use model::catalog::Target;
use model::evidence::reason::Reason;
use model::evidence::sums;
use model::release::facts::Facts;
use model::release::host::{
    CredentialSource, ExpectedAsset, GitHubRelease, ReleaseText, RemoteFacts, TokenRights,
};
use model::release::plan::CheckResult;
use model::release::preflight_check::PreflightCheck;
use model::release::request::{MakeLatest, PublishOptions, Request};

use crate::check_observation::{CheckObservation, check_result, fail, pass, warn};
use crate::releases::{self, ReleaseSelection};

/// Returns the results of the checks that only apply to a release that is to be published.
pub(crate) fn publishing_checks(
    request: &Request,
    publication: PublishOptions,
    facts: &Facts,
    remote_facts: &RemoteFacts,
    release_text: &ReleaseText<'_>,
) -> Vec<CheckResult> {
    let allow = &request.allowed_checks;
    vec![
        check_result(PreflightCheck::Origin, origin(request, facts, remote_facts), allow),
        check_result(PreflightCheck::Credentials, credentials(request, remote_facts), allow),
        check_result(
            PreflightCheck::Release,
            release(request, publication, remote_facts, release_text),
            allow,
        ),
    ]
}

/// Checks the tag on the remote: it must be absent, or the same object as in the clone. Another object is never
/// replaced.
fn origin(request: &Request, facts: &Facts, remote_facts: &RemoteFacts) -> CheckObservation {
    let (tag, remote) = (request.tag.name(), request.remote.clone());
    if let Some(other) = &remote_facts.refs.divergent_push_url {
        let evidence =
            format!("git push {remote} writes to {other}, which is not the repository it fetches from");
        return fail(Reason::PushUrlDiffers { remote }, evidence);
    }
    let missing = unfetched_tags(request, facts, remote_facts);
    if !missing.is_empty() {
        let evidence = format!("{remote} has release tags that this clone lacks: {}", missing.join(", "));
        return fail(Reason::TagsNotFetched { remote }, evidence);
    }
    let Some(remote_tag) = remote_facts.refs.tag else {
        return pass(format!("{tag} does not exist on {remote}"));
    };
    let commit = facts.commit.short();
    if remote_tag.commit != facts.commit {
        let found = remote_tag.commit.short();
        let evidence = format!("{tag} on {remote} is at {found} and not at {commit}: a tag is never moved");
        return fail(Reason::RemoteTagAtOtherCommit { remote, tag }, evidence);
    }
    match facts.tags.iter().find(|it| it.name == tag) {
        Some(local_tag) if local_tag.object == remote_tag.object => {
            pass(format!("{tag} is on {remote}, the same object"))
        }
        Some(local_tag) => {
            let (theirs, ours) = (remote_tag.object, local_tag.object);
            let evidence = format!(
                "{tag} is object {theirs} on {remote} and {ours} in this clone: a tag is never replaced"
            );
            fail(Reason::TagObjectDiffers { remote, tag }, evidence)
        }
        None => {
            let evidence = format!("{tag} is on {remote}, at {commit}, and not in this clone");
            fail(Reason::TagOnlyOnRemote { remote, tag }, evidence)
        }
    }
}

/// Returns the release tags of the target that the remote has and this clone lacks, except for the one to release. If
/// one is missing, the notes start too early, and a version could be released twice.
fn unfetched_tags<'w>(request: &Request, facts: &Facts, remote_facts: &'w RemoteFacts) -> Vec<&'w str> {
    let target = request.tag.target();
    let scheme = request.tag.version().scheme();
    let is_release = |name: &str| {
        let label = name.strip_prefix(target).and_then(|it| it.strip_prefix('/'));
        label.is_some_and(|it| Version::parse(scheme, it.strip_prefix('v').unwrap_or(it)).is_ok())
    };
    let released = request.tag.name();
    let known = |name: &str| facts.tags.iter().any(|it| it.name == name);
    let names = remote_facts.refs.tags.iter().map(String::as_str);
    names.filter(|it| *it != released && is_release(it) && !known(it)).collect()
}

/// Checks that the token may publish, as far as GitHub reports it.
fn credentials(request: &Request, remote_facts: &RemoteFacts) -> CheckObservation {
    let repository = &remote_facts.repository;
    let full_name = repository.full_name.escaped();
    let (source, is_user) = match remote_facts.credential_source {
        CredentialSource::None => {
            return fail(Reason::NoToken, format!("no token for {} was found", request.slug.host()));
        }
        CredentialSource::User(source) => (source, true),
        CredentialSource::AppInstallation(source) => (source, false),
    };
    if repository.archived {
        return fail(Reason::Archived, format!("{full_name} is archived: it is read-only"));
    }
    if !repository.full_name.raw().eq_ignore_ascii_case(&request.slug.full_name()) {
        let evidence = format!("{} was renamed to {full_name}", request.slug.full_name());
        return fail(Reason::Renamed { name: full_name }, evidence);
    }
    if is_user && !repository.can_push {
        return fail(Reason::CannotPush, format!("the token from {source} may not push to {full_name}"));
    }
    if is_user && repository.token_rights == TokenRights::ReadOnly {
        return fail(Reason::CannotPush, format!("the token from {source} has no scope that allows writing"));
    }
    let is_known = is_user && repository.token_rights == TokenRights::Write;
    let rate_limit = match remote_facts.rate_limit_remaining {
        None => String::new(),
        Some(1) => "; 1 request is left in this hour".to_owned(),
        Some(count) => format!("; {count} requests are left in this hour"),
    };
    let evidence = if is_known {
        format!("the token from {source} may push to {full_name}{rate_limit}")
    } else {
        format!("GitHub does not report what the token from {source} may do in {full_name}{rate_limit}")
    };
    if remote_facts.in_actions {
        let evidence =
            format!("{evidence}; a push with the token of a workflow run starts no other workflow");
        return warn(Reason::TriggersNoWorkflow, evidence);
    }
    if is_known { pass(evidence) } else { warn(Reason::PermissionsUnknown, evidence) }
}

/// Checks the releases of the tag on GitHub: none, one draft to continue, or one that is published and complete.
fn release(
    request: &Request,
    publication: PublishOptions,
    remote_facts: &RemoteFacts,
    release_text: &ReleaseText<'_>,
) -> CheckObservation {
    let version = request.tag.version();
    if version.is_prerelease() && publication.make_latest == MakeLatest::True {
        return fail(
            Reason::PrereleaseLatest,
            format!("{version} is a pre-release, which cannot be the latest"),
        );
    }
    let selection =
        releases::select_release(&remote_facts.releases, &remote_facts.expected_assets, release_text);
    if selection.is_ambiguous {
        let all: Vec<String> = remote_facts.releases.iter().map(describe_release).collect();
        let evidence = format!("{} has {} releases: {}", request.tag, all.len(), all.join(", "));
        return fail(Reason::MultipleReleases { commands: deletion_commands(request, &selection) }, evidence);
    }
    let Some(release) = selection.chosen else {
        let note = immutability_note(remote_facts);
        return pass(format!("GitHub has no release of {} yet{note}", request.tag));
    };
    match selected_release(request, release, remote_facts) {
        CheckObservation::Pass(evidence) if !selection.others.is_empty() => {
            let others: Vec<String> = selection.others.iter().map(|it| describe_release(it)).collect();
            let evidence = format!("{evidence}; GitHub also has {}", others.join(", "));
            warn(Reason::OtherDrafts { commands: deletion_commands(request, &selection) }, evidence)
        }
        observation => observation,
    }
}

/// Returns the `gh` commands that delete the releases that the run does not continue. The run itself deletes none of
/// them.
fn deletion_commands(request: &Request, selection: &ReleaseSelection<'_>) -> String {
    let slug = &request.slug;
    let host =
        if slug.host() == "github.com" { String::new() } else { format!("--hostname {} ", slug.host()) };
    let command =
        |it: &&GitHubRelease| format!("gh api {host}-X DELETE repos/{}/releases/{}", slug.full_name(), it.id);
    selection.others.iter().map(command).collect::<Vec<_>>().join("; ")
}

/// Checks the release that the run continues: a draft without unplanned assets, or a published and complete release.
fn selected_release(
    request: &Request,
    release: &GitHubRelease,
    remote_facts: &RemoteFacts,
) -> CheckObservation {
    let name = describe_release(release);
    if release.draft {
        let unplanned = unplanned_assets(release, &planned_assets(request));
        if !unplanned.is_empty() {
            let evidence =
                format!("{name} has assets that this release does not make: {}", unplanned.join(", "));
            return fail(Reason::UnplannedAsset, evidence);
        }
        return pass(format!("{name} exists and will be filled{}", immutability_note(remote_facts)));
    }
    let others: Vec<String> = remote_facts
        .expected_assets
        .iter()
        .filter(|it| !release.asset(&it.name).is_some_and(|asset| it.matches(asset)))
        .map(|it| match release.asset(&it.name) {
            Some(asset) => format!("{} differs from this commit's (asset {})", it.name, asset.id),
            None => format!("{} is missing", it.name),
        })
        .collect();
    if others.is_empty() {
        return pass(format!("{name} is published and complete"));
    }
    let evidence =
        format!("{name} is published, and {}: a published release is never changed", others.join(", "));
    fail(Reason::PublishedDiffers, evidence)
}

/// The names of the assets of a release: the source archive and `SHA256SUMS`.
fn planned_assets(request: &Request) -> [String; 2] {
    [request.tag.archive_name(), sums::FILE_NAME.to_owned()]
}

/// Returns the assets of a draft that are not planned, as `name (id)`.
fn unplanned_assets(draft: &GitHubRelease, planned: &[String]) -> Vec<String> {
    let others = draft.assets.iter().filter(|it| !planned.iter().any(|name| it.name.is(name)));
    others.map(|it| format!("{} ({})", it.name.escaped(), it.id)).collect()
}

/// Returns a note that publishing is final, if releases are immutable (github.md F18). Otherwise it is empty.
fn immutability_note(remote_facts: &RemoteFacts) -> &'static str {
    if remote_facts.immutable_releases == Some(true) {
        "; once published, its assets and its tag are immutable"
    } else {
        ""
    }
}

/// Returns the kind, id and URL of a release, for evidence.
fn describe_release(release: &GitHubRelease) -> String {
    let kind = if release.draft { "draft" } else { "release" };
    format!("{kind} {} ({})", release.id, release.html_url.escaped())
}

/// Returns why a complete draft must not be published: it was changed since the plan, or other releases of its tag were
/// created. `others` are those releases. Returns `None` if nothing changed. This is the last check before publication,
/// because a published release is never changed.
#[must_use]
pub fn concurrent_change(
    draft: &GitHubRelease,
    others: &[&GitHubRelease],
    expected_assets: &[ExpectedAsset],
    release_text: &ReleaseText<'_>,
) -> Option<String> {
    let others: Vec<String> =
        others.iter().map(|it| format!("{} ({})", it.id, it.html_url.escaped())).collect();
    if !others.is_empty() {
        return Some(format!("the tag now has other releases besides {}: {}", draft.id, others.join(", ")));
    }
    if let Some(bad) =
        expected_assets.iter().find(|it| !draft.asset(&it.name).is_some_and(|asset| it.matches(asset)))
    {
        return Some(format!(
            "asset {} of draft {} is no longer the one that was uploaded",
            bad.name, draft.id
        ));
    }
    let names: Vec<String> = expected_assets.iter().map(|it| it.name.clone()).collect();
    let unplanned = unplanned_assets(draft, &names);
    if !unplanned.is_empty() {
        return Some(format!(
            "draft {} has assets that this release does not make: {}",
            draft.id,
            unplanned.join(", ")
        ));
    }
    (!release_text.matches(draft))
        .then(|| format!("the title, text or pre-release mark of draft {} was changed", draft.id))
}

/// Returns true if the release becomes GitHub's latest one: as given with `--latest`, or with `auto` if it is the
/// highest final version of the target that `release.toml` names as `latest`. Tags of the remote and of this clone are
/// compared.
#[must_use]
pub fn is_latest(
    make_latest: MakeLatest,
    latest_target: Option<&str>,
    target: &Target,
    request: &Request,
    facts: &Facts,
) -> bool {
    match make_latest {
        MakeLatest::True => true,
        MakeLatest::False => false,
        MakeLatest::Auto => {
            let version = request.tag.version();
            let remote_versions = facts.remote.iter().flat_map(|it| &it.refs.tags).filter_map(|name| {
                let label = name.strip_prefix(&target.id)?.strip_prefix('/')?;
                Version::parse(target.scheme, label.strip_prefix('v').unwrap_or(label)).ok()
            });
            let local_versions = facts.tags.iter().filter_map(|it| it.version.clone());
            let mut finals = local_versions.chain(remote_versions).filter(|it| !it.is_prerelease());
            latest_target == Some(target.id.as_str())
                && !version.is_prerelease()
                && finals.all(|it| it.cmp_precedence(version).is_le())
        }
    }
}
