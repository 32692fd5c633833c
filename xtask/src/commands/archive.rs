//! `archive <TAG>`: writes the source archive and `SHA256SUMS`.

use std::path::PathBuf;

use clap::Args;
use model::release::receipt::OutputFile;
use model::release::request::ProgramPolicy;
use model::{CommitId, ReleaseTag};
use serde::Serialize;

use crate::args::{GlobalArgs, TagArgs};
use crate::error::CliError;
use crate::outcome::RunOutcome;
use crate::progress;
use crate::report::{self, TextPage};
use crate::session::Session;

/// The arguments of `archive`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    /// The commit to archive [default: the tag's commit, if the tag exists, else HEAD]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    /// The output folder [default: dist/<safe tag> in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// The JSON document of `archive`.
#[derive(Serialize)]
struct ArchiveJson<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    commit: CommitId,
    files: &'a [OutputFile],
}

pub(crate) fn run(global: &GlobalArgs, args: &ArchiveArgs) -> Result<RunOutcome, CliError> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let tag = session.tag(&args.tag_args)?;
    let revision = session.revision_or_tag(&tag, args.commit.as_ref())?;
    let commit = session.repo.resolve(&revision)?;
    let out = session.output_folder(&tag, args.out.as_deref());
    let mut on_event = |event| {
        if global.verbose {
            report::print_progress(global, &progress::describe(&event));
        }
    };
    let files = ops::write_archive(&session.repo, &tag, commit, &out, &mut on_event)?;
    for file in session.repo.attribute_files() {
        report::print_progress(
            global,
            &format!("note: {} changes the archive, in this clone only", file.display()),
        );
    }
    if report::is_json(global) {
        let schema = "opensandbox-release/archive/1";
        report::print_json(&ArchiveJson { schema, tag: &tag, commit, files: &files })?;
        return Ok(RunOutcome::Success);
    }
    let mut page = TextPage::new();
    for file in &files {
        page.line(format!("{}  {}", file.digest.hex(), file.path.display()));
    }
    page.print()?;
    Ok(RunOutcome::Success)
}
