//! `doctor [TAG]`: every pre-flight check by itself.

use model::release::plan::{CheckOutcome, CheckResult};
use model::release::request::{MakeLatest, PublishOptions, PublishUntil, ReleaseDestination, Request};
use ops::{OpsError, ProgramPolicy, Template, Work};
use serde::Serialize;

use crate::Ending;
use crate::args::{Doctor, Global, Range, Trust, Which};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::Session;
use crate::world::Reached;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tag: Option<&'a str>,
    checks: &'a [CheckResult],
}

pub(crate) fn run(global: &Global, args: &Doctor) -> Result<Ending, Failure> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let checks = if let Some(tag) = &args.tag {
        release_checks(&session, tag, args)?
    } else {
        let commit = session.repo.resolve(&args.commit).map_err(OpsError::from)?;
        ops::clone_checks(&session.repo, &global.remote, &session.catalog, commit)?
    };
    let refused = checks.iter().filter(|it| it.outcome == CheckOutcome::Failed).count();
    if report::is_json(global) {
        let schema = "opensandbox-release/doctor/1";
        report::print_json(&Document { schema, tag: args.tag.as_deref(), checks: &checks })?;
    } else {
        let mut page = Page::new();
        page.line(format!("catalog: {} targets", session.catalog.targets().len()));
        report::checks(&mut page, &checks, true);
        page.blank();
        page.line(match refused {
            0 => "Nothing speaks against it.".to_owned(),
            1 => "1 check fails.".to_owned(),
            count => format!("{count} checks fail."),
        });
        page.print()?;
    }
    Ok(if refused == 0 { Ending::Done } else { Ending::NotDone })
}

fn release_checks(session: &Session, tag: &str, args: &Doctor) -> Result<Vec<CheckResult>, Failure> {
    let which = Which { tag: Some(tag.to_owned()), target: None, version: None };
    let tag = session.tag(&which)?;
    let range = Range {
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
    let reached = session.reach(reach, &Trust::default())?;
    let work = Work { world: reached.as_ref().map(Reached::world), ..session.work() };
    let prepared = ops::prepare(work, target, &request, &Template::default(), &mut |_| {})?;
    Ok(prepared.plan.checks)
}
