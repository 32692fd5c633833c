//! The reports of audits: JSON documents, and Markdown for GitHub Actions.

use std::fmt::Write as _;

use model::evidence::audit::AuditReport;
use model::evidence::verdict::{Finding, Verdict, overall};
use serde::Serialize;

use crate::escape;
use crate::report;
use crate::session::RepositoryContext;

/// The JSON document of `audit TAG`.
#[derive(Serialize)]
pub(super) struct AuditJson<'a> {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) repository: RepositoryJson,
    #[serde(flatten)]
    pub(super) audit: AuditEntryJson<'a>,
}

/// The JSON document of `audit --all` and `audit --target`.
#[derive(Serialize)]
pub(super) struct AuditAllJson<'a> {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) repository: RepositoryJson,
    pub(super) verdict: Verdict,
    pub(super) notes: &'a [String],
    pub(super) audits: Vec<AuditEntryJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct AuditEntryJson<'a> {
    pub(super) subject: &'a str,
    pub(super) verdict: Verdict,
    pub(super) findings: &'a [Finding],
    pub(super) notes: &'a [String],
    pub(super) trusted_root: Option<&'a str>,
}

/// The audited repository, and the source of its name.
#[derive(Serialize)]
pub(super) struct RepositoryJson {
    pub(super) repository: String,
    pub(super) repository_source: String,
}

impl RepositoryJson {
    pub(super) fn of(context: &RepositoryContext) -> Self {
        Self { repository: context.slug.to_string(), repository_source: context.slug_source.to_string() }
    }
}

/// The audit of one release, or of the versions that registries list for a target.
pub(super) struct AuditResult {
    /// The tag, or the id of the target.
    pub(super) subject: String,
    pub(super) report: AuditReport,
}

impl AuditResult {
    pub(super) fn verdict(&self) -> Verdict {
        overall(&self.report.findings)
    }

    pub(super) fn to_json(&self) -> AuditEntryJson<'_> {
        AuditEntryJson {
            subject: &self.subject,
            verdict: self.verdict(),
            findings: &self.report.findings,
            notes: &self.report.warnings,
            trusted_root: self.report.trusted_root.as_deref(),
        }
    }

    /// Returns the check and reason of each finding that is not proven, separated by commas. Empty if all are proven.
    pub(super) fn unproven_summary(&self) -> String {
        let open = self.report.findings.iter().filter(|it| it.verdict != Verdict::Proven);
        let mut unique: Vec<String> = Vec::new();
        for text in open.map(|it| format!("{} {}", it.check, it.reason())) {
            if !unique.contains(&text) {
                unique.push(text);
            }
        }
        unique.join(", ")
    }
}

/// Returns the report as a Markdown table, for the step summary of GitHub Actions.
pub(super) fn summary_markdown(finding: &AuditResult) -> String {
    let AuditResult { subject, report } = finding;
    let cell = |text: &str| ops::markdown::text(&escape::sanitize(text));
    // Commands are copied by readers, so they are code spans. A bar would end the cell even there, so it is escaped.
    let command = |text: &str| match text {
        "" => String::new(),
        _ => ops::markdown::code(&escape::sanitize(text)).replace('|', "\\|"),
    };
    let verdict = report::verdict_label(overall(&report.findings));
    let mut out = format!(
        "## Audit of `{subject}`: {verdict}\n\n| check | verdict | reason | evidence | hint |\n|---|---|---|---|---|\n"
    );
    for finding in &report.findings {
        let subject_cell = cell(&format!("{} {}", finding.check, finding.subject));
        let verdict = report::verdict_label(finding.verdict);
        let evidence = cell(&finding.explanation.evidence);
        let (reason, hint) = (finding.reason(), command(&finding.explanation.hint()));
        writeln!(out, "| {subject_cell} | {verdict} | {reason} | {evidence} | {hint} |")
            .expect("writing to a string cannot fail");
    }
    for note in &report.warnings {
        writeln!(out, "\nNote: {}", cell(note)).expect("writing to a string cannot fail");
    }
    out
}
