//! `status [TARGET]`: shows the unreleased changes and the suggested version.

use clap::Args;
use model::CommitId;
use model::release::changelog::SECTIONS;
use model::release::request::ProgramPolicy;
use ops::TargetStatus;
use serde::{Serialize, Serializer};

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::Session;

/// The arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Show only this target
    pub(crate) target: Option<String>,
    /// Show the changes up to this commit
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(crate) commit: String,
}

/// The JSON document of `status`.
#[derive(Serialize)]
struct StatusJson<'a> {
    schema: &'static str,
    commit: CommitId,
    targets: Vec<TargetStatusJson<'a>>,
}

#[derive(Serialize)]
struct TargetStatusJson<'a> {
    id: &'a str,
    newest_tag: Option<String>,
    /// The number of changes in each section of the notes.
    #[serde(flatten, serialize_with = "counts_by_section")]
    counts: SectionCounts,
    next_version: Option<String>,
}

/// The number of changes in each section, in the order of [`SECTIONS`].
type SectionCounts = [usize; SECTIONS.len()];

fn counts_by_section<S: Serializer>(counts: &SectionCounts, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(SECTIONS.iter().map(|it| it.key).zip(counts))
}

pub(crate) fn run(global: &GlobalArgs, args: &StatusArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    session.require_full_clone()?;
    let commit = session.repo.resolve(&args.commit)?;
    let chosen = match &args.target {
        None => session.catalog.targets().iter().collect(),
        Some(name) => vec![session.catalog.known_target(name)?],
    };
    let mut targets = Vec::new();
    for target in chosen {
        targets.push(target_row(&target.id, ops::target_status(&session.repo, target, commit)?));
    }
    if report::is_json(global) {
        report::print_json(&StatusJson { schema: "opensandbox-release/status/1", commit, targets })?;
        return Ok(RunOutcome::Success);
    }
    text_page(&targets, commit).print()?;
    Ok(RunOutcome::Success)
}

fn target_row(id: &str, status: TargetStatus) -> TargetStatusJson<'_> {
    TargetStatusJson {
        id,
        newest_tag: status.newest_tag.map(|it| it.name),
        counts: status.unreleased.counts,
        next_version: status.unreleased.next_version,
    }
}

fn text_page(rows: &[TargetStatusJson<'_>], commit: CommitId) -> TextPage {
    let mut page = TextPage::new();
    let (bold, dim) = (report::BOLD, report::DIM);
    page.line(format!("Unreleased changes at {}", commit.short()));
    page.blank();
    let columns = SECTIONS.map(|it| format!(" {:>5}", it.column)).concat();
    page.line(format!("{bold}{:<28} {:<38}{columns}  {}{bold:#}", "TARGET", "SINCE", "NEXT"));
    for row in rows {
        let newest = row.newest_tag.as_deref().unwrap_or("(no release yet)");
        let next = row.next_version.as_deref().unwrap_or("-");
        let quiet = row.next_version.is_none() && row.newest_tag.is_some();
        let style = if quiet { dim } else { anstyle::Style::new() };
        let counts = row.counts.map(|it| format!(" {it:>5}")).concat();
        page.line(format!("{style}{:<28} {newest:<38}{counts}  {next}{style:#}", row.id));
    }
    page
}
