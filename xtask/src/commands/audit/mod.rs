//! `audit`: verifies published releases from their public downloads.

mod args;
mod channel;
mod output;
mod session;

use anyhow::anyhow;
use model::evidence::verdict::Verdict;
use model::{ReleaseTag, Target};
use ops::{AuditRequest, GitHubClients, RecordedAudit, RecordingFolder};

pub(crate) use self::args::AuditArgs;
use self::channel::{check_channels, selects_source, selects_target};
use self::output::{AuditAllJson, AuditJson, AuditResult, RepositoryJson, summary_markdown};
use self::session::AuditSession;
use crate::args::GlobalArgs;
use crate::clock;
use crate::environment::GITHUB_STEP_SUMMARY;
use crate::error::CliError;
use crate::escape;
use crate::github;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::{RepositoryContext, Session};
use crate::trust;

/// What is audited.
enum AuditScope<'a> {
    Tag(ReleaseTag),
    /// All tags of a target in the clone.
    Target(&'a Target, Vec<ReleaseTag>),
    /// All tags of the clone.
    All(Vec<ReleaseTag>, SkippedTargets),
}

/// The targets that have none of the selected channels.
#[derive(Default)]
struct SkippedTargets(Vec<String>);

impl SkippedTargets {
    /// Returns a note for the report. `None` if no target was skipped.
    fn note(&self) -> Option<String> {
        let targets = self.0.join(", ");
        (!targets.is_empty()).then(|| format!("not audited, because they have no such channel: {targets}"))
    }
}

impl AuditScope<'_> {
    /// Returns the name of the scope in a recording.
    fn name(&self) -> String {
        match self {
            Self::Tag(tag) => tag.name(),
            Self::Target(target, _) => format!("--target {}", target.id),
            Self::All(..) => "--all".to_owned(),
        }
    }
}

pub(crate) fn run(global: &GlobalArgs, args: &AuditArgs) -> Result<RunOutcome, CliError> {
    let session = Session::discover(global)?.map(|it| it.with_trust_root(&args.trust)).transpose()?;
    let context = match &session {
        Some(session) => session.repository_context(),
        None => RepositoryContext::find(global)?,
    };
    let scope = audit_scope(args, &context, session.as_ref())?;
    let recording = open_recording(args, &context, &scope)?;
    let clients = connect(args, &context, recording.as_ref())?;
    let request = AuditRequest {
        clients: clients.clients(),
        metadata: None,
        slug: &context.slug,
        current_name_only: global.repo.is_some(),
        catalog: &context.catalog,
        clone: session.as_ref().map(Session::context),
        now: clock::now(),
        source: selects_source(&args.channel),
        packages: None,
    };
    let mut run = AuditSession::new(global, args, request, recording);
    if args.from.is_some() {
        run.request.metadata = ops::metadata_client(run.request.clients, &mut |_| {})?.forge;
    }
    match scope {
        AuditScope::Tag(tag) => audit_one(&mut run, &context, &tag),
        AuditScope::Target(target, tags) => audit_many(&mut run, &context, Some(target), &tags),
        AuditScope::All(tags, skipped) => {
            run.notes.extend(skipped.note());
            audit_many(&mut run, &context, None, &tags)
        }
    }
}

/// Returns what the arguments select.
fn audit_scope<'a>(
    args: &AuditArgs,
    context: &'a RepositoryContext,
    session: Option<&Session>,
) -> Result<AuditScope<'a>, CliError> {
    let catalog = &context.catalog;
    if let Some(text) = &args.tag {
        let tag = ReleaseTag::parse(catalog, text)?;
        check_channels(&args.channel, catalog.known_target(tag.target())?)?;
        return Ok(AuditScope::Tag(tag));
    }
    let flag = if args.all { "--all" } else { "--target" };
    let no_clone = || CliError::usage(anyhow!("{flag} audits the tags of a clone: select one with -C DIR"));
    let session = session.ok_or_else(no_clone)?;
    if let Some(id) = &args.target {
        let target = catalog.known_target(id)?;
        check_channels(&args.channel, target)?;
        return Ok(AuditScope::Target(target, release_tags(session, target)?));
    }
    let (mut all, mut skipped) = (Vec::new(), SkippedTargets::default());
    for target in catalog.targets() {
        if selects_target(&args.channel, target) {
            all.extend(release_tags(session, target)?);
        } else {
            skipped.0.push(target.id.clone());
        }
    }
    Ok(AuditScope::All(all, skipped))
}

/// Returns the release tags of a target in the clone, in the order of their versions.
fn release_tags(session: &Session, target: &Target) -> Result<Vec<ReleaseTag>, CliError> {
    let tags = session.repo.tags(target)?;
    // A tag that is not a valid release tag of the target was never released by it.
    let mut tags: Vec<ReleaseTag> =
        tags.iter().filter_map(|it| ReleaseTag::parse(&session.catalog, &it.name).ok()).collect();
    tags.sort_by(|a, b| a.version().cmp_precedence(b.version()));
    Ok(tags)
}

/// Opens the folder of `--save` or `--from`.
fn open_recording(
    args: &AuditArgs,
    context: &RepositoryContext,
    scope: &AuditScope<'_>,
) -> Result<Option<RecordingFolder>, CliError> {
    let (subject, repository) = (scope.name(), context.slug.to_string());
    let audit = RecordedAudit { subject: &subject, repository: &repository };
    Ok(match (&args.save, &args.from) {
        (Some(folder), _) => Some(RecordingFolder::save(folder, &audit, clock::now())?),
        (None, Some(folder)) => Some(RecordingFolder::replay(folder, &audit)?),
        (None, None) => None,
    })
}

fn connect(
    args: &AuditArgs,
    context: &RepositoryContext,
    recording: Option<&RecordingFolder>,
) -> Result<GitHubClients, CliError> {
    let is_online = args.from.is_none();
    let trust_root = trust::trust_root_source(&args.trust, is_online, context.retry_policy.idle_timeout)?;
    github::connect(context.host(), context.retry_policy, trust_root, recording)
}

/// Returns the line that names the audited repository. It shows a reader who is in the wrong folder.
fn repository_line(context: &RepositoryContext) -> String {
    format!("for {} ({})", context.slug, escape::sanitize(&context.slug_source.to_string()))
}

/// Audits one release.
fn audit_one(
    run: &mut AuditSession<'_>,
    context: &RepositoryContext,
    tag: &ReleaseTag,
) -> Result<RunOutcome, CliError> {
    let mut result = run.audit_tag(tag)?;
    run.finish([&result.report])?;
    result.report.warnings.extend(run.recording_note());
    report::append_to_actions_file(GITHUB_STEP_SUMMARY, &summary_markdown(&result))?;
    if report::is_json(run.global) {
        let schema = "opensandbox-release/audit/3";
        let (repository, audit) = (RepositoryJson::of(context), result.to_json());
        report::print_json(&AuditJson { schema, repository, audit })?;
    } else {
        let mut page = TextPage::new();
        page.line(format!("{}  {}", result.subject, tag.title()));
        page.line(repository_line(context));
        report::audit(&mut page, &result.report);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(result.verdict()))
}

/// Audits every release of a target or of the clone, and the versions that registries list for a target. The outcome is
/// the worst verdict.
fn audit_many(
    run: &mut AuditSession<'_>,
    context: &RepositoryContext,
    target: Option<&Target>,
    tags: &[ReleaseTag],
) -> Result<RunOutcome, CliError> {
    let metadata = ops::metadata_client(run.request.clients, &mut |_| {})?;
    run.request.metadata = metadata.forge;
    let versions = target.map(|it| run.audit_versions(it, tags)).transpose()?;
    let mut results: Vec<AuditResult> = Vec::new();
    for (index, tag) in tags.iter().enumerate() {
        report::print_progress(run.global, &format!("auditing {tag} ({} of {})", index + 1, tags.len()));
        results.push(run.audit_tag(tag)?);
    }
    run.finish(results.iter().chain(&versions).map(|it| &it.report))?;
    let notes = std::iter::once(metadata.note.to_owned()).chain(run.recording_note());
    let notes: Vec<String> = notes.chain(std::mem::take(&mut run.notes)).collect();
    // Without tags nothing was verified, so the verdict is unproven.
    let all = || versions.iter().chain(&results);
    let verdict = all().map(AuditResult::verdict).max().unwrap_or(Verdict::Unproven);
    let verdict = if results.is_empty() { verdict.max(Verdict::Unproven) } else { verdict };
    for result in all() {
        report::append_to_actions_file(GITHUB_STEP_SUMMARY, &summary_markdown(result))?;
    }
    if report::is_json(run.global) {
        let schema = "opensandbox-release/audit-all/3";
        let (repository, audits) = (RepositoryJson::of(context), all().map(AuditResult::to_json).collect());
        report::print_json(&AuditAllJson { schema, repository, verdict, notes: &notes, audits })?;
    } else {
        let mut page = TextPage::new();
        page.line(repository_line(context));
        report::warnings(&mut page, &notes);
        if let Some(result) = &versions {
            report::warnings(&mut page, &result.report.warnings);
            report::each_finding(&mut page, &result.report.findings);
        }
        for result in &results {
            report::audit_row(&mut page, &result.subject, result.verdict(), &result.unproven_summary());
        }
        if results.iter().any(|it| it.verdict() != Verdict::Proven) {
            page.blank();
            page.line("cargo xtask audit TAG shows the findings of a release");
        }
        report::overall_verdict(&mut page, verdict);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(verdict))
}
