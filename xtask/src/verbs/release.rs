//! `release <TAG>`: plans, and performs what is missing.

use model::evidence::audit::AuditReport;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::changelog::RangeStart;
use model::release::facts::TagKind;
use model::release::plan::{CheckOutcome, CheckResult, Step};
use model::release::receipt::Receipt;
use model::release::request::{PublishOptions, PublishUntil, ReleaseDestination, Request};
use model::{CommitId, ReleaseTag};
use ops::{Done, Prepared, ProgramPolicy, Work};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Release};
use crate::environment::{GITHUB_OUTPUT, GITHUB_STEP_SUMMARY};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Session};
use crate::story::Story;
use crate::world::Reached;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    dry_run: bool,
    commit: CommitId,
    previous: Option<String>,
    /// When the clone last fetched: without --push, what is known of the remote is from then.
    last_fetched: Option<String>,
    refusals: Vec<Notice<'a>>,
    /// The checks that do not hold and stop nothing.
    notices: Vec<Notice<'a>>,
    plan: &'a [Step],
    notes: Option<&'a str>,
    receipt: Option<&'a Receipt>,
    /// The release on GitHub; none where nothing left this machine.
    release: Option<Hosted>,
    /// What an outsider found of the published release; none where nothing was published.
    audit: Option<Audit<'a>>,
}

#[derive(Serialize)]
struct Hosted {
    id: u64,
    page: String,
    draft: bool,
}

#[derive(Serialize)]
struct Audit<'a> {
    verdict: Verdict,
    findings: &'a [Finding],
    notes: &'a [String],
    trusted_root: Option<&'a str>,
}

#[derive(Serialize)]
struct Notice<'a> {
    check: &'static str,
    reason: &'static str,
    evidence: &'a str,
    hint: &'a str,
}

pub(crate) fn run(global: &Global, args: &Release) -> Result<Ending, Failure> {
    let session = Session::open(global, programs(args))?.trusting(&args.trust)?;
    let request = request(&session, args)?;
    let template = session::template(&args.range)?;
    let target = session.target(&request.tag);
    report::for_actions(GITHUB_OUTPUT, &outputs(target.display_name.as_str(), &request.tag))?;
    let reached = session.reach(request.destination, &args.trust)?;
    let work = Work { world: reached.as_ref().map(Reached::world), ..session.work() };
    let mut story = Story::new(global);
    let prepared = ops::prepare(work, target, &request, &template, &mut |it| story.tell(&it))?;
    let refused = prepared.plan.failed_checks().next().is_some();
    let done =
        if args.dry_run || refused { None } else { Some(perform(work, &request, &prepared, &mut story)?) };
    show(global, args, &request, &prepared, done.as_ref())?;
    Ok(match &done {
        _ if refused => Ending::NotDone,
        Some(Done { audit, .. }) if !audit.findings.is_empty() => Ending::Judged(overall(&audit.findings)),
        _ => Ending::Done,
    })
}

/// A dry run only reads.
fn programs(args: &Release) -> ProgramPolicy {
    if args.dry_run { ProgramPolicy::ProtectedConfig } else { ProgramPolicy::AllConfig }
}

fn request(session: &Session, args: &Release) -> Result<Request, Failure> {
    let tag = session.tag(&args.which)?;
    let revision = args.range.commit.clone().unwrap_or_else(|| "HEAD".to_owned());
    let out = session.out(&tag, args.out.as_deref());
    Ok(Request {
        allowed_checks: args.allow.iter().copied().collect(),
        tag_signing: session.signing(args.sign_tag.as_ref()),
        destination: if args.push {
            ReleaseDestination::GitHub(publication(args))
        } else {
            ReleaseDestination::Local
        },
        output_path: out,
        ..session.request(tag, &args.range, revision)
    })
}

fn publication(args: &Release) -> PublishOptions {
    let end = if args.draft { PublishUntil::Draft } else { PublishUntil::Published };
    PublishOptions { make_latest: args.latest.badge(), until: end }
}

fn perform(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    story: &mut Story<'_>,
) -> Result<Done, Failure> {
    let approved = prepared.plan.clone().approve().map_err(Failure::work)?;
    let done = ops::apply(work, request, prepared, &approved, &mut |it| story.tell(&it))?;
    let file = |at: usize| report::harmless(&done.receipt.files[at].path.display().to_string());
    report::for_actions(GITHUB_OUTPUT, &format!("archive={}\nchecksums={}\n", file(0), file(1)))?;
    report::for_actions(GITHUB_STEP_SUMMARY, prepared.notes.as_ref().map_or("", |it| &it.markdown))?;
    Ok(done)
}

/// What a workflow's next steps read.
fn outputs(display_name: &str, tag: &ReleaseTag) -> String {
    let display_name = report::harmless(display_name);
    format!("tag={tag}\ndisplay_name={display_name}\nversion_label={}\n", tag.label())
}

fn show(
    global: &Global,
    args: &Release,
    request: &Request,
    prepared: &Prepared,
    done: Option<&Done>,
) -> Result<(), Failure> {
    let receipt = done.map(|it| &it.receipt);
    let of = |outcomes: &[CheckOutcome]| {
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
            last_fetched: prepared.facts.clone.last_fetched.map(model::base::time::format_rfc3339),
            refusals: of(&[CheckOutcome::Failed]),
            notices: of(&[CheckOutcome::Warned, CheckOutcome::Allowed]),
            plan: &prepared.plan.steps,
            notes: prepared.notes.as_ref().map(|it| it.markdown.as_str()),
            receipt,
            release: done.and_then(|it| it.release.as_ref()).map(|it| Hosted {
                id: it.id,
                page: it.html_url.escaped(),
                draft: it.draft,
            }),
            audit: done.map(|it| &it.audit).filter(|it| !it.findings.is_empty()).map(
                |AuditReport { findings, warnings: notes, trusted_root }| {
                    let trusted_root = trusted_root.as_deref();
                    Audit { verdict: overall(findings), findings, notes, trusted_root }
                },
            ),
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
        page.lines(&notes.markdown);
    }
    report::checks(&mut page, &prepared.plan.checks, global.verbose);
    if let Some(done) = done.filter(|it| !it.audit.findings.is_empty()) {
        page.heading("Audit");
        report::audit(&mut page, &done.audit);
    }
    page.blank();
    page.line(last_word(args, prepared, done));
    page.print()
}

fn reason(check: &CheckResult) -> Notice<'_> {
    Notice { check: check.check.name(), reason: check.reason, evidence: &check.evidence, hint: &check.hint }
}

fn previous(prepared: &Prepared) -> Option<String> {
    match prepared.facts.notes_range.as_ref().map(|it| &it.start) {
        Some(RangeStart::Tag { name, .. }) => Some(name.clone()),
        Some(RangeStart::Root) | None => None,
    }
}

fn head(page: &mut Page, request: &Request, prepared: &Prepared) {
    let bold = report::BOLD;
    page.line(format!("{bold}{}{bold:#}  {}", request.tag, request.tag.title()));
    page.line(format!("  commit    {} ({})", prepared.facts.commit, request.revision));
    let since = match &prepared.facts.notes_range {
        Some(start) => format!("{} commits since {}", prepared.facts.history.commits.len(), start.start),
        None => "no previous release".to_owned(),
    };
    page.line(format!("  range     {since}"));
    let paths: Vec<&str> = request.paths.iter().map(model::RepoPath::as_str).collect();
    page.line(format!(
        "  paths     {}",
        if paths.is_empty() { "everything".to_owned() } else { paths.join(" ") }
    ));
    page.line(format!("  for       {}", request.slug));
    if request.destination == ReleaseDestination::Local {
        let fetched =
            prepared.facts.clone.last_fetched.map_or("never".to_owned(), model::base::time::format_rfc3339);
        page.line(format!("  fetched   {fetched} from {}", request.remote));
    }
}

fn made(page: &mut Page, receipt: &Receipt) {
    page.heading("Made");
    for file in &receipt.files {
        page.line(format!("  {}", file.path.display()));
        page.line(format!("    {}, {} bytes", file.digest, file.size));
    }
    let how = if receipt.tag_object.already_existed { "kept" } else { "made" };
    let kind = if receipt.tag_object.kind == TagKind::Signed { "signed" } else { "not signed" };
    page.line(format!("  tag {}, {how}, {kind}: object {}", receipt.tag, receipt.tag_object.object));
}

fn last_word(args: &Release, prepared: &Prepared, done: Option<&Done>) -> String {
    let refusals = prepared.plan.failed_checks().count();
    if let Some(release) = done.and_then(|it| it.release.as_ref()) {
        let state = if release.draft {
            "A draft, complete: publish it by running again without --draft"
        } else {
            "Published"
        };
        return format!("{state}: {}", release.html_url.escaped());
    }
    match (refusals, args.dry_run) {
        (0, true) => "Nothing was changed. Run it without --dry-run to perform this plan.".to_owned(),
        (0, false) => {
            let name = &prepared.plan.tag;
            format!(
                "Nothing left this machine. To go on, the same again with --push, which publishes {name}."
            )
        }
        (1, _) => "Refused for 1 reason; nothing was changed.".to_owned(),
        (count, _) => format!("Refused for {count} reasons; nothing was changed."),
    }
}
