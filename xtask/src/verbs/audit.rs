//! `audit <TAG>`: what a published release proves to somebody who only downloads it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use model::ReleaseTag;
use model::evidence::audit::{AttestationRequirement, AuditReport, ReleaseExpectation};
use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{Audit, Event, OpsError};
use serde::Serialize;

use crate::Ending;
use crate::args::{self, Global};
use crate::environment::GITHUB_STEP_SUMMARY;
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::{self, Abroad, Session};
use crate::story::Story;
use crate::trust;
use crate::world::Reached;

/// How long to wait before looking again at what may still be on its way.
///
/// A look takes about ten requests, of which anybody has sixty an hour.
const PAUSE: Duration = Duration::from_secs(30);

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    repository: Repository,
    #[serde(flatten)]
    audit: One<'a>,
}

/// What scripts get of many.
#[derive(Serialize)]
struct Documents<'a> {
    schema: &'static str,
    #[serde(flatten)]
    repository: Repository,
    verdict: Verdict,
    audits: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    subject: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
    notes: &'a [String],
    trusted_root: Option<&'a str>,
}

/// The repository that was audited, and where its name comes from.
#[derive(Serialize)]
struct Repository {
    repository: String,
    repository_source: String,
}

impl Repository {
    fn of(abroad: &Abroad) -> Self {
        Self { repository: abroad.slug.to_string(), repository_source: abroad.slug_source.to_string() }
    }
}

pub(crate) fn run(global: &Global, args: &args::Audit) -> Result<Ending, Failure> {
    let session = Session::near(global)?.map(|it| it.trusting(&args.trust)).transpose()?;
    let abroad = match &session {
        Some(session) => session.abroad(),
        None => Abroad::find(global)?,
    };
    let trusted = trust::trusted(&args.trust, true, abroad.patience.timeout)?;
    let reached = Reached::connect(&abroad.slug, (abroad.named_host, abroad.patience), trusted)?;
    let audit = Audit {
        world: reached.world(),
        slug: &abroad.slug,
        only_named: global.repo.is_some(),
        catalog: &abroad.catalog,
        clone: session.as_ref().map(Session::work),
        now: session::now(),
    };
    let wait = args.wait.unwrap_or_default();
    let Some(text) = &args.tag else {
        return all(global, audit, &abroad, (&tags(session.as_ref())?, wait));
    };
    let tag = ReleaseTag::parse(&abroad.catalog, text)?;
    let audited = audited(global, audit, &tag, wait)?;
    report::for_actions(GITHUB_STEP_SUMMARY, &markdown(&audited))?;
    if report::is_json(global) {
        let schema = "opensandbox-release/audit/1";
        report::print_json(&Document {
            schema,
            repository: Repository::of(&abroad),
            audit: audited.document(),
        })?;
    } else {
        let mut page = Page::new();
        page.line(format!("{}  {}", audited.tag, tag.title()));
        page.line(repository_line(&abroad));
        report::audit(&mut page, &audited.report);
        page.print()?;
    }
    Ok(Ending::Judged(audited.verdict()))
}

/// Which repository was audited: somebody who runs an audit in another folder than they think must see it.
fn repository_line(abroad: &Abroad) -> String {
    format!("for {} ({})", abroad.slug, report::harmless(&abroad.slug_source.to_string()))
}

/// A release, and what its audit came to.
struct Audited {
    tag: String,
    report: AuditReport,
}

impl Audited {
    fn verdict(&self) -> Verdict {
        overall(&self.report.findings)
    }

    fn document(&self) -> One<'_> {
        One {
            subject: &self.tag,
            verdict: self.verdict(),
            findings: &self.report.findings,
            notes: &self.report.warnings,
            trusted_root: self.report.trusted_root.as_deref(),
        }
    }

    /// Everything that is not proven, in a few words.
    fn open(&self) -> String {
        let open = self.report.findings.iter().filter(|it| it.verdict != Verdict::Proven);
        let mut open: Vec<String> = open.map(|it| format!("{} {}", it.check, it.reason)).collect();
        open.dedup();
        open.join(", ")
    }
}

fn audited(global: &Global, audit: Audit<'_>, tag: &ReleaseTag, wait: Duration) -> Result<Audited, Failure> {
    let promise = ops::promise(audit.catalog, tag, AttestationRequirement::Required);
    let report = look(global, audit, &promise, wait)?;
    Ok(Audited { tag: promise.tag, report })
}

/// Every tag of every target that this clone has.
fn tags(session: Option<&Session>) -> Result<Vec<ReleaseTag>, Failure> {
    let no_clone = || Failure::usage(anyhow!("--all audits the tags of a clone, and there is none here"));
    let session = session.ok_or_else(no_clone)?;
    let mut all = Vec::new();
    for target in session.catalog.targets() {
        for tag in session.repo.tags(target).map_err(OpsError::from)? {
            // What is no release tag of the target's form was never released.
            all.extend(ReleaseTag::parse(&session.catalog, &tag.name).ok());
        }
    }
    Ok(all)
}

/// Every release by itself, and the worst of them.
fn all(
    global: &Global,
    audit: Audit<'_>,
    abroad: &Abroad,
    (tags, wait): (&[ReleaseTag], Duration),
) -> Result<Ending, Failure> {
    let mut done = Vec::new();
    for (at, tag) in tags.iter().enumerate() {
        report::tell(global, &format!("auditing {tag} ({} of {})", at + 1, tags.len()));
        done.push(audited(global, audit, tag, wait)?);
    }
    // No tags prove nothing.
    let verdict = done.iter().map(Audited::verdict).max().unwrap_or(Verdict::Unproven);
    for it in &done {
        report::for_actions(GITHUB_STEP_SUMMARY, &markdown(it))?;
    }
    if report::is_json(global) {
        let audits = done.iter().map(Audited::document).collect();
        let repository = Repository::of(abroad);
        let schema = "opensandbox-release/audit-all/1";
        report::print_json(&Documents { schema, repository, verdict, audits })?;
    } else {
        let mut page = Page::new();
        page.line(repository_line(abroad));
        for it in &done {
            report::audited(&mut page, &it.tag, it.verdict(), &it.open());
        }
        report::verdict_of_all(&mut page, verdict);
        page.print()?;
    }
    Ok(Ending::Judged(verdict))
}

/// Looks; and looks again, as long as something may still be on its way and there is time.
fn look(
    global: &Global,
    audit: Audit<'_>,
    promise: &ReleaseExpectation,
    wait: Duration,
) -> Result<AuditReport, Failure> {
    let begun = Instant::now();
    let mut story = Story::new(global);
    loop {
        let audit = Audit { now: session::now(), ..audit };
        let report = ops::audit(audit, promise, &mut |it| story.tell(&Event::Connection(it)))?;
        let left = wait.saturating_sub(begun.elapsed());
        let open = report.findings.iter().filter(|it| ops::may_resolve_later(it));
        let open: Vec<String> =
            open.map(|it| format!("{} {} ({})", it.check, it.subject, it.reason)).collect();
        if open.is_empty() || left.is_zero() || overall(&report.findings) == Verdict::Refuted {
            return Ok(report);
        }
        let pause = PAUSE.min(left);
        let line = format!("waiting, {} s left, for {}", left.as_secs(), open.join(", "));
        report::tell(global, &line);
        std::thread::sleep(pause);
    }
}

/// The report as a table for the summary of a workflow's step.
fn markdown(it: &Audited) -> String {
    let Audited { tag, report } = it;
    let cell = |text: &str| ops::markdown_text(&report::harmless(text));
    // Commands are copied: they must stand as they are. A bar ends a cell even in a code span.
    let command = |text: &str| match text {
        "" => String::new(),
        _ => ops::markdown_code(&report::harmless(text)).replace('|', "\\|"),
    };
    let verdict = report::word(overall(&report.findings));
    let mut out = format!(
        "## Audit of `{tag}`: {verdict}\n\n| what | verdict | reason | evidence | what to do |\n|---|---|---|---|---|\n"
    );
    for it in &report.findings {
        let what = cell(&format!("{} {}", it.check, it.subject));
        let (verdict, evidence, hint) = (report::word(it.verdict), cell(&it.evidence), command(&it.hint));
        writeln!(out, "| {what} | {verdict} | {} | {evidence} | {hint} |", it.reason)
            .expect("writing to a string cannot fail");
    }
    for note in &report.warnings {
        writeln!(out, "\nNote: {}", cell(note)).expect("writing to a string cannot fail");
    }
    out
}
