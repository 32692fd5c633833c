//! What a release still needs.

use model::catalog::Target;
use model::facts::Facts;
use model::hosting::{HostedRelease, WorldFacts};
use model::plan::{Action, Plan, State, Step};
use model::request::{End, Publication, Reach, Request};

use crate::preflight;

/// The plan of a release, with every check that was made. It can be performed if [`Plan::approve`] says so. `notes` is
/// the text that the release is to have.
#[must_use]
pub fn plan(request: &Request, target: &Target, facts: &Facts, notes: Option<&str>) -> Plan {
    let file = |there| if there { State::Again } else { State::Missing };
    let name = request.tag.name();
    let tagged = facts.tags.iter().any(|it| it.name == name && it.commit == Some(facts.commit));
    let path = |name: &str| request.out.join(name).display().to_string();
    let mut steps = vec![
        step(Action::WriteArchive, path(&request.tag.archive_name()), file(facts.files.archive)),
        step(Action::WriteSums, path("SHA256SUMS"), file(facts.files.sums)),
        step(Action::WriteNotes, path("NOTES.md"), file(facts.files.notes)),
        step(Action::CreateTag, name, present(tagged)),
    ];
    if let (Reach::Published(publication), Some(world)) = (request.reach, &facts.world) {
        steps.extend(publishing(request, publication, world, notes));
    }
    Plan { tag: request.tag.clone(), commit: facts.commit, checks: preflight(request, target, facts), steps }
}

fn step(step: Action, subject: String, state: State) -> Step {
    Step { step, subject, state }
}

fn present(there: bool) -> State {
    if there { State::Present } else { State::Missing }
}

/// The steps that leave the machine, asset by asset.
fn publishing(
    request: &Request,
    publication: Publication,
    world: &WorldFacts,
    notes: Option<&str>,
) -> Vec<Step> {
    let release = world.releases.first();
    let draft = release.filter(|it| it.draft);
    let title = request.tag.title();
    let mut steps = vec![step(Action::CreateDraft, title.clone(), present(release.is_some()))];
    if draft.is_some_and(|it| notes.is_some_and(|notes| notes != it.body)) {
        steps.push(step(Action::RewriteDraft, title.clone(), State::Missing));
    }
    for name in [request.tag.archive_name(), "SHA256SUMS".to_owned()] {
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

/// What one asset needs: nothing where it is there and right; what is wrong in a draft goes first.
fn asset(world: &WorldFacts, release: Option<&HostedRelease>, name: &str) -> Vec<Step> {
    let there = release.and_then(|it| it.asset(name));
    let wanted = world.wanted.iter().find(|it| it.name == name);
    let right = there.is_some_and(|there| wanted.is_some_and(|it| it.is(there)));
    let upload = step(Action::Upload, name.to_owned(), present(right));
    match there {
        Some(there) if !right => {
            let what = if there.complete { "other bytes" } else { "a broken upload" };
            vec![step(Action::Remove, format!("{name} (asset {}, {what})", there.id), State::Missing), upload]
        }
        _ => vec![upload],
    }
}
