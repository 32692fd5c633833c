//! `doctor [TAG]`: runs the pre-flight checks without a release.

use clap::Args;
use model::release::plan::{CheckOutcome, CheckResult};
use model::release::request::ProgramPolicy;
use model::release::request::{MakeLatest, PublishOptions, PublishUntil, ReleaseDestination, Request};
use ops::OpsContext;
use serde::Serialize;

use crate::args::{GlobalArgs, RangeArgs, TagArgs, TrustArgs};
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::Session;
use ops::GitHubClients;

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check the release of this tag too, as in server/v0.1.14
    pub(crate) tag: Option<String>,
    /// Check that the tag can be signed, with KEY or the key that git is configured for
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, requires = "tag")]
    #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
    pub(crate) sign_tag: Option<Option<String>>,
    /// Check that the release can be published, too
    #[arg(long, requires = "tag")]
    pub(crate) push: bool,
    /// The commit to release
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(crate) commit: String,
}

/// The JSON document of `doctor`.
#[derive(Serialize)]
struct DoctorJson<'a> {
    schema: &'static str,
    tag: Option<&'a str>,
    checks: &'a [CheckResult],
}

pub(crate) fn run(global: &GlobalArgs, args: &DoctorArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let checks = if let Some(tag) = &args.tag {
        preflight_release(&session, tag, args)?
    } else {
        let commit = session.repo.resolve(&args.commit)?;
        ops::clone_checks(&session.repo, &global.remote, &session.catalog, commit)?
    };
    let refused = checks.iter().filter(|it| it.outcome == CheckOutcome::Failed).count();
    if report::is_json(global) {
        let schema = "opensandbox-release/doctor/2";
        report::print_json(&DoctorJson { schema, tag: args.tag.as_deref(), checks: &checks })?;
    } else {
        let mut page = TextPage::new();
        page.line(match session.catalog.targets().len() {
            1 => "release configuration: 1 target".to_owned(),
            count => format!("release configuration: {count} targets"),
        });
        report::checks(&mut page, &checks, true);
        page.blank();
        page.line(match refused {
            0 => "All checks passed.".to_owned(),
            1 => "1 check failed.".to_owned(),
            count => format!("{count} checks failed."),
        });
        page.print()?;
    }
    Ok(if refused == 0 { RunOutcome::Success } else { RunOutcome::Failure })
}

fn preflight_release(session: &Session, tag: &str, args: &DoctorArgs) -> Result<Vec<CheckResult>, CliError> {
    let tag_args = TagArgs { tag: Some(tag.to_owned()), target: None, version: None };
    let tag = session.tag(&tag_args)?;
    let range = RangeArgs {
        commit: None,
        from_tag: None,
        path: Vec::new(),
        no_path_filter: false,
        initial_release: false,
        template: None,
    };
    let signing = session.signing(args.sign_tag.as_ref());
    let published = PublishOptions { make_latest: MakeLatest::Auto, until: PublishUntil::Published };
    let reach = if args.push { ReleaseDestination::GitHub(published) } else { ReleaseDestination::Local };
    let request = Request {
        tag_signing: signing,
        destination: reach,
        ..session.request(tag, &range, args.commit.clone())
    };
    let target = session.target(&request.tag);
    let clients = session.connect(reach, &TrustArgs::default())?;
    let context = OpsContext { clients: clients.as_ref().map(GitHubClients::clients), ..session.context() };
    let prepared = ops::prepare(context, target, &request, None, &mut |_| {})?;
    Ok(prepared.plan.checks)
}
