//! `notes <TAG>`: prints the release notes.

use clap::Args;
use model::release::changelog::{ChangelogEntry, Contributor, RangeStart, SECTIONS, SectionDefinition};
use model::release::request::ProgramPolicy;
use model::{CommitId, ReleaseTag, RepoPath};
use ops::OpsError;
use serde::Serialize;

use crate::args::{GlobalArgs, RangeArgs, TagArgs};
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report;
use crate::session::{self, Session};

/// The arguments of `notes`.
#[derive(Debug, Args)]
pub(crate) struct NotesArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
}

/// The JSON document of `notes`. Each commit is in exactly one section.
#[derive(Serialize)]
struct NotesJson<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    previous: Option<&'a str>,
    commit: CommitId,
    paths: &'a [RepoPath],
    sections: Vec<SectionJson<'a>>,
    contributors: &'a [Contributor],
    markdown: &'a str,
}

#[derive(Serialize)]
struct SectionJson<'a> {
    title: &'static str,
    entries: Vec<&'a ChangelogEntry>,
}

pub(crate) fn run(global: &GlobalArgs, args: &NotesArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let tag = session.tag(&args.tag_args)?;
    let revision = session.revision_or_tag(&tag, args.range.commit.as_ref())?;
    let request = session.request(tag, &args.range, revision);
    let template = session::load_template(&args.range)?;
    let target = session.target(&request.tag);
    let prepared = ops::prepare(session.context(), target, &request, template.as_ref(), &mut |_| {})?;
    let (Some(changelog), Some(notes)) = (&prepared.changelog, &prepared.notes) else {
        return Err(OpsError::no_previous_release(&request.tag, prepared.facts.commit).into());
    };
    if prepared.facts.clone.shallow {
        return Err(CliError::runtime(anyhow::anyhow!("the clone is shallow: the notes would lack commits"))
            .with_hint("git fetch --unshallow --tags"));
    }
    if !report::is_json(global) {
        report::print_raw(&notes.markdown)?;
        return Ok(RunOutcome::Success);
    }
    let section = |it: SectionDefinition| SectionJson {
        title: it.title,
        entries: changelog.entries_of(it.kind).collect(),
    };
    report::print_json(&NotesJson {
        schema: "opensandbox-release/notes/1",
        tag: &request.tag,
        previous: match &changelog.range_start {
            RangeStart::Tag { name, .. } => Some(name),
            RangeStart::Root => None,
        },
        commit: prepared.facts.commit,
        paths: &changelog.paths,
        sections: SECTIONS.into_iter().map(section).collect(),
        contributors: &changelog.contributors,
        markdown: &notes.markdown,
    })?;
    Ok(RunOutcome::Success)
}
