//! What a release still needs.

use model::ReleaseTag;
use model::catalog::Target;
use model::evidence::sums;
use model::release::facts::Facts;
use model::release::host::{HostedAsset, HostedRelease, Page, WantedAsset, WorldFacts};
use model::release::plan::{Action, Plan, State, Step};
use model::release::request::{End, Publication, Reach, Request};

use crate::preflight;
use crate::releases::select;

/// The plan of a release, with every check that was made. It can be performed if [`Plan::approve`] says so. `notes` is
/// the text that the release is to have.
#[must_use]
pub fn plan(request: &Request, target: &Target, facts: &Facts, notes: Option<&str>) -> Plan {
    let file = |there| if there { State::Again } else { State::Missing };
    let name = request.tag.name();
    let tagged = facts.tags.iter().any(|it| it.name == name && it.commit == Some(facts.commit));
    let path = |name: &str| request.out.path().join(name).display().to_string();
    let mut steps = vec![
        step(Action::WriteArchive, path(&request.tag.archive_name()), file(facts.files.archive)),
        step(Action::WriteSums, path(sums::FILE_NAME), file(facts.files.sums)),
        step(Action::WriteNotes, path("NOTES.md"), file(facts.files.notes)),
        step(Action::CreateTag, name, present(tagged)),
    ];
    let title = request.tag.title();
    let page = page(&request.tag, &title, notes.unwrap_or_default());
    if let (Reach::Published(publication), Some(world)) = (request.reach, &facts.world) {
        steps.extend(publishing(request, publication, world, &page));
    }
    let checks = preflight(request, target, facts, &page);
    Plan { tag: request.tag.clone(), commit: facts.commit, checks, steps }
}

fn step(step: Action, subject: String, state: State) -> Step {
    Step { step, subject, state }
}

fn present(there: bool) -> State {
    if there { State::Present } else { State::Missing }
}

/// The steps that leave the machine, asset by asset.
fn publishing(request: &Request, publication: Publication, world: &WorldFacts, page: &Page<'_>) -> Vec<Step> {
    let selection = select(&world.releases, &world.wanted, page);
    let release = selection.chosen;
    let draft = release.filter(|it| it.draft);
    let title = request.tag.title();
    let deletion = |it: &&HostedRelease| {
        step(Action::DeleteDraft, format!("{title} (empty draft {})", it.id), State::Missing)
    };
    let mut steps: Vec<Step> = selection.delete.iter().map(deletion).collect();
    steps.push(step(Action::CreateDraft, title.clone(), present(release.is_some())));
    if draft.is_some_and(|it| !page.is_of(it)) {
        steps.push(step(Action::RewriteDraft, title.clone(), State::Missing));
    }
    for name in [request.tag.archive_name(), sums::FILE_NAME.to_owned()] {
        steps.extend(asset(world, release, &name));
    }
    let pushed = world.origin.tag.is_some();
    steps.push(step(Action::PushTag, format!("{} to {}", request.tag, request.remote), present(pushed)));
    if publication.end == End::Published {
        steps.push(step(Action::Publish, title, present(release.is_some_and(|it| !it.draft))));
        steps.push(step(Action::Audit, request.tag.name(), State::Missing));
    }
    steps
}

/// What a release of a tag says of itself, with this title and these notes.
#[must_use]
pub fn page<'a>(tag: &ReleaseTag, title: &'a str, notes: &'a str) -> Page<'a> {
    Page { title, body: notes, prerelease: tag.version().is_prerelease() }
}

/// What an asset needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is there and right.
    Nothing,
    /// To be uploaded.
    Upload,
    /// To be uploaded after what stands under its name was removed.
    Replace(u64),
}

/// What an asset of a draft needs, of which this is there.
#[must_use]
pub fn need(wanted: Option<&WantedAsset>, there: Option<&HostedAsset>) -> Need {
    match there {
        None => Need::Upload,
        Some(there) if wanted.is_some_and(|it| it.is(there)) => Need::Nothing,
        Some(there) => Need::Replace(there.id),
    }
}

fn asset(world: &WorldFacts, release: Option<&HostedRelease>, name: &str) -> Vec<Step> {
    let there = release.and_then(|it| it.asset(name));
    let need = need(world.wanted.iter().find(|it| it.name == name), there);
    let upload = step(Action::Upload, name.to_owned(), present(need == Need::Nothing));
    match (need, there) {
        (Need::Replace(id), Some(there)) => {
            let what = if there.complete { "other bytes" } else { "a broken upload" };
            vec![step(Action::Remove, format!("{name} (asset {id}, {what})"), State::Missing), upload]
        }
        _ => vec![upload],
    }
}
