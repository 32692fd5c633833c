//! `verify-tag <TAG>`: verifies the format and the signature of a tag in the clone.

use clap::Args;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::request::ProgramPolicy;
use serde::Serialize;

use crate::args::{GlobalArgs, TrustArgs};
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::Session;

/// The arguments of `verify-tag`.
#[derive(Debug, Args)]
pub(crate) struct VerifyTagArgs {
    /// The tag, as in server/v0.1.14
    pub(crate) tag: String,
    /// The commit that the tag must point to [default: the commit that it points to]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// The JSON document of `verify-tag`.
#[derive(Serialize)]
struct VerifyTagJson<'a> {
    schema: &'static str,
    subject: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
}

pub(crate) fn run(global: &GlobalArgs, args: &VerifyTagArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?.with_trust_root(&args.trust)?;
    let resolve = |revision: &String| session.repo.resolve(revision);
    let expected = args.commit.as_ref().map(resolve).transpose()?;
    let findings = ops::verify_tag(session.context(), &args.tag, expected)?;
    let verdict = overall(&findings);
    if report::is_json(global) {
        let schema = "opensandbox-release/verify-tag/2";
        report::print_json(&VerifyTagJson { schema, subject: &args.tag, verdict, findings: &findings })?;
    } else {
        let mut page = TextPage::new();
        page.line(&args.tag);
        report::findings(&mut page, &findings);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(verdict))
}
