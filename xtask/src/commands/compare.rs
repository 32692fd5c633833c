//! `compare <FILE> <TAG>`: compares a package file with the tree of a tag in the clone.

use std::path::PathBuf;

use clap::Args;
use model::ReleaseTag;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::request::ProgramPolicy;
use serde::Serialize;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::session::Session;

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The package: a wheel, a source distribution, an npm package, the zip file of a Go module, a NuGet
    /// package, a Helm chart, or the jar, POM or module metadata of a Maven artifact
    pub(crate) file: PathBuf,
    /// The release tag, as in server/v0.1.14
    pub(crate) tag: String,
}

/// The JSON document of `compare`.
#[derive(Serialize)]
struct CompareJson<'a> {
    schema: &'static str,
    file: String,
    tag: String,
    commit: String,
    format: &'static str,
    name: &'a str,
    version: &'a str,
    verdict: Verdict,
    findings: &'a [Finding],
    warnings: &'a [String],
}

pub(crate) fn run(global: &GlobalArgs, args: &CompareArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let tag = ReleaseTag::parse(&session.catalog, &args.tag)?;
    let compared = ops::compare_package(session.context(), &args.file, &tag)?;
    let findings = &compared.comparison.findings;
    let verdict = overall(findings);
    if report::is_json(global) {
        report::print_json(&CompareJson {
            schema: "opensandbox-release/compare/1",
            file: args.file.display().to_string(),
            tag: tag.name(),
            commit: compared.commit.to_string(),
            format: compared.format.name(),
            name: &compared.id.name,
            version: &compared.id.version,
            verdict,
            findings,
            warnings: &compared.comparison.warnings,
        })?;
    } else {
        let mut page = TextPage::new();
        page.line(format!("{} and {tag} ({})", args.file.display(), compared.commit.short()));
        report::warnings(&mut page, &compared.comparison.warnings);
        report::findings(&mut page, findings);
        page.print()?;
    }
    Ok(RunOutcome::Verdict(verdict))
}
