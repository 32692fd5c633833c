//! `release <TAG>`: creates or resumes a release.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::evidence::audit::AuditReport;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::changelog::RangeStart;
use model::release::facts::TagKind;
use model::release::plan::{CheckOutcome, CheckResult, Step};
use model::release::preflight_check::PreflightCheck;
use model::release::receipt::Receipt;
use model::release::request::MakeLatest;
use model::release::request::ProgramPolicy;
use model::release::request::{PublishOptions, PublishUntil, ReleaseDestination, Request};
use model::{CommitId, ReleaseTag};
use ops::{OpsContext, Prepared, ReleaseOutcome};
use serde::Serialize;

use crate::args::{GlobalArgs, RangeArgs, TagArgs, TrustArgs};
use crate::environment::{GITHUB_OUTPUT, GITHUB_STEP_SUMMARY};
use crate::error::CliError;
use crate::escape;
use crate::outcome::RunOutcome;
use crate::progress::ProgressReporter;
use crate::report::{self, TextPage};
use crate::session::{self, Session};
use ops::GitHubClients;

/// The arguments of `release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Print plan, notes and checks; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Sign the tag, with KEY or the key that git is configured for
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
    pub(crate) sign_tag: Option<Option<String>>,
    /// Push the tag and publish the release; without it, nothing leaves this machine
    #[arg(long)]
    pub(crate) push: bool,
    /// Whether the release gets the "Latest" badge [auto: the highest final version of the configured target does]
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t, requires = "push")]
    pub(crate) latest: MakeLatestArg,
    /// Stop before publishing, with the tag pushed and the draft complete
    #[arg(long, requires = "push")]
    pub(crate) draft: bool,
    /// The output folder [default: dist/<safe tag> in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Continue despite this failed check (repeatable)
    #[arg(long, value_name = "CHECK")]
    pub(crate) allow: Vec<PreflightCheck>,
}

/// Whether the release gets the "Latest" badge of GitHub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MakeLatestArg {
    /// Decide by the release configuration and the version.
    #[default]
    Auto,
    /// Give it the badge.
    True,
    /// Do not give it the badge.
    False,
}

impl MakeLatestArg {
    pub(crate) fn make_latest(self) -> MakeLatest {
        match self {
            Self::Auto => MakeLatest::Auto,
            Self::True => MakeLatest::True,
            Self::False => MakeLatest::False,
        }
    }
}

/// The JSON document of `release`.
#[derive(Serialize)]
struct ReleaseJson<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    dry_run: bool,
    commit: CommitId,
    previous: Option<String>,
    /// The time of the clone's last fetch. Without `--push`, the remote's refs are from that time.
    last_fetched: Option<String>,
    refusals: Vec<CheckJson<'a>>,
    /// The checks that did not pass but do not stop the release.
    notices: Vec<CheckJson<'a>>,
    plan: &'a [Step],
    notes: Option<&'a str>,
    receipt: Option<&'a Receipt>,
    /// The release on GitHub. `None` if nothing was published or drafted.
    release: Option<HostedReleaseJson>,
    /// The audit of the published release. `None` if nothing was published.
    audit: Option<ReleaseAuditJson<'a>>,
}

#[derive(Serialize)]
struct HostedReleaseJson {
    id: u64,
    page: String,
    draft: bool,
}

#[derive(Serialize)]
struct ReleaseAuditJson<'a> {
    verdict: Verdict,
    findings: &'a [Finding],
    notes: &'a [String],
    trusted_root: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    check: &'static str,
    reason: &'static str,
    evidence: &'a str,
    hint: String,
}

pub(crate) fn run(global: &GlobalArgs, args: &ReleaseArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, programs(args))?.with_trust_root(&args.trust)?;
    let request = request(&session, args)?;
    let template = session::load_template(&args.range)?;
    let target = session.target(&request.tag);
    report::append_to_actions_file(
        GITHUB_OUTPUT,
        &actions_outputs(target.display_name.as_str(), &request.tag),
    )?;
    let clients = session.connect(request.destination, &args.trust)?;
    let context = OpsContext { clients: clients.as_ref().map(GitHubClients::clients), ..session.context() };
    let mut reporter = ProgressReporter::new(global);
    let prepared =
        ops::prepare(context, target, &request, template.as_ref(), &mut |it| reporter.report(&it))?;
    let refused = prepared.plan.failed_checks().next().is_some();
    let outcome = if args.dry_run || refused {
        None
    } else {
        Some(perform(context, &request, &prepared, &mut reporter)?)
    };
    print(global, args, &request, &prepared, outcome.as_ref())?;
    Ok(match &outcome {
        _ if refused => RunOutcome::Failure,
        Some(ReleaseOutcome { audit, .. }) if !audit.findings.is_empty() => {
            RunOutcome::Verdict(overall(&audit.findings))
        }
        _ => RunOutcome::Success,
    })
}

/// Returns which configured programs git may start. A dry run only reads, so it trusts the repository less.
fn programs(args: &ReleaseArgs) -> ProgramPolicy {
    if args.dry_run { ProgramPolicy::ProtectedConfig } else { ProgramPolicy::AllConfig }
}

fn request(session: &Session, args: &ReleaseArgs) -> Result<Request, CliError> {
    let tag = session.tag(&args.tag_args)?;
    let revision = args.range.commit.clone().unwrap_or_else(|| "HEAD".to_owned());
    let out = session.output_folder(&tag, args.out.as_deref());
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

fn publication(args: &ReleaseArgs) -> PublishOptions {
    let end = if args.draft { PublishUntil::Draft } else { PublishUntil::Published };
    PublishOptions { make_latest: args.latest.make_latest(), until: end }
}

fn perform(
    context: OpsContext<'_>,
    request: &Request,
    prepared: &Prepared,
    reporter: &mut ProgressReporter<'_>,
) -> Result<ReleaseOutcome, CliError> {
    let approved = prepared.plan.clone().approve().map_err(CliError::runtime)?;
    let outcome = ops::apply(context, request, prepared, &approved, &mut |it| reporter.report(&it))?;
    let file = |at: usize| escape::sanitize(&outcome.receipt.files[at].path.display().to_string());
    report::append_to_actions_file(GITHUB_OUTPUT, &format!("archive={}\nchecksums={}\n", file(0), file(1)))?;
    report::append_to_actions_file(
        GITHUB_STEP_SUMMARY,
        prepared.notes.as_ref().map_or("", |it| &it.markdown),
    )?;
    Ok(outcome)
}

/// Returns the step outputs for GitHub Actions.
fn actions_outputs(display_name: &str, tag: &ReleaseTag) -> String {
    let display_name = escape::sanitize(display_name);
    format!("tag={tag}\ndisplay_name={display_name}\nversion_label={}\n", tag.label())
}

fn print(
    global: &GlobalArgs,
    args: &ReleaseArgs,
    request: &Request,
    prepared: &Prepared,
    outcome: Option<&ReleaseOutcome>,
) -> Result<(), CliError> {
    let receipt = outcome.map(|it| &it.receipt);
    let checks_with = |outcomes: &[CheckOutcome]| {
        let some = prepared.plan.checks.iter().filter(|it| outcomes.contains(&it.outcome));
        some.map(check_json).collect()
    };
    if report::is_json(global) {
        return report::print_json(&ReleaseJson {
            schema: "opensandbox-release/release/2",
            tag: &request.tag,
            dry_run: args.dry_run,
            commit: prepared.facts.commit,
            previous: previous_tag(prepared),
            last_fetched: prepared.facts.clone.last_fetched.map(model::base::time::format_rfc3339),
            refusals: checks_with(&[CheckOutcome::Failed]),
            notices: checks_with(&[CheckOutcome::Warned, CheckOutcome::Allowed]),
            plan: &prepared.plan.steps,
            notes: prepared.notes.as_ref().map(|it| it.markdown.as_str()),
            receipt,
            release: outcome.and_then(|it| it.release.as_ref()).map(|it| HostedReleaseJson {
                id: it.id,
                page: it.html_url.escaped(),
                draft: it.draft,
            }),
            audit: outcome.map(|it| &it.audit).filter(|it| !it.findings.is_empty()).map(
                |AuditReport { findings, warnings: notes, trusted_root, .. }| {
                    let trusted_root = trusted_root.as_deref();
                    ReleaseAuditJson { verdict: overall(findings), findings, notes, trusted_root }
                },
            ),
        });
    }
    let mut page = TextPage::new();
    header(&mut page, request, prepared);
    match receipt {
        Some(receipt) => add_receipt(&mut page, receipt),
        None => report::plan(&mut page, &prepared.plan),
    }
    if args.dry_run
        && let Some(notes) = &prepared.notes
    {
        page.heading("Notes");
        page.lines(&notes.markdown);
    }
    report::checks(&mut page, &prepared.plan.checks, global.verbose);
    if let Some(outcome) = outcome.filter(|it| !it.audit.findings.is_empty()) {
        page.heading("Audit");
        report::audit(&mut page, &outcome.audit);
    }
    page.blank();
    page.line(closing_line(args, prepared, outcome));
    page.print()
}

fn check_json(check: &CheckResult) -> CheckJson<'_> {
    CheckJson {
        check: check.check.name(),
        reason: check.explanation.reason.code(),
        evidence: &check.explanation.evidence,
        hint: check.hint(),
    }
}

fn previous_tag(prepared: &Prepared) -> Option<String> {
    match prepared.facts.notes_range.as_ref().map(|it| &it.start) {
        Some(RangeStart::Tag { name, .. }) => Some(name.clone()),
        Some(RangeStart::Root) | None => None,
    }
}

fn header(page: &mut TextPage, request: &Request, prepared: &Prepared) {
    let bold = report::BOLD;
    page.line(format!("{bold}{}{bold:#}  {}", request.tag, request.tag.title()));
    page.line(format!("  commit    {} ({})", prepared.facts.commit, request.revision));
    let since = match &prepared.facts.notes_range {
        Some(range) => match prepared.facts.history.commits.len() {
            1 => format!("1 commit since {}", range.start),
            count => format!("{count} commits since {}", range.start),
        },
        None => "no previous release".to_owned(),
    };
    page.line(format!("  range     {since}"));
    let paths: Vec<&str> = request.paths.iter().map(model::RepoPath::as_str).collect();
    page.line(format!(
        "  paths     {}",
        if paths.is_empty() { "everything".to_owned() } else { paths.join(" ") }
    ));
    page.line(format!("  repo      {}", request.slug));
    if request.destination == ReleaseDestination::Local {
        let fetched =
            prepared.facts.clone.last_fetched.map_or("never".to_owned(), model::base::time::format_rfc3339);
        page.line(format!("  fetched   {fetched} from {}", request.remote));
    }
}

fn add_receipt(page: &mut TextPage, receipt: &Receipt) {
    page.heading("Written");
    for file in &receipt.files {
        page.line(format!("  {}", file.path.display()));
        page.line(format!("    {}, {} bytes", file.digest, file.size));
    }
    let origin = if receipt.tag_object.already_existed { "kept" } else { "created" };
    let kind = if receipt.tag_object.kind == TagKind::Signed { "signed" } else { "not signed" };
    page.line(format!("  tag {}, {origin}, {kind}: object {}", receipt.tag, receipt.tag_object.object));
}

fn closing_line(args: &ReleaseArgs, prepared: &Prepared, outcome: Option<&ReleaseOutcome>) -> String {
    let refusals = prepared.plan.failed_checks().count();
    if let Some(release) = outcome.and_then(|it| it.release.as_ref()) {
        let state = if release.draft {
            "The draft is complete; to publish it, run again without --draft"
        } else {
            "Published"
        };
        return format!("{state}: {}", release.html_url.escaped());
    }
    match (refusals, args.dry_run) {
        (0, true) => "Nothing was changed. Run it without --dry-run to perform this plan.".to_owned(),
        (0, false) => {
            let name = &prepared.plan.tag;
            format!("Nothing left this machine. To publish {name}, run the same command again with --push.")
        }
        (1, _) => "Refused: 1 check failed; nothing was changed.".to_owned(),
        (count, _) => format!("Refused: {count} checks failed; nothing was changed."),
    }
}
