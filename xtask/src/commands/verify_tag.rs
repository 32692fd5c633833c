//! `verify-tag <TAG>`: what a tag of this clone proves.

use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{OpsError, ProgramPolicy};
use serde::Serialize;

use crate::RunOutcome;
use crate::args::{GlobalArgs, VerifyTagArgs};
use crate::error::CliError;
use crate::report::{self, TextPage};
use crate::session::Session;

/// What scripts get.
#[derive(Serialize)]
struct VerifyTagJson<'a> {
    schema: &'static str,
    subject: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
}

pub(crate) fn run(global: &GlobalArgs, args: &VerifyTagArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?.with_trust_root(&args.trust)?;
    let resolve = |revision: &String| session.repo.resolve(revision).map_err(OpsError::from);
    let expected = args.commit.as_ref().map(resolve).transpose()?;
    let findings = ops::verify_tag(session.context(), &args.tag, expected)?;
    let verdict = overall(&findings);
    if report::is_json(global) {
        let schema = "opensandbox-release/verify-tag/1";
        report::print_json(&VerifyTagJson { schema, subject: &args.tag, verdict, findings: &findings })?;
    } else {
        let mut page = TextPage::new();
        page.line(&args.tag);
        report::findings(&mut page, &findings);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(verdict))
}
