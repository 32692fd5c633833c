//! `audit <TAG>`: verifies a published release from its public downloads.

use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use model::ReleaseTag;
use model::evidence::audit::{AttestationRequirement, AuditReport, ReleaseExpectation};
use model::evidence::verdict::{Finding, Verdict, overall};
use model::package::registry::RegistryKind;
use ops::{AuditRequest, PackageRegistries, PackageScope, ReleaseEvent};
use serde::Serialize;

use crate::args::{GlobalArgs, TrustArgs};
use crate::clock;
use crate::environment::GITHUB_STEP_SUMMARY;
use crate::error::CliError;
use crate::escape;
use crate::github;
use crate::http;
use crate::outcome::RunOutcome;
use crate::progress::ProgressReporter;
use crate::registries;
use crate::report::{self, TextPage};
use crate::session::{RepositoryContext, Session};
use crate::trust;

/// The arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The release tag, as in server/v0.1.14
    #[arg(required_unless_present = "all")]
    pub(crate) tag: Option<String>,
    /// Audit every release whose tag this clone has
    #[arg(long, conflicts_with = "tag")]
    pub(crate) all: bool,
    /// Audit only this channel; may be repeated [default: all that the target has]
    #[arg(long, value_name = "KIND")]
    pub(crate) channel: Vec<AuditChannel>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Retry for up to this long, as in 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) wait: Option<Duration>,
}

/// A channel that an audit can cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditChannel {
    /// The source archive on GitHub
    Source,
    /// The packages on PyPI
    Pypi,
    /// The package on npm
    Npm,
    /// The Go module
    Go,
}

impl AuditChannel {
    /// Returns the kind of registry. `None` for the source archive.
    fn registry_kind(self) -> Option<RegistryKind> {
        match self {
            Self::Source => None,
            Self::Pypi => Some(RegistryKind::Pypi),
            Self::Npm => Some(RegistryKind::Npm),
            Self::Go => Some(RegistryKind::Go),
        }
    }
}

/// Parses a duration: a whole number and the unit s, m or h.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("invalid duration '{text}': expected a number with s, m or h, as in 10m");
    let unit = text.chars().last().ok_or_else(wanted)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wanted()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wanted())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// The pause between two attempts of an audit that waits.
///
/// An attempt takes about ten requests, and GitHub allows 60 anonymous requests per hour.
const AUDIT_RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The JSON document of `audit TAG`.
#[derive(Serialize)]
struct AuditJson<'a> {
    schema: &'static str,
    #[serde(flatten)]
    repository: RepositoryJson,
    #[serde(flatten)]
    audit: AuditEntryJson<'a>,
}

/// The JSON document of `audit --all`.
#[derive(Serialize)]
struct AuditAllJson<'a> {
    schema: &'static str,
    #[serde(flatten)]
    repository: RepositoryJson,
    verdict: Verdict,
    audits: Vec<AuditEntryJson<'a>>,
}

#[derive(Serialize)]
struct AuditEntryJson<'a> {
    subject: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
    notes: &'a [String],
    trusted_root: Option<&'a str>,
}

/// The audited repository, and the source of its name.
#[derive(Serialize)]
struct RepositoryJson {
    repository: String,
    repository_source: String,
}

impl RepositoryJson {
    fn of(context: &RepositoryContext) -> Self {
        Self { repository: context.slug.to_string(), repository_source: context.slug_source.to_string() }
    }
}

pub(crate) fn run(global: &GlobalArgs, args: &AuditArgs) -> Result<RunOutcome, CliError> {
    let session = Session::discover(global)?.map(|it| it.with_trust_root(&args.trust)).transpose()?;
    let context = match &session {
        Some(session) => session.repository_context(),
        None => RepositoryContext::find(global)?,
    };
    let trust_root = trust::trust_root_source(&args.trust, true, context.retry_policy.idle_timeout)?;
    let clients = github::connect(context.host(), context.retry_policy, trust_root)?;
    let audit = AuditRequest {
        clients: clients.clients(),
        slug: &context.slug,
        current_name_only: global.repo.is_some(),
        catalog: &context.catalog,
        clone: session.as_ref().map(Session::context),
        now: clock::now(),
        source: args.channel.is_empty() || args.channel.contains(&AuditChannel::Source),
        packages: None,
    };
    let Some(text) = &args.tag else {
        return audit_all(global, args, audit, &context, &release_tags(session.as_ref())?);
    };
    let tag = ReleaseTag::parse(&context.catalog, text)?;
    check_channels(args, &context, &tag)?;
    let audited = audit_tag(global, args, audit, &tag)?;
    report::append_to_actions_file(GITHUB_STEP_SUMMARY, &summary_markdown(&audited))?;
    if report::is_json(global) {
        let schema = "opensandbox-release/audit/3";
        report::print_json(&AuditJson {
            schema,
            repository: RepositoryJson::of(&context),
            audit: audited.to_json(),
        })?;
    } else {
        let mut page = TextPage::new();
        page.line(format!("{}  {}", audited.tag, tag.title()));
        page.line(repository_line(&context));
        report::audit(&mut page, &audited.report);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(audited.verdict()))
}

/// Returns the line that names the audited repository. It shows a reader who is in the wrong folder.
fn repository_line(context: &RepositoryContext) -> String {
    format!("for {} ({})", context.slug, escape::sanitize(&context.slug_source.to_string()))
}

/// The audit of one release.
struct AuditResult {
    tag: String,
    report: AuditReport,
}

impl AuditResult {
    fn verdict(&self) -> Verdict {
        overall(&self.report.findings)
    }

    fn to_json(&self) -> AuditEntryJson<'_> {
        AuditEntryJson {
            subject: &self.tag,
            verdict: self.verdict(),
            findings: &self.report.findings,
            notes: &self.report.warnings,
            trusted_root: self.report.trusted_root.as_deref(),
        }
    }

    /// Returns the check and reason of each finding that is not proven, separated by commas. Empty if all are proven.
    fn unproven_summary(&self) -> String {
        let open = self.report.findings.iter().filter(|it| it.verdict != Verdict::Proven);
        let mut open: Vec<String> = open.map(|it| format!("{} {}", it.check, it.reason())).collect();
        open.dedup();
        open.join(", ")
    }
}

/// Fails if a selected channel is none of the target's.
fn check_channels(args: &AuditArgs, context: &RepositoryContext, tag: &ReleaseTag) -> Result<(), CliError> {
    let target = context.catalog.target(tag.target());
    let channels = target.map_or(&[][..], |it| &it.channels[..]);
    let kinds: Vec<RegistryKind> =
        channels.iter().filter_map(model::Channel::package).map(|(kind, _)| kind).collect();
    let missing = args.channel.iter().filter_map(|it| it.registry_kind()).find(|it| !kinds.contains(it));
    let Some(missing) = missing else { return Ok(()) };
    let names: Vec<&str> = std::iter::once("source").chain(kinds.iter().map(|it| it.name())).collect();
    let error = anyhow!("{} has no channel {missing} that can be audited", tag.target());
    Err(CliError::usage(error).with_hint(format!("choose from {}", names.join(", "))))
}

fn audit_tag(
    global: &GlobalArgs,
    args: &AuditArgs,
    audit: AuditRequest<'_>,
    tag: &ReleaseTag,
) -> Result<AuditResult, CliError> {
    let expectation = ops::expectation(audit.catalog, tag, AttestationRequirement::Required);
    let target = audit.catalog.target(tag.target()).expect("a tag is made for a target of the catalog");
    let selected = args.channel.iter().filter_map(|it| it.registry_kind());
    let wanted = if args.channel.is_empty() { RegistryKind::ALL.to_vec() } else { selected.collect() };
    let found = registries::find_registries(audit.catalog, target, &wanted)?;
    let packages = PackageRegistries::new(found, std::env::temp_dir(), http::retry_policy()?)?;
    let audit = AuditRequest { packages: Some(PackageScope { registries: &packages, tag }), ..audit };
    let wait = args.wait.unwrap_or_default();
    let mut report = audit_with_retries(global, audit, &expectation, wait)?;
    if args.channel.is_empty() {
        let unsupported = registries::unsupported_channels(target);
        report.warnings.extend(unsupported.iter().map(|it| format!("{it}: this version cannot audit it")));
    }
    Ok(AuditResult { tag: expectation.tag, report })
}

/// Returns every release tag of every target in the clone.
fn release_tags(session: Option<&Session>) -> Result<Vec<ReleaseTag>, CliError> {
    let no_clone = || CliError::usage(anyhow!("--all audits the tags of a clone: select one with -C DIR"));
    let session = session.ok_or_else(no_clone)?;
    let mut all = Vec::new();
    for target in session.catalog.targets() {
        for tag in session.repo.tags(target)? {
            // A tag that is not a valid release tag of the target was never released by it.
            all.extend(ReleaseTag::parse(&session.catalog, &tag.name).ok());
        }
    }
    Ok(all)
}

/// Audits every release. The outcome is the worst verdict.
fn audit_all(
    global: &GlobalArgs,
    args: &AuditArgs,
    audit: AuditRequest<'_>,
    context: &RepositoryContext,
    tags: &[ReleaseTag],
) -> Result<RunOutcome, CliError> {
    let mut outcome = Vec::new();
    for (index, tag) in tags.iter().enumerate() {
        report::print_progress(global, &format!("auditing {tag} ({} of {})", index + 1, tags.len()));
        outcome.push(audit_tag(global, args, audit, tag)?);
    }
    // Without tags nothing was verified, so the verdict is unproven.
    let verdict = outcome.iter().map(AuditResult::verdict).max().unwrap_or(Verdict::Unproven);
    for result in &outcome {
        report::append_to_actions_file(GITHUB_STEP_SUMMARY, &summary_markdown(result))?;
    }
    if report::is_json(global) {
        let audits = outcome.iter().map(AuditResult::to_json).collect();
        let repository = RepositoryJson::of(context);
        let schema = "opensandbox-release/audit-all/3";
        report::print_json(&AuditAllJson { schema, repository, verdict, audits })?;
    } else {
        let mut page = TextPage::new();
        page.line(repository_line(context));
        for result in &outcome {
            report::audit_row(&mut page, &result.tag, result.verdict(), &result.unproven_summary());
        }
        report::overall_verdict(&mut page, verdict);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(verdict))
}

/// Audits a release, and repeats the audit while a finding may resolve later and `wait` has not passed. A refuted
/// finding ends the wait, because it stays refuted.
fn audit_with_retries(
    global: &GlobalArgs,
    audit: AuditRequest<'_>,
    expectation: &ReleaseExpectation,
    wait: Duration,
) -> Result<AuditReport, CliError> {
    let started = Instant::now();
    let mut reporter = ProgressReporter::new(global);
    loop {
        let audit = AuditRequest { now: clock::now(), ..audit };
        let report = ops::audit(audit, expectation, &mut |it| reporter.report(&ReleaseEvent::Http(it)))?;
        let remaining = wait.saturating_sub(started.elapsed());
        let pending = report.findings.iter().filter(|it| it.may_resolve_later());
        let pending: Vec<String> =
            pending.map(|it| format!("{} {} ({})", it.check, it.subject, it.reason())).collect();
        if pending.is_empty() || remaining.is_zero() || overall(&report.findings) == Verdict::Refuted {
            return Ok(report);
        }
        let pause = AUDIT_RETRY_INTERVAL.min(remaining);
        let line = format!("waiting, {} s left, for {}", remaining.as_secs(), pending.join(", "));
        report::print_progress(global, &line);
        std::thread::sleep(pause);
    }
}

/// Returns the report as a Markdown table, for the step summary of GitHub Actions.
fn summary_markdown(finding: &AuditResult) -> String {
    let AuditResult { tag, report } = finding;
    let cell = |text: &str| ops::markdown::text(&escape::sanitize(text));
    // Commands are copied by readers, so they are code spans. A bar would end the cell even there, so it is escaped.
    let command = |text: &str| match text {
        "" => String::new(),
        _ => ops::markdown::code(&escape::sanitize(text)).replace('|', "\\|"),
    };
    let verdict = report::verdict_label(overall(&report.findings));
    let mut out = format!(
        "## Audit of `{tag}`: {verdict}\n\n| check | verdict | reason | evidence | hint |\n|---|---|---|---|---|\n"
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
