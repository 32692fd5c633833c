//! `release <TAG>`: plans, and performs what is missing.

use model::change::Since;
use model::facts::TagKind;
use model::plan::{Checked, Outcome, Step};
use model::receipt::Receipt;
use model::request::{Reach, Request};
use model::{CommitId, ReleaseTag};
use ops::{Event, Prepared};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Release};
use crate::environment::{GITHUB_OUTPUT, GITHUB_STEP_SUMMARY};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Session};

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    dry_run: bool,
    commit: CommitId,
    previous: Option<String>,
    refusals: Vec<Notice<'a>>,
    /// The checks that do not hold and stop nothing.
    notices: Vec<Notice<'a>>,
    plan: &'a [Step],
    notes: Option<&'a str>,
    receipt: Option<&'a Receipt>,
    /// The audit of the published release; nothing is published yet.
    audit: Option<()>,
}

#[derive(Serialize)]
struct Notice<'a> {
    check: &'static str,
    reason: &'static str,
    evidence: &'a str,
    hint: &'a str,
}

pub(crate) fn run(global: &Global, args: &Release) -> Result<Ending, Failure> {
    let session = Session::open(global)?;
    let request = request(&session, args)?;
    let template = session::template(&args.range)?;
    let target = session.target(&request.tag);
    report::for_actions(GITHUB_OUTPUT, &outputs(target.display_name.as_str(), &request.tag))?;
    let prepared = ops::prepare(session.work(), target, &request, &template)?;
    let refused = prepared.plan.refusals().next().is_some();
    let receipt =
        if args.dry_run || refused { None } else { Some(perform(global, &session, &request, &prepared)?) };
    show(global, args, &request, &prepared, receipt.as_ref())?;
    Ok(if refused { Ending::NotDone } else { Ending::Done })
}

fn request(session: &Session, args: &Release) -> Result<Request, Failure> {
    let tag = session.tag(&args.which)?;
    let revision = args.range.commit.clone().unwrap_or_else(|| "HEAD".to_owned());
    let out = session.out(&tag, args.out.as_deref());
    Ok(Request {
        allow: args.allow.iter().copied().collect(),
        signing: session.signing(args.sign_tag.as_ref()),
        reach: if args.push { Reach::Published } else { Reach::Local },
        out,
        ..session.request(tag, &args.range, revision)
    })
}

fn perform(
    global: &Global,
    session: &Session,
    request: &Request,
    prepared: &Prepared,
) -> Result<Receipt, Failure> {
    let approved = prepared.plan.clone().approve().map_err(Failure::work)?;
    let mut told = |event| report::tell(global, &story(&event));
    let receipt = ops::apply(session.work(), request, prepared, &approved, &mut told)?;
    let file = |at: usize| receipt.files[at].path.display().to_string();
    report::for_actions(GITHUB_OUTPUT, &format!("archive={}\nchecksums={}\n", file(0), file(1)))?;
    report::for_actions(GITHUB_STEP_SUMMARY, prepared.notes.as_ref().map_or("", |it| &it.markdown))?;
    Ok(receipt)
}

/// What a workflow's next steps read.
fn outputs(display_name: &str, tag: &ReleaseTag) -> String {
    format!("tag={tag}\ndisplay_name={display_name}\nversion_label={}\n", tag.label())
}

pub(crate) fn story(event: &Event) -> String {
    match event {
        Event::Writing(name) => format!("writing {name}"),
        Event::Written(file) => format!("wrote {} ({} bytes)", file.path.display(), file.size),
        Event::Tagged(name) => format!("tagged {name}"),
        Event::TagKept(name) => format!("kept the tag {name}"),
    }
}

fn show(
    global: &Global,
    args: &Release,
    request: &Request,
    prepared: &Prepared,
    receipt: Option<&Receipt>,
) -> Result<(), Failure> {
    let of = |outcomes: &[Outcome]| {
        let some = prepared.plan.checks.iter().filter(|it| outcomes.contains(&it.outcome));
        some.map(reason).collect()
    };
    if report::is_json(global) {
        return report::print_json(&Document {
            schema: "opensandbox-release/release/1",
            tag: &request.tag,
            dry_run: args.dry_run,
            commit: prepared.facts.commit,
            previous: previous(prepared),
            refusals: of(&[Outcome::Refused]),
            notices: of(&[Outcome::Warned, Outcome::Allowed]),
            plan: &prepared.plan.steps,
            notes: prepared.notes.as_ref().map(|it| it.markdown.as_str()),
            receipt,
            audit: None,
        });
    }
    let mut page = Page::new();
    head(&mut page, request, prepared);
    match receipt {
        Some(receipt) => made(&mut page, receipt),
        None => report::plan(&mut page, &prepared.plan),
    }
    if args.dry_run
        && let Some(notes) = &prepared.notes
    {
        page.heading("Notes");
        page.line(&notes.markdown);
    }
    report::checks(&mut page, &prepared.plan.checks, global.verbose);
    page.line(last_word(args, prepared));
    page.print()
}

fn reason(check: &Checked) -> Notice<'_> {
    Notice { check: check.check.name(), reason: check.reason, evidence: &check.evidence, hint: &check.hint }
}

fn previous(prepared: &Prepared) -> Option<String> {
    match prepared.facts.since.as_ref().map(|it| &it.since) {
        Some(Since::Tag { name, .. }) => Some(name.clone()),
        Some(Since::Beginning) | None => None,
    }
}

fn head(page: &mut Page, request: &Request, prepared: &Prepared) {
    let bold = report::BOLD;
    page.line(format!("{bold}{}{bold:#}  {}", request.tag, request.tag.title()));
    page.line(format!("  commit    {} ({})", prepared.facts.commit, request.revision));
    let since = match &prepared.facts.since {
        Some(start) => format!("{} commits since {}", prepared.facts.history.commits.len(), start.since),
        None => "no previous release".to_owned(),
    };
    page.line(format!("  range     {since}"));
    let paths: Vec<&str> = request.paths.iter().map(model::RepoPath::as_str).collect();
    page.line(format!(
        "  paths     {}",
        if paths.is_empty() { "everything".to_owned() } else { paths.join(" ") }
    ));
    page.line(format!("  for       {}", request.slug));
}

fn made(page: &mut Page, receipt: &Receipt) {
    page.heading("Made");
    for file in &receipt.files {
        page.line(format!("  {}", file.path.display()));
        page.line(format!("    {}, {} bytes", file.digest, file.size));
    }
    let how = if receipt.tag_object.existed { "kept" } else { "made" };
    let kind = if receipt.tag_object.kind == TagKind::Signed { "signed" } else { "not signed" };
    page.line(format!("  tag {}, {how}, {kind}: object {}", receipt.tag, receipt.tag_object.object));
}

fn last_word(args: &Release, prepared: &Prepared) -> String {
    let refusals = prepared.plan.refusals().count();
    match (refusals, args.dry_run) {
        (0, true) => "\nNothing was changed. Run it without --dry-run to perform this plan.".to_owned(),
        (0, false) => {
            let name = &prepared.plan.tag;
            format!("\nNothing left this machine. To go on: git push origin refs/tags/{name}")
        }
        (1, _) => "\nRefused for 1 reason; nothing was changed.".to_owned(),
        (count, _) => format!("\nRefused for {count} reasons; nothing was changed."),
    }
}
