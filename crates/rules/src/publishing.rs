//! What the world has, and whether that speaks against publishing.

use model::Version;
use model::catalog::Target;
use model::evidence::sums;
use model::release::facts::{Facts, PreflightCheck};
use model::release::host::{
    CredentialSource, ExpectedAsset, GitHubRelease, ReleaseText, RemoteFacts, TokenRights,
};
use model::release::plan::CheckResult;
use model::release::request::{MakeLatest, PublishOptions, Request};

use crate::preflight::{CheckObservation, check_result, fail};
use crate::releases::{self, ReleaseSelection};

/// The checks that only a release that is to be published has.
pub(crate) fn publishing_checks(
    request: &Request,
    publication: PublishOptions,
    facts: &Facts,
    (remote_facts, release_text): (&RemoteFacts, &ReleaseText<'_>),
) -> Vec<CheckResult> {
    let allow = &request.allowed_checks;
    vec![
        check_result(PreflightCheck::Origin, origin(request, facts, remote_facts), allow),
        check_result(PreflightCheck::Credentials, credentials(request, remote_facts), allow),
        check_result(
            PreflightCheck::Release,
            release(request, publication, (remote_facts, release_text)),
            allow,
        ),
    ]
}

/// The tag on origin: free, or the very object that this clone has.
fn origin(request: &Request, facts: &Facts, remote_facts: &RemoteFacts) -> CheckObservation {
    let (name, remote) = (request.tag.name(), &request.remote);
    if let Some(other) = &remote_facts.refs.divergent_push_url {
        return fail(
            "pushed-elsewhere",
            format!(
                "git push {remote} goes to {other}, which is another repository than the one that is asked"
            ),
            format!("git config --unset remote.{remote}.pushurl, or name another remote with --remote"),
        );
    }
    let missing = unfetched_tags(request, facts, remote_facts);
    if !missing.is_empty() {
        return fail(
            "tags-not-fetched",
            format!("{remote} has release tags that this clone lacks: {}", missing.join(", ")),
            format!("git fetch {remote} --tags"),
        );
    }
    let Some(remote_tag) = remote_facts.refs.tag else {
        return CheckObservation::Pass(format!("{name} is free on {remote}"));
    };
    if remote_tag.commit != facts.commit {
        return fail(
            "exists-elsewhere",
            format!(
                "{name} on {remote} is at {} and not at {}: a tag is never moved",
                remote_tag.commit.short(),
                facts.commit.short()
            ),
            format!(
                "git fetch {remote} tag {name}, and --commit {name} to go on with that release; or choose a new version"
            ),
        );
    }
    match facts.tags.iter().find(|it| it.name == name) {
        Some(local_tag) if local_tag.object == remote_tag.object => {
            CheckObservation::Pass(format!("{name} is on {remote}, the same object"))
        }
        Some(local_tag) => fail(
            "exists-otherwise",
            format!(
                "{name} on {remote} is object {}, and here {}: a tag is never replaced",
                remote_tag.object, local_tag.object
            ),
            format!("git tag -d {name} && git fetch {remote} tag {name}, if the one on {remote} is right"),
        ),
        None => fail(
            "exists-there-only",
            format!("{name} is on {remote}, at {}, and not in this clone", facts.commit.short()),
            format!("git fetch {remote} tag {name}"),
        ),
    }
}

/// The release tags of the target that the remote has and this clone lacks, but for the one that is released. With one of them
/// missing, the notes would start too early, and a version could be released twice.
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

fn credentials(request: &Request, remote_facts: &RemoteFacts) -> CheckObservation {
    let repository = &remote_facts.repository;
    let full_name = repository.full_name.escaped();
    let (source, known) = match remote_facts.credential_source {
        CredentialSource::None => {
            return fail(
                "no-token",
                format!("there is no token for {}", request.slug.host()),
                "gh auth login, or set GH_TOKEN; for another host than github.com see the README",
            );
        }
        CredentialSource::User(source) => (source, true),
        CredentialSource::AppInstallation(source) => (source, false),
    };
    if repository.archived {
        return fail("archived", format!("{full_name} is archived: nobody may change it"), "check -R");
    }
    if !repository.full_name.raw().eq_ignore_ascii_case(&request.slug.full_name()) {
        let evidence = format!("{} is called {full_name} now", request.slug.full_name());
        return fail("renamed", evidence, format!("-R {full_name}"));
    }
    if known && !repository.can_push {
        return fail(
            "cannot-push",
            format!("the token from {source} may not push to {full_name}"),
            "use a token with 'contents: write'",
        );
    }
    if known && repository.token_rights == TokenRights::ReadOnly {
        return fail(
            "cannot-push",
            format!("the token from {source} has no scope that lets it write to a repository"),
            "gh auth refresh -s repo, or use a token with 'contents: write'",
        );
    }
    let known = known && repository.token_rights == TokenRights::Write;
    let left = remote_facts
        .rate_limit_remaining
        .map_or(String::new(), |it| format!("; {it} requests are left in this hour"));
    let may =
        if known { "may push to" } else { "is of a kind of which GitHub does not tell what it may do in" };
    let evidence = format!("the token from {source} {may} {full_name}{left}");
    if remote_facts.in_actions {
        return CheckObservation::Warn {
            reason: "no-workflows",
            evidence: format!("{evidence}; a push with the token of a workflow run starts no workflow"),
            hint: "start the target's publishing workflow by hand, or let git push with another token"
                .to_owned(),
        };
    }
    if known {
        return CheckObservation::Pass(evidence);
    }
    CheckObservation::Warn {
        reason: "permissions-unknown",
        evidence,
        hint: "it needs 'contents: write'".to_owned(),
    }
}

/// The release on GitHub: none, one draft, or one that is published and complete.
fn release(
    request: &Request,
    publication: PublishOptions,
    (remote_facts, release_text): (&RemoteFacts, &ReleaseText<'_>),
) -> CheckObservation {
    if request.tag.version().is_prerelease() && publication.make_latest == MakeLatest::True {
        let evidence = format!("{} is no final version: GitHub gives it no badge", request.tag.version());
        return fail("badge", evidence, "leave out --latest");
    }
    let selection =
        releases::select_release(&remote_facts.releases, &remote_facts.expected_assets, release_text);
    if selection.is_ambiguous {
        let all: Vec<String> = remote_facts.releases.iter().map(describe_release).collect();
        let evidence = format!("{} has {} releases: {}", request.tag, all.len(), all.join(", "));
        let hint =
            format!("delete those that are not meant, by number: {}", deletion_commands(request, &selection));
        return fail("several", evidence, hint);
    }
    let Some(release) = selection.chosen else {
        return CheckObservation::Pass(format!(
            "there is no release of {} yet{}",
            request.tag,
            immutability_note(remote_facts)
        ));
    };
    match selected_release(request, release, remote_facts) {
        CheckObservation::Pass(evidence) if !selection.others.is_empty() => {
            let others: Vec<String> = selection.others.iter().map(|it| describe_release(it)).collect();
            CheckObservation::Warn {
                reason: "other-drafts",
                evidence: format!("{evidence}; beside it there are {}", others.join(", ")),
                hint: format!("if nobody needs them: {}", deletion_commands(request, &selection)),
            }
        }
        observation => observation,
    }
}

/// The commands that delete the releases that a run does not go on with.
fn deletion_commands(request: &Request, selection: &ReleaseSelection<'_>) -> String {
    let slug = &request.slug;
    let host =
        if slug.host() == "github.com" { String::new() } else { format!("--hostname {} ", slug.host()) };
    let command =
        |it: &&GitHubRelease| format!("gh api {host}-X DELETE repos/{}/releases/{}", slug.full_name(), it.id);
    selection.others.iter().map(command).collect::<Vec<_>>().join("; ")
}

/// The release that a run goes on with: a draft to be filled, or one that is published and complete.
fn selected_release(
    request: &Request,
    release: &GitHubRelease,
    remote_facts: &RemoteFacts,
) -> CheckObservation {
    if release.draft {
        let unplanned = unplanned_assets(release, &planned_assets(request));
        if !unplanned.is_empty() {
            return fail(
                "unplanned-asset",
                format!(
                    "{} has assets that this release does not make: {}",
                    describe_release(release),
                    unplanned.join(", ")
                ),
                "find out who added them; then delete them from the draft on GitHub, or delete the draft",
            );
        }
        return CheckObservation::Pass(format!(
            "{} is there, to be filled{}",
            describe_release(release),
            immutability_note(remote_facts)
        ));
    }
    let others: Vec<String> = remote_facts
        .expected_assets
        .iter()
        .filter(|it| !release.asset(&it.name).is_some_and(|asset| it.matches(asset)))
        .map(|it| match release.asset(&it.name) {
            Some(asset) => format!("{} is other than what this commit gives (asset {})", it.name, asset.id),
            None => format!("{} is missing", it.name),
        })
        .collect();
    if others.is_empty() {
        return CheckObservation::Pass(format!("{} is published and complete", describe_release(release)));
    }
    fail(
        "published-otherwise",
        format!(
            "{} is published, and {}: a published release is never changed",
            describe_release(release),
            others.join(", ")
        ),
        "choose a new version",
    )
}

/// The names of the assets of a release.
fn planned_assets(request: &Request) -> [String; 2] {
    [request.tag.archive_name(), sums::FILE_NAME.to_owned()]
}

/// The assets of a draft that are not planned, by name and number.
fn unplanned_assets(draft: &GitHubRelease, planned: &[String]) -> Vec<String> {
    let others = draft.assets.iter().filter(|it| !planned.iter().any(|name| it.name.is(name)));
    others.map(|it| format!("{} ({})", it.name.escaped(), it.id)).collect()
}

/// What publishing means where releases are immutable (github.md F18).
fn immutability_note(remote_facts: &RemoteFacts) -> &'static str {
    if remote_facts.immutable_releases == Some(true) {
        "; once published, its assets and its tag are frozen"
    } else {
        ""
    }
}

fn describe_release(release: &GitHubRelease) -> String {
    let kind = if release.draft { "draft" } else { "release" };
    format!("{kind} {} ({})", release.id, release.html_url.escaped())
}

/// Why a draft that was filled is not published after all, for somebody else was at work on it meanwhile; none where
/// nothing speaks against it. `others` are further releases of its tag that were not there when it was planned.
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
        return Some(format!("beside {} it has other releases now: {}", draft.id, others.join(", ")));
    }
    if let Some(bad) =
        expected_assets.iter().find(|it| !draft.asset(&it.name).is_some_and(|asset| it.matches(asset)))
    {
        return Some(format!("{} of draft {} is no longer what was uploaded", bad.name, draft.id));
    }
    let names: Vec<String> = expected_assets.iter().map(|it| it.name.clone()).collect();
    let unplanned = unplanned_assets(draft, &names);
    if !unplanned.is_empty() {
        return Some(format!("draft {} has assets that nobody planned: {}", draft.id, unplanned.join(", ")));
    }
    (!release_text.matches(draft)).then(|| format!("somebody changed the text of draft {}", draft.id))
}

/// Whether a release gets the badge: as asked for, else where it is the highest final version of the target that owns it,
/// of those that origin and this clone have.
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
