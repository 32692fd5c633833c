//! The plan of a release: the steps that are still needed, and the checks.

use model::ReleaseTag;
use model::catalog::Target;
use model::evidence::sums;
use model::release::facts::Facts;
use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseAsset, ReleaseText, RemoteFacts};
use model::release::plan::{Plan, Step, StepAction, StepState};
use model::release::request::{PublishOptions, PublishUntil, ReleaseDestination, Request};

use crate::preflight;
use crate::releases::select_release;

/// Returns the plan of a release, with the results of all checks. It can be performed if [`Plan::approve`] accepts it.
/// `notes` is the planned text of the release, if it is known already.
#[must_use]
pub fn plan(request: &Request, target: &Target, facts: &Facts, notes: Option<&str>) -> Plan {
    let file = |exists| if exists { StepState::Rewrite } else { StepState::Missing };
    let name = request.tag.name();
    let tagged = facts.tags.iter().any(|it| it.name == name && it.commit == Some(facts.commit));
    let path = |name: &str| request.output_path.to_path_buf().join(name).display().to_string();
    let mut steps = vec![
        step(
            StepAction::WriteArchive,
            path(&request.tag.archive_name()),
            file(facts.existing_outputs.archive),
        ),
        step(StepAction::WriteSums, path(sums::FILE_NAME), file(facts.existing_outputs.sums)),
        step(StepAction::WriteNotes, path("NOTES.md"), file(facts.existing_outputs.notes)),
        step(StepAction::CreateTag, name, present_or_missing(tagged)),
    ];
    let title = request.tag.title();
    let text = release_text(&request.tag, &title, notes.unwrap_or_default());
    if let (ReleaseDestination::GitHub(publication), Some(remote_facts)) =
        (request.destination, &facts.remote)
    {
        steps.extend(publishing_steps(request, publication, remote_facts, &text));
    }
    let checks = preflight(request, target, facts, &text);
    Plan { tag: request.tag.clone(), commit: facts.commit, checks, steps }
}

fn step(action: StepAction, subject: String, state: StepState) -> Step {
    Step { action, subject, state }
}

fn present_or_missing(is_present: bool) -> StepState {
    if is_present { StepState::Present } else { StepState::Missing }
}

/// Returns the steps that change the remote or GitHub, in order: assets before the tag, and publication last.
fn publishing_steps(
    request: &Request,
    publication: PublishOptions,
    remote_facts: &RemoteFacts,
    text: &ReleaseText<'_>,
) -> Vec<Step> {
    let selection = select_release(&remote_facts.releases, &remote_facts.expected_assets, text);
    let release = selection.chosen;
    let draft = release.filter(|it| it.draft);
    let title = request.tag.title();
    let deletion = |it: &&GitHubRelease| {
        step(StepAction::DeleteDraft, format!("{title} (empty draft {})", it.id), StepState::Missing)
    };
    let mut steps: Vec<Step> = selection.leftover_drafts.iter().map(deletion).collect();
    steps.push(step(StepAction::CreateDraft, title.clone(), present_or_missing(release.is_some())));
    if draft.is_some_and(|it| !text.matches(it)) {
        steps.push(step(StepAction::UpdateDraft, title.clone(), StepState::Missing));
    }
    for name in [request.tag.archive_name(), sums::FILE_NAME.to_owned()] {
        steps.extend(asset_steps(remote_facts, release, &name));
    }
    let pushed = remote_facts.refs.tag.is_some();
    steps.push(step(
        StepAction::PushTag,
        format!("{} to {}", request.tag, request.remote),
        present_or_missing(pushed),
    ));
    if publication.until == PublishUntil::Published {
        steps.push(step(StepAction::Publish, title, present_or_missing(release.is_some_and(|it| !it.draft))));
        steps.push(step(StepAction::Audit, request.tag.name(), StepState::Missing));
    }
    steps
}

/// Returns the title, text and pre-release mark of a tag's release.
#[must_use]
pub fn release_text<'a>(tag: &ReleaseTag, title: &'a str, notes: &'a str) -> ReleaseText<'a> {
    ReleaseText { title, body: notes, prerelease: tag.version().is_prerelease() }
}

/// The action that an asset of a draft needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetAction {
    /// Keep the asset: it is complete and correct.
    Keep,
    /// Upload the asset.
    Upload,
    /// Delete the asset with this id, then upload the new one under the same name.
    Replace(u64),
}

/// Returns the action for an asset. Without an expected asset, an existing one is replaced, since it cannot be
/// compared.
#[must_use]
pub fn asset_action(expected: Option<&ExpectedAsset>, existing: Option<&ReleaseAsset>) -> AssetAction {
    match existing {
        None => AssetAction::Upload,
        Some(existing) if expected.is_some_and(|it| it.matches(existing)) => AssetAction::Keep,
        Some(existing) => AssetAction::Replace(existing.id),
    }
}

fn asset_steps(remote_facts: &RemoteFacts, release: Option<&GitHubRelease>, name: &str) -> Vec<Step> {
    let existing = release.and_then(|it| it.asset(name));
    let action = asset_action(remote_facts.expected_assets.iter().find(|it| it.name == name), existing);
    let upload =
        step(StepAction::UploadAsset, name.to_owned(), present_or_missing(action == AssetAction::Keep));
    match (action, existing) {
        (AssetAction::Replace(id), Some(existing)) => {
            let what = if existing.is_uploaded { "other bytes" } else { "a broken upload" };
            vec![
                step(StepAction::DeleteAsset, format!("{name} (asset {id}, {what})"), StepState::Missing),
                upload,
            ]
        }
        _ => vec![upload],
    }
}
