//! `verify-tag <TAG>`: what a tag of this clone proves.

use model::evidence::verdict::{Finding, Verdict, overall};
use ops::{OpsError, ProgramPolicy};
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, VerifyTag};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::Session;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
}

pub(crate) fn run(global: &Global, args: &VerifyTag) -> Result<Ending, Failure> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?.trusting(&args.trust)?;
    let resolve = |revision: &String| session.repo.resolve(revision).map_err(OpsError::from);
    let expected = args.commit.as_ref().map(resolve).transpose()?;
    let findings = ops::verify_tag(session.work(), &args.tag, expected)?;
    let verdict = overall(&findings);
    if report::is_json(global) {
        let schema = "opensandbox-release/verify-tag/1";
        report::print_json(&Document { schema, subject: &args.tag, verdict, findings: &findings })?;
    } else {
        let mut page = Page::new();
        page.line(&args.tag);
        report::findings(&mut page, &findings);
        page.print()?;
    }
    Ok(Ending::Judged(verdict))
}
