//! How reports look: text for people, JSON for scripts.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use model::evidence::attestation::BundleVerdict;
use model::evidence::audit::AuditReport;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::plan::{CheckOutcome, CheckResult, Plan, StepAction, StepState};
use rehearsal::{CommandOutcome, CommandResult, FaultResult};
use serde::Serialize;

use crate::args::{Format, Global};
use crate::environment;
use crate::failure::Failure;

/// What a report is set off with.
pub(crate) const BOLD: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// What begins a sequence that a terminal obeys (ECMA-48, 5.4).
const ESCAPE: char = '\u{1b}';

/// The middle of each sequence that changes the colour of our own text ("select graphic rendition", ECMA-48, 8.3.117). Others
/// could hide text.
const COLORS: [&str; 6] = ["[0", "[1", "[2", "[31", "[32", "[33"];

/// A report on its way to stdout, in one piece.
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self { text: String::new() }
    }

    /// Adds a line, with its colours. Whatever else it holds is escaped here, should nobody have done it before.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        for (at, piece) in line.as_ref().split(ESCAPE).enumerate() {
            match piece.split_once('m').filter(|(code, _)| at > 0 && COLORS.contains(code)) {
                Some((code, text)) => self.text.extend(["\u{1b}", code, "m", &harmless(text)]),
                None if at == 0 => self.text.push_str(&harmless(piece)),
                None => self.text.push_str(&harmless(&format!("{ESCAPE}{piece}"))),
            }
        }
        self.text.push('\n');
    }

    /// Adds a text of several lines.
    pub(crate) fn lines(&mut self, text: &str) {
        for line in text.split('\n') {
            self.line(line);
        }
    }

    /// Adds an empty line.
    pub(crate) fn blank(&mut self) {
        self.line("");
    }

    /// Adds a heading, after an empty line.
    pub(crate) fn heading(&mut self, title: &str) {
        self.blank();
        self.line(format!("{BOLD}{title}{BOLD:#}"));
    }

    /// Prints it.
    pub(crate) fn print(self) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// Prints text as it is.
pub(crate) fn print_raw(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a document for scripts.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(Failure::work)?;
    print_raw(&format!("{}\n", escaped_json(&text)))
}

/// JSON in which nothing is left that a terminal or a workflow's log would obey: the syntax has an escape for every
/// character (RFC 8259, 7). A `[` behind `#` stands in a string: outside of strings there is no `#`.
fn escaped_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && model::base::untrusted_text::is_unprintable(c) || c == '[' && out.ends_with("##") {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a string cannot fail");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Tells the story on stderr, unless nobody wants to hear it.
pub(crate) fn tell(global: &Global, line: &str) {
    if !global.quiet {
        // The story is no result: where stderr is gone, the work goes on.
        writeln!(anstream::stderr(), "{}", harmless(line)).ok();
    }
}

/// Whether the report is for scripts.
pub(crate) fn is_json(global: &Global) -> bool {
    global.format == Format::Json
}

/// Adds the steps of a plan.
pub(crate) fn plan(page: &mut Page, plan: &Plan) {
    page.heading("Plan");
    for step in &plan.steps {
        let what = match step.action {
            StepAction::WriteArchive | StepAction::WriteSums | StepAction::WriteNotes => "write",
            StepAction::CreateTag => "tag",
            StepAction::CreateDraft => "draft",
            StepAction::UpdateDraft => "text",
            StepAction::UploadAsset => "upload",
            StepAction::DeleteAsset => "remove",
            StepAction::DeleteDraft => "delete",
            StepAction::PushTag => "push",
            StepAction::Publish => "publish",
            StepAction::Audit => "audit",
        };
        let state = match step.state {
            StepState::Missing => "",
            StepState::Rewrite => "  (there from before: written again)",
            StepState::Present => "  (there already)",
        };
        page.line(format!("  {what:<7} {}{DIM}{state}{DIM:#}", step.subject));
    }
}

/// Adds the checks: all of them, or those that need to be seen.
pub(crate) fn checks(page: &mut Page, checks: &[CheckResult], all: bool) {
    page.heading("Checks");
    let passed = checks.iter().filter(|it| it.outcome == CheckOutcome::Passed).count();
    for check in checks.iter().filter(|it| all || it.outcome != CheckOutcome::Passed) {
        let (word, style) = outcome(check.outcome);
        page.line(format!("  {style}{word:<8}{style:#} {:<15} {}", check.check, harmless(&check.evidence)));
        if !check.hint.is_empty() {
            page.line(format!("  {:<8} {DIM}{:<15} {}{DIM:#}", "", "hint:", harmless(&check.hint)));
        }
    }
    if !all {
        page.line(format!("  {passed} of {} passed", checks.len()));
    }
}

/// Text that may come from elsewhere, as it may be printed ([`model::base::untrusted_text::escape`]).
pub(crate) fn harmless(text: &str) -> String {
    model::base::untrusted_text::escape(text)
}

/// How wide text is, where its words let it.
const WIDTH: usize = 100;

/// Adds text behind a head, with its further lines below its beginning. `width` is the head's, without its colours.
fn beside(page: &mut Page, (head, width): (&str, usize), text: &str, style: Style) {
    let text = &harmless(text);
    let mut line = String::new();
    let mut head = head.to_owned();
    for word in text.split(' ') {
        if !line.is_empty() && width + line.chars().count() + 1 + word.chars().count() > WIDTH {
            page.line(format!("{head}{style}{line}{style:#}"));
            head = " ".repeat(width);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    page.line(format!("{head}{style}{line}{style:#}"));
}

/// Adds findings and their verdict.
pub(crate) fn findings(page: &mut Page, findings: &[Finding]) {
    each_finding(page, findings);
    verdict_of_all(page, overall(findings));
}

/// Adds findings.
pub(crate) fn each_finding(page: &mut Page, findings: &[Finding]) {
    for it in findings {
        let (word, style) = verdict(it.verdict);
        let head = format!("  {style}{word:<9}{style:#} {:<11} ", it.check);
        beside(page, (&head, 24), &it.evidence, Style::new());
        if it.verdict != Verdict::Proven {
            let said = format!("{}; {}", it.reason, it.hint);
            beside(page, (&" ".repeat(24), 24), &said, DIM);
        }
    }
}

/// Adds what an audit came to.
pub(crate) fn audit(page: &mut Page, report: &AuditReport) {
    for note in &report.warnings {
        beside(page, (&format!("  {:<9} {:<11} ", "note", ""), 24), note, DIM);
    }
    findings(page, &report.findings);
    if let Some(roots) = &report.trusted_root {
        page.line(format!("{DIM}{}{DIM:#}", harmless(roots)));
    }
}

/// Adds a row for a file: its verdict, and why.
pub(crate) fn subject(page: &mut Page, shown: &str, findings: &[Finding]) {
    let (word, style) = verdict(overall(findings));
    let finding = findings.iter().max_by_key(|it| it.verdict);
    let evidence = finding.map_or(String::new(), |it| match it.verdict {
        Verdict::Proven => it.evidence.clone(),
        _ => format!("{}: {}", it.reason, it.evidence),
    });
    beside(page, (&format!("  {style}{word:<9}{style:#} "), 12), shown, Style::new());
    beside(page, (&" ".repeat(12), 12), &evidence, DIM);
}

/// Adds a release with its verdict, and what is not proven of it.
pub(crate) fn audited(page: &mut Page, tag: &str, it: Verdict, open: &str) {
    let (word, style) = verdict(it);
    beside(page, (&format!("  {style}{word:<9}{style:#} {tag:<32} "), 44), open, DIM);
}

/// Adds the verdict of all.
pub(crate) fn verdict_of_all(page: &mut Page, it: Verdict) {
    let (word, style) = verdict(it);
    page.blank();
    page.line(format!("{style}{word}{style:#}"));
}

/// Adds a step of a rehearsal, and how long it took.
pub(crate) fn step(page: &mut Page, it: &Finding, took: Duration) {
    let (word, style) = verdict(it.verdict);
    let head = format!("  {style}{word:<9}{style:#} {:<10} {:>6.2} s  ", it.check, took.as_secs_f32());
    beside(page, (&head, 32), &it.evidence, Style::new());
    if it.verdict != Verdict::Proven {
        beside(page, (&" ".repeat(32), 32), &format!("{}; {}", it.reason, it.hint), DIM);
    }
}

/// Adds the commands of the notes, and what became of each. Those of a block that cannot run here are one line.
pub(crate) fn tried(page: &mut Page, all: &[CommandResult]) {
    let color = |it: AnsiColor| Style::new().fg_color(Some(it.into()));
    for block in all.chunk_by(|a, b| a.heading == b.heading && a.outcome == b.outcome && a.is_skipped()) {
        let it = &block[0];
        let (word, style, why) = match &it.outcome {
            CommandOutcome::Succeeded => ("ran", color(AnsiColor::Green), None),
            CommandOutcome::Failed { message: said } => ("FAILED", color(AnsiColor::Red).bold(), Some(said)),
            CommandOutcome::Skipped { reason: why } => ("not here", color(AnsiColor::Yellow), Some(why)),
        };
        let head = format!("  {style}{word:<9}{style:#} ");
        match why {
            Some(why) if block.len() > 1 => {
                let text = format!("{} ({} commands): {why}", it.heading, block.len());
                beside(page, (&head, 12), &text, Style::new());
            }
            _ => beside(page, (&head, 12), &it.command, Style::new()),
        }
        if let Some(why) = why.filter(|_| block.len() == 1) {
            beside(page, (&" ".repeat(12), 12), why, DIM);
        }
    }
}

/// Adds a fault, and what the suite made of it.
pub(crate) fn struck(page: &mut Page, it: &FaultResult) {
    let (word, style) = verdict(if it.passed { Verdict::Proven } else { Verdict::Refuted });
    let head = format!("  {style}{word:<9}{style:#} {:<20} ", it.fault);
    beside(page, (&head, 33), it.description, Style::new());
    beside(page, (&" ".repeat(33), 33), &it.observed, DIM);
}

/// A verdict in a word.
pub(crate) fn word(it: Verdict) -> &'static str {
    verdict(it).0
}

/// Adds a bundle with its verdict.
pub(crate) fn bundle(page: &mut Page, it: &BundleVerdict) {
    let (word, style) = verdict(it.verdict);
    let head = format!("  {style}{word:<9}{style:#} {:<15} ", it.reason);
    beside(page, (&head, 28), &format!("{}: {}", it.origin, it.evidence), Style::new());
    for note in &it.warnings {
        beside(page, (&" ".repeat(28), 28), &format!("note: {note}"), DIM);
    }
}

fn verdict(verdict: Verdict) -> (&'static str, Style) {
    let color = |it: AnsiColor| Style::new().bold().fg_color(Some(it.into()));
    match verdict {
        Verdict::Proven => ("proven", color(AnsiColor::Green)),
        Verdict::Unproven => ("unproven", color(AnsiColor::Yellow)),
        Verdict::Refuted => ("refuted", color(AnsiColor::Red)),
    }
}

fn outcome(outcome: CheckOutcome) -> (&'static str, Style) {
    let color = |it: AnsiColor| Style::new().fg_color(Some(it.into()));
    match outcome {
        CheckOutcome::Passed => ("ok", color(AnsiColor::Green)),
        CheckOutcome::Warned => ("note", color(AnsiColor::Yellow)),
        CheckOutcome::Allowed => ("allowed", color(AnsiColor::Yellow)),
        CheckOutcome::Failed => ("REFUSED", color(AnsiColor::Red).bold()),
    }
}

/// Appends to a file that GitHub Actions named, where it named one.
pub(crate) fn for_actions(variable: &str, text: &str) -> Result<(), Failure> {
    let Some(path) = environment::value(variable) else { return Ok(()) };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut it| it.write_all(text.as_bytes())).map_err(|error| {
        Failure::work(anyhow::Error::new(error).context(format!("cannot write {path} (${variable})")))
    })
}
