//! `targets`: lists the targets of the release configuration, with their newest tags.

use model::RepoPath;
use model::catalog::{Channel, TagForm, Target, VersionSource};
use model::release::request::ProgramPolicy;
use serde::Serialize;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::escape;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::Session;

/// The JSON document of `targets`.
#[derive(Serialize)]
struct TargetsJson<'a> {
    schema: &'static str,
    targets: Vec<TargetJson<'a>>,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    id: &'a str,
    aliases: &'a [String],
    display_name: &'a str,
    tag_form: TagForm,
    workflow: &'a str,
    paths: &'a [RepoPath],
    version_source: Option<&'a VersionSource>,
    channels: &'a [Channel],
    newest_tag: Option<String>,
}

pub(crate) fn run(global: &GlobalArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    session.require_full_clone()?;
    let row = |target| target_row(&session, target);
    let targets = session.catalog.targets().iter().map(row).collect::<Result<Vec<_>, _>>()?;
    if report::is_json(global) {
        report::print_json(&TargetsJson { schema: "opensandbox-release/targets/1", targets })?;
        return Ok(RunOutcome::Success);
    }
    let mut page = TextPage::new();
    let bold = report::BOLD;
    page.line(format!("{bold}{:<28} {:<38} {}{bold:#}", "TARGET", "NEWEST TAG", "NAME"));
    for row in &targets {
        let newest = row.newest_tag.as_deref().unwrap_or("-");
        page.line(format!("{:<28} {newest:<38} {}", row.id, escape::sanitize(row.display_name)));
    }
    let aliases: Vec<String> =
        targets.iter().flat_map(|it| it.aliases.iter().map(|a| format!("{a} = {}", it.id))).collect();
    if !aliases.is_empty() {
        page.blank();
        page.line(format!("Aliases: {}", aliases.join(", ")));
    }
    page.print()?;
    Ok(RunOutcome::Success)
}

fn target_row<'a>(session: &Session, target: &'a Target) -> Result<TargetJson<'a>, CliError> {
    Ok(TargetJson {
        id: &target.id,
        aliases: &target.aliases,
        display_name: &target.display_name,
        tag_form: target.tag_form,
        workflow: &target.workflow,
        paths: &target.paths,
        version_source: target.version_source.as_ref(),
        channels: &target.channels,
        newest_tag: session.repo.newest_tag(target)?.map(|it| it.name),
    })
}
