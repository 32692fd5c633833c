//! `status [TARGET]`: what is unreleased.

use model::CommitId;
use ops::{OpsError, ProgramPolicy, Standing};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Status};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::Session;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    commit: CommitId,
    targets: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    newest_tag: Option<String>,
    features: usize,
    fixes: usize,
    breaking: usize,
    misc: usize,
    next_version: Option<String>,
}

pub(crate) fn run(global: &Global, args: &Status) -> Result<Ending, Failure> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    session.must_be_whole()?;
    let commit = session.repo.resolve(&args.commit).map_err(OpsError::from)?;
    let chosen = match &args.target {
        None => session.catalog.targets().iter().collect(),
        Some(name) => {
            let found = session.catalog.target(name);
            let missing = || Failure::usage(anyhow::anyhow!("no target is called '{name}'"));
            vec![found.ok_or_else(|| missing().hint("cargo xtask targets lists every target"))?]
        }
    };
    let mut targets = Vec::new();
    for target in chosen {
        targets.push(row(&target.id, ops::standing(&session.repo, target, commit)?));
    }
    if report::is_json(global) {
        report::print_json(&Document { schema: "opensandbox-release/status/1", commit, targets })?;
        return Ok(Ending::Done);
    }
    text(&targets, commit).print()?;
    Ok(Ending::Done)
}

fn row(id: &str, standing: Standing) -> Row<'_> {
    let [features, fixes, breaking, misc] = standing.unreleased.counts;
    let newest_tag = standing.newest.map(|it| it.name);
    Row { id, newest_tag, features, fixes, breaking, misc, next_version: standing.unreleased.next_version }
}

fn text(rows: &[Row<'_>], commit: CommitId) -> Page {
    let mut page = Page::new();
    let (bold, dim) = (report::BOLD, report::DIM);
    page.line(format!("What is unreleased at {}", commit.short()));
    page.blank();
    page.line(format!(
        "{bold}{:<28} {:<38} {:>4} {:>5} {:>5} {:>5}  {}{bold:#}",
        "TARGET", "SINCE", "FEAT", "FIX", "BREAK", "MISC", "NEXT"
    ));
    for row in rows {
        let newest = row.newest_tag.as_deref().unwrap_or("(no release yet)");
        let next = row.next_version.as_deref().unwrap_or("-");
        let quiet = row.next_version.is_none() && row.newest_tag.is_some();
        let style = if quiet { dim } else { anstyle::Style::new() };
        page.line(format!(
            "{style}{:<28} {newest:<38} {:>4} {:>5} {:>5} {:>5}  {next}{style:#}",
            row.id, row.features, row.fixes, row.breaking, row.misc
        ));
    }
    page
}
