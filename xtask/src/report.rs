//! The layout of reports: text for people, JSON for scripts.

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

use crate::args::{GlobalArgs, ReportFormat};
use crate::environment;
use crate::error::CliError;
use crate::escape;

/// The style of headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// The style of less important text.
pub(crate) const DIM: Style = Style::new().dimmed();

/// The character that starts a control sequence of a terminal (ECMA-48, 5.4).
const ESCAPE: char = '\u{1b}';

/// The parameters of the control sequences that reports use for colours ("select graphic rendition", ECMA-48, 8.3.117).
/// All others are escaped, because they could hide text.
const COLORS: [&str; 6] = ["[0", "[1", "[2", "[31", "[32", "[33"];

/// A text report, which is printed to stdout as a whole.
pub(crate) struct TextPage {
    text: String,
}

impl TextPage {
    pub(crate) fn new() -> Self {
        Self { text: String::new() }
    }

    /// Adds a line with its colours. Everything else that a terminal would interpret is escaped here, even if the
    /// caller did not escape it.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        for (index, part) in line.as_ref().split(ESCAPE).enumerate() {
            match part.split_once('m').filter(|(code, _)| index > 0 && COLORS.contains(code)) {
                Some((code, text)) => self.text.extend(["\u{1b}", code, "m", &escape::sanitize(text)]),
                None if index == 0 => self.text.push_str(&escape::sanitize(part)),
                None => self.text.push_str(&escape::sanitize(&format!("{ESCAPE}{part}"))),
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

    /// Prints the report.
    pub(crate) fn print(self) -> Result<(), CliError> {
        let mut out = anstream::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// Prints text to stdout without escaping.
pub(crate) fn print_raw(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a JSON document to stdout.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(document).map_err(CliError::runtime)?;
    print_raw(&format!("{}\n", escape_json(&text)))
}

/// Escapes JSON so that a terminal or a workflow log does not interpret any of it. JSON has an escape sequence for
/// every character of a string (RFC 8259, 7). A `[` after `##` is always inside a string, because `#` occurs only
/// there.
fn escape_json(text: &str) -> String {
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

/// Prints a progress line on stderr, unless `--quiet` is given.
pub(crate) fn print_progress(global: &GlobalArgs, line: &str) {
    if !global.quiet {
        // Progress is not a result: if stderr is closed, the work continues.
        writeln!(anstream::stderr(), "{}", escape::sanitize(line)).ok();
    }
}

/// Returns whether the report is to be printed as JSON.
pub(crate) fn is_json(global: &GlobalArgs) -> bool {
    global.format == ReportFormat::Json
}

/// Adds the steps of a plan.
pub(crate) fn plan(page: &mut TextPage, plan: &Plan) {
    page.heading("Plan");
    for step in &plan.steps {
        let label = match step.action {
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
            StepState::Rewrite => "  (exists: written again)",
            StepState::Present => "  (already exists)",
        };
        page.line(format!("  {label:<7} {}{DIM}{state}{DIM:#}", step.subject));
    }
}

/// Adds the checks: all of them, or only those that did not pass, with a count.
pub(crate) fn checks(page: &mut TextPage, checks: &[CheckResult], all: bool) {
    page.heading("Checks");
    let passed = checks.iter().filter(|it| it.outcome == CheckOutcome::Passed).count();
    for check in checks.iter().filter(|it| all || it.outcome != CheckOutcome::Passed) {
        let (word, style) = outcome_style(check.outcome);
        page.line(format!(
            "  {style}{word:<8}{style:#} {:<15} {}",
            check.check,
            escape::sanitize(&check.explanation.evidence)
        ));
        let hint = check.hint();
        if !hint.is_empty() {
            page.line(format!("  {:<8} {DIM}hint: {}{DIM:#}", "", escape::sanitize(&hint)));
        }
    }
    if !all {
        page.line(format!("  {passed} of {} passed", checks.len()));
    }
}

/// The maximum length of a line, in characters. A longer word exceeds it.
const MAX_LINE_CHARS: usize = 100;

/// Adds text after a head, wrapped, with further lines indented to the head's width. `width` is the width of the head
/// in characters, without its colours.
fn wrapped(page: &mut TextPage, head: &str, width: usize, text: &str, style: Style) {
    let text = &escape::sanitize(text);
    let mut line = String::new();
    let mut head = head.to_owned();
    for word in text.split(' ') {
        if !line.is_empty() && width + line.chars().count() + 1 + word.chars().count() > MAX_LINE_CHARS {
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

/// The largest number of findings that are shown if there are more.
const MAX_SHOWN_FINDINGS: usize = 20;

/// Adds findings and their overall verdict.
pub(crate) fn findings(page: &mut TextPage, findings: &[Finding]) {
    each_finding(page, findings);
    overall_verdict(page, overall(findings));
}

/// Adds findings, each with its reason and hint if it is not proven. Of many, only the first ones are shown.
pub(crate) fn each_finding(page: &mut TextPage, findings: &[Finding]) {
    for finding in findings.iter().take(MAX_SHOWN_FINDINGS) {
        let (word, style) = verdict_style(finding.verdict);
        let head = format!("  {style}{word:<9}{style:#} {:<11} ", finding.check);
        wrapped(page, &head, 24, &finding.explanation.evidence, Style::new());
        if finding.verdict != Verdict::Proven {
            wrapped(page, &" ".repeat(24), 24, &reason_and_hint(finding), DIM);
        }
    }
    if let Some(more) = findings.len().checked_sub(MAX_SHOWN_FINDINGS).filter(|it| *it > 0) {
        page.line(format!("  … {more} more; --format json has all"));
    }
}

fn reason_and_hint(finding: &Finding) -> String {
    match finding.explanation.hint() {
        hint if hint.is_empty() => finding.reason().to_string(),
        hint => format!("{}; {hint}", finding.reason()),
    }
}

/// Adds warnings, which have no effect on the verdict.
pub(crate) fn warnings(page: &mut TextPage, warnings: &[String]) {
    for warning in warnings {
        wrapped(page, &format!("  {:<9} {:<11} ", "warning", ""), 24, warning, DIM);
    }
}

/// Adds the report of an audit: warnings, findings, verdict and trusted roots.
pub(crate) fn audit(page: &mut TextPage, report: &AuditReport) {
    warnings(page, &report.warnings);
    let (source, packages) = report.findings.split_at(report.source_findings.min(report.findings.len()));
    each_finding(page, source);
    for group in packages.chunk_by(|a, b| a.subject == b.subject) {
        page.line(escape::sanitize(&group[0].subject));
        each_finding(page, group);
    }
    overall_verdict(page, overall(&report.findings));
    if let Some(roots) = &report.trusted_root {
        page.line(format!("{DIM}{}{DIM:#}", escape::sanitize(roots)));
    }
}

/// Adds a row for a file: its verdict, and the evidence of its worst finding.
pub(crate) fn subject(page: &mut TextPage, display_name: &str, findings: &[Finding]) {
    let (label, style) = verdict_style(overall(findings));
    let finding = findings.iter().max_by_key(|it| it.verdict);
    let evidence = finding.map_or(String::new(), |it| match it.verdict {
        Verdict::Proven => it.explanation.evidence.clone(),
        _ => format!("{}: {}", it.reason(), it.explanation.evidence),
    });
    wrapped(page, &format!("  {style}{label:<9}{style:#} "), 12, display_name, Style::new());
    wrapped(page, &" ".repeat(12), 12, &evidence, DIM);
}

/// Adds a row for a release: its verdict, and its findings that are not proven.
pub(crate) fn audit_row(page: &mut TextPage, tag: &str, verdict: Verdict, unproven: &str) {
    let (word, style) = verdict_style(verdict);
    wrapped(page, &format!("  {style}{word:<9}{style:#} {tag:<32} "), 44, unproven, DIM);
}

/// Adds the overall verdict.
pub(crate) fn overall_verdict(page: &mut TextPage, overall: Verdict) {
    let (word, style) = verdict_style(overall);
    page.blank();
    page.line(format!("{style}{word}{style:#}"));
}

/// Adds a step of a rehearsal with its duration.
pub(crate) fn timed_finding(page: &mut TextPage, finding: &Finding, took: Duration) {
    let (word, style) = verdict_style(finding.verdict);
    let head = format!("  {style}{word:<9}{style:#} {:<15} {:>6.2} s  ", finding.check, took.as_secs_f32());
    wrapped(page, &head, 37, &finding.explanation.evidence, Style::new());
    if finding.verdict != Verdict::Proven {
        wrapped(page, &" ".repeat(37), 37, &reason_and_hint(finding), DIM);
    }
}

/// Adds the commands of the notes with their outcomes. Skipped commands of the same section share one line.
pub(crate) fn commands(page: &mut TextPage, all: &[CommandResult]) {
    let color = |it: AnsiColor| Style::new().fg_color(Some(it.into()));
    for block in all.chunk_by(|a, b| a.heading == b.heading && a.outcome == b.outcome && a.is_skipped()) {
        let first = &block[0];
        let (word, style, reason) = match &first.outcome {
            CommandOutcome::Succeeded => ("ran", color(AnsiColor::Green), None),
            CommandOutcome::Failed { message } => ("FAILED", color(AnsiColor::Red).bold(), Some(message)),
            CommandOutcome::Skipped { reason } => ("skipped", color(AnsiColor::Yellow), Some(reason)),
        };
        let head = format!("  {style}{word:<9}{style:#} ");
        match reason {
            Some(reason) if block.len() > 1 => {
                let text = format!("{} ({} commands): {reason}", first.heading, block.len());
                wrapped(page, &head, 12, &text, Style::new());
            }
            _ => wrapped(page, &head, 12, &first.command, Style::new()),
        }
        if let Some(reason) = reason.filter(|_| block.len() == 1) {
            wrapped(page, &" ".repeat(12), 12, reason, DIM);
        }
    }
}

/// Adds a fault, and how the suite reacted to it.
pub(crate) fn fault(page: &mut TextPage, fault_result: &FaultResult) {
    let (word, style) = verdict_style(if fault_result.passed { Verdict::Proven } else { Verdict::Refuted });
    let head = format!("  {style}{word:<9}{style:#} {:<20} ", fault_result.fault);
    wrapped(page, &head, 33, fault_result.description, Style::new());
    wrapped(page, &" ".repeat(33), 33, &fault_result.observed, DIM);
}

/// Returns the word for a verdict.
pub(crate) fn verdict_label(verdict: Verdict) -> &'static str {
    verdict_style(verdict).0
}

/// Adds a bundle with its verdict and notes.
pub(crate) fn bundle(page: &mut TextPage, verdict: &BundleVerdict) {
    let (word, style) = verdict_style(verdict.verdict);
    let head = format!("  {style}{word:<9}{style:#} {:<15} ", verdict.explanation.reason.code());
    let text = format!("{}: {}", verdict.origin, verdict.explanation.evidence);
    wrapped(page, &head, 28, &text, Style::new());
    for note in &verdict.warnings {
        wrapped(page, &" ".repeat(28), 28, &format!("warning: {note}"), DIM);
    }
}

fn verdict_style(verdict: Verdict) -> (&'static str, Style) {
    let color = |it: AnsiColor| Style::new().bold().fg_color(Some(it.into()));
    match verdict {
        Verdict::Proven => ("proven", color(AnsiColor::Green)),
        Verdict::Unproven => ("unproven", color(AnsiColor::Yellow)),
        Verdict::Refuted => ("refuted", color(AnsiColor::Red)),
    }
}

fn outcome_style(outcome: CheckOutcome) -> (&'static str, Style) {
    let color = |it: AnsiColor| Style::new().fg_color(Some(it.into()));
    match outcome {
        CheckOutcome::Passed => ("ok", color(AnsiColor::Green)),
        CheckOutcome::Warned => ("warning", color(AnsiColor::Yellow)),
        CheckOutcome::Allowed => ("allowed", color(AnsiColor::Yellow)),
        CheckOutcome::Failed => ("FAILED", color(AnsiColor::Red).bold()),
    }
}

/// Appends to the file that a variable of GitHub Actions names. Does nothing if the variable is not set.
pub(crate) fn append_to_actions_file(variable: &str, text: &str) -> Result<(), CliError> {
    let Some(path) = environment::non_empty(variable) else { return Ok(()) };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut it| it.write_all(text.as_bytes())).map_err(|error| {
        CliError::runtime(anyhow::Error::new(error).context(format!("cannot write {path} (${variable})")))
    })
}
