//! What the world has, and whether that speaks against publishing.

use model::Version;
use model::catalog::Target;
use model::evidence::sums;
use model::release::facts::{Check, Facts};
use model::release::host::{Credentials, HostedRelease, Page, TokenRights, WantedAsset, WorldFacts};
use model::release::plan::Checked;
use model::release::request::{Badge, Publication, Request};

use crate::preflight::{Found, bad, judged};
use crate::releases::{self, Selection};

/// The checks that only a release that is to be published has.
pub(crate) fn world_checks(
    request: &Request,
    publication: Publication,
    facts: &Facts,
    (world, page): (&WorldFacts, &Page<'_>),
) -> Vec<Checked> {
    let allow = &request.allow;
    vec![
        judged(Check::Origin, origin(request, facts, world), allow),
        judged(Check::Credentials, credentials(request, world), allow),
        judged(Check::Release, release(request, publication, (world, page)), allow),
    ]
}

/// The tag on origin: free, or the very object that this clone has.
fn origin(request: &Request, facts: &Facts, world: &WorldFacts) -> Found {
    let (name, remote) = (request.tag.name(), &request.remote);
    if let Some(other) = &world.origin.pushed_elsewhere {
        return bad(
            "pushed-elsewhere",
            format!(
                "git push {remote} goes to {other}, which is another repository than the one that is asked"
            ),
            format!("git config --unset remote.{remote}.pushurl, or name another remote with --remote"),
        );
    }
    let missing = not_fetched(request, facts, world);
    if !missing.is_empty() {
        return bad(
            "tags-not-fetched",
            format!("{remote} has release tags that this clone lacks: {}", missing.join(", ")),
            format!("git fetch {remote} --tags"),
        );
    }
    let Some(there) = world.origin.tag else {
        return Found::Good(format!("{name} is free on {remote}"));
    };
    if there.commit != facts.commit {
        return bad(
            "exists-elsewhere",
            format!(
                "{name} on {remote} is at {} and not at {}: a tag is never moved",
                there.commit.short(),
                facts.commit.short()
            ),
            format!(
                "git fetch {remote} tag {name}, and --commit {name} to go on with that release; or choose a new version"
            ),
        );
    }
    match facts.tags.iter().find(|it| it.name == name) {
        Some(own) if own.object == there.object => {
            Found::Good(format!("{name} is on {remote}, the same object"))
        }
        Some(own) => bad(
            "exists-otherwise",
            format!(
                "{name} on {remote} is object {}, and here {}: a tag is never replaced",
                there.object, own.object
            ),
            format!("git tag -d {name} && git fetch {remote} tag {name}, if the one on {remote} is right"),
        ),
        None => bad(
            "exists-there-only",
            format!("{name} is on {remote}, at {}, and not in this clone", facts.commit.short()),
            format!("git fetch {remote} tag {name}"),
        ),
    }
}

/// The release tags of the target that the remote has and this clone lacks, but for the one that is released. With one of them
/// missing, the notes would start too early, and a version could be released twice.
fn not_fetched<'w>(request: &Request, facts: &Facts, world: &'w WorldFacts) -> Vec<&'w str> {
    let target = request.tag.target();
    let scheme = request.tag.version().scheme();
    let is_release = |name: &str| {
        let label = name.strip_prefix(target).and_then(|it| it.strip_prefix('/'));
        label.is_some_and(|it| Version::parse(scheme, it.strip_prefix('v').unwrap_or(it)).is_ok())
    };
    let released = request.tag.name();
    let known = |name: &str| facts.tags.iter().any(|it| it.name == name);
    let names = world.origin.tags.iter().map(String::as_str);
    names.filter(|it| *it != released && is_release(it) && !known(it)).collect()
}

fn credentials(request: &Request, world: &WorldFacts) -> Found {
    let repository = &world.repository;
    let (source, known) = match world.credentials {
        Credentials::None => {
            return bad(
                "no-token",
                format!("there is no token for {}", request.slug.host()),
                "gh auth login, or set GH_TOKEN; for another host than github.com see the README",
            );
        }
        Credentials::Own(source) => (source, true),
        Credentials::Installed(source) => (source, false),
    };
    if repository.archived {
        return bad(
            "archived",
            format!("{} is archived: nobody may change it", repository.full_name.shown()),
            "check -R",
        );
    }
    if !repository.full_name.raw().eq_ignore_ascii_case(&request.slug.path()) {
        let name = repository.full_name.shown();
        let evidence = format!("{} is called {name} now", request.slug.path());
        return bad("renamed", evidence, format!("-R {name}"));
    }
    if known && !repository.may_push {
        return bad(
            "cannot-push",
            format!("the token from {source} may not push to {}", repository.full_name.shown()),
            "use a token with 'contents: write'",
        );
    }
    if known && repository.token == TokenRights::ReadOnly {
        return bad(
            "cannot-push",
            format!("the token from {source} has no scope that lets it write to a repository"),
            "gh auth refresh -s repo, or use a token with 'contents: write'",
        );
    }
    let known = known && repository.token == TokenRights::Write;
    let left =
        world.requests_left.map_or(String::new(), |it| format!("; {it} requests are left in this hour"));
    let may =
        if known { "may push to" } else { "is of a kind of which GitHub does not tell what it may do in" };
    let evidence = format!("the token from {source} {may} {}{left}", repository.full_name.shown());
    if world.in_actions {
        return Found::Note {
            reason: "no-workflows",
            evidence: format!("{evidence}; a push with the token of a workflow run starts no workflow"),
            hint: "start the target's publishing workflow by hand, or let git push with another token"
                .to_owned(),
        };
    }
    if known {
        return Found::Good(evidence);
    }
    Found::Note { reason: "permissions-unknown", evidence, hint: "it needs 'contents: write'".to_owned() }
}

/// The release on GitHub: none, one draft, or one that is published and complete.
fn release(request: &Request, publication: Publication, (world, page): (&WorldFacts, &Page<'_>)) -> Found {
    if request.tag.version().is_prerelease() && publication.badge == Badge::Yes {
        let evidence = format!("{} is no final version: GitHub gives it no badge", request.tag.version());
        return bad("badge", evidence, "leave out --latest");
    }
    let selection = releases::select(&world.releases, &world.wanted, page);
    if selection.is_ambiguous {
        let all: Vec<String> = world.releases.iter().map(named).collect();
        let evidence = format!("{} has {} releases: {}", request.tag, all.len(), all.join(", "));
        let hint = format!("delete those that are not meant, by number: {}", deletions(request, &selection));
        return bad("several", evidence, hint);
    }
    let Some(release) = selection.chosen else {
        return Found::Good(format!("there is no release of {} yet{}", request.tag, frozen(world)));
    };
    match one_release(request, release, world) {
        Found::Good(evidence) if !selection.others.is_empty() => {
            let others: Vec<String> = selection.others.iter().map(|it| named(it)).collect();
            Found::Note {
                reason: "other-drafts",
                evidence: format!("{evidence}; beside it there are {}", others.join(", ")),
                hint: format!("if nobody needs them: {}", deletions(request, &selection)),
            }
        }
        found => found,
    }
}

/// The commands that delete the releases that a run does not go on with.
fn deletions(request: &Request, selection: &Selection<'_>) -> String {
    let slug = &request.slug;
    let host =
        if slug.host() == "github.com" { String::new() } else { format!("--hostname {} ", slug.host()) };
    let command =
        |it: &&HostedRelease| format!("gh api {host}-X DELETE repos/{}/releases/{}", slug.path(), it.id);
    selection.others.iter().map(command).collect::<Vec<_>>().join("; ")
}

/// The release that a run goes on with: a draft to be filled, or one that is published and complete.
fn one_release(request: &Request, release: &HostedRelease, world: &WorldFacts) -> Found {
    if release.draft {
        let unplanned = unplanned(release, &planned(request));
        if !unplanned.is_empty() {
            return bad(
                "unplanned-asset",
                format!(
                    "{} has assets that this release does not make: {}",
                    named(release),
                    unplanned.join(", ")
                ),
                "find out who added them; then delete them from the draft on GitHub, or delete the draft",
            );
        }
        return Found::Good(format!("{} is there, to be filled{}", named(release), frozen(world)));
    }
    let others: Vec<String> = world
        .wanted
        .iter()
        .filter(|it| !release.asset(&it.name).is_some_and(|asset| it.is(asset)))
        .map(|it| match release.asset(&it.name) {
            Some(asset) => format!("{} is other than what this commit gives (asset {})", it.name, asset.id),
            None => format!("{} is missing", it.name),
        })
        .collect();
    if others.is_empty() {
        return Found::Good(format!("{} is published and complete", named(release)));
    }
    bad(
        "published-otherwise",
        format!(
            "{} is published, and {}: a published release is never changed",
            named(release),
            others.join(", ")
        ),
        "choose a new version",
    )
}

/// The names of the assets of a release.
fn planned(request: &Request) -> [String; 2] {
    [request.tag.archive_name(), sums::FILE_NAME.to_owned()]
}

/// The assets of a draft that are not planned, by name and number.
fn unplanned(draft: &HostedRelease, planned: &[String]) -> Vec<String> {
    let others = draft.assets.iter().filter(|it| !planned.iter().any(|name| it.name.is(name)));
    others.map(|it| format!("{} ({})", it.name.shown(), it.id)).collect()
}

/// What publishing means where releases are immutable (github.md F18).
fn frozen(world: &WorldFacts) -> &'static str {
    if world.immutable == Some(true) { "; once published, its assets and its tag are frozen" } else { "" }
}

fn named(release: &HostedRelease) -> String {
    let kind = if release.draft { "draft" } else { "release" };
    format!("{kind} {} ({})", release.id, release.page.shown())
}

/// Why a draft that was filled is not published after all, for somebody else was at work on it meanwhile; none where
/// nothing speaks against it. `others` are further releases of its tag that were not there when it was planned.
#[must_use]
pub fn interference(
    draft: &HostedRelease,
    others: &[&HostedRelease],
    wanted: &[WantedAsset],
    page: &Page<'_>,
) -> Option<String> {
    let others: Vec<String> = others.iter().map(|it| format!("{} ({})", it.id, it.page.shown())).collect();
    if !others.is_empty() {
        return Some(format!("beside {} it has other releases now: {}", draft.id, others.join(", ")));
    }
    if let Some(bad) = wanted.iter().find(|it| !draft.asset(&it.name).is_some_and(|asset| it.is(asset))) {
        return Some(format!("{} of draft {} is no longer what was uploaded", bad.name, draft.id));
    }
    let names: Vec<String> = wanted.iter().map(|it| it.name.clone()).collect();
    let unplanned = unplanned(draft, &names);
    if !unplanned.is_empty() {
        return Some(format!("draft {} has assets that nobody planned: {}", draft.id, unplanned.join(", ")));
    }
    (!page.is_of(draft)).then(|| format!("somebody changed the text of draft {}", draft.id))
}

/// Whether a release gets the badge: as asked for, else where it is the highest final version of the target that owns it,
/// of those that origin and this clone have.
#[must_use]
pub fn gets_badge(
    badge: Badge,
    owner: Option<&str>,
    target: &Target,
    request: &Request,
    facts: &Facts,
) -> bool {
    match badge {
        Badge::Yes => true,
        Badge::No => false,
        Badge::Auto => {
            let version = request.tag.version();
            let on_origin = facts.world.iter().flat_map(|it| &it.origin.tags).filter_map(|name| {
                let label = name.strip_prefix(&target.id)?.strip_prefix('/')?;
                Version::parse(target.scheme, label.strip_prefix('v').unwrap_or(label)).ok()
            });
            let here = facts.tags.iter().filter_map(|it| it.version.clone());
            let mut finals = here.chain(on_origin).filter(|it| !it.is_prerelease());
            owner == Some(target.id.as_str())
                && !version.is_prerelease()
                && finals.all(|it| it.precedence(version).is_le())
        }
    }
}
