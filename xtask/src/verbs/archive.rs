//! `archive <TAG>`: writes the source archive and `SHA256SUMS`.

use model::release::receipt::OutputFile;
use model::{CommitId, ReleaseTag};
use ops::ProgramPolicy;
use serde::Serialize;

use crate::Ending;
use crate::args::{Archive, Global};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::session::Session;
use crate::story;

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tag: &'a ReleaseTag,
    commit: CommitId,
    files: &'a [OutputFile],
}

pub(crate) fn run(global: &Global, args: &Archive) -> Result<Ending, Failure> {
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    let tag = session.tag(&args.which)?;
    let revision = session.revision_of(&tag, args.commit.as_ref())?;
    let commit = session.repo.resolve(&revision).map_err(ops::OpsError::from)?;
    let out = session.out(&tag, args.out.as_deref());
    let mut told = |event| {
        if global.verbose {
            report::tell(global, &story::line(&event));
        }
    };
    let files = ops::write_archive(&session.repo, &tag, commit, &out, &mut told)?;
    for file in session.repo.attribute_files() {
        report::tell(
            global,
            &format!("note: {} takes part in the archive, in this clone only", file.display()),
        );
    }
    if report::is_json(global) {
        let schema = "opensandbox-release/archive/1";
        report::print_json(&Document { schema, tag: &tag, commit, files: &files })?;
        return Ok(Ending::Done);
    }
    let mut page = Page::new();
    for file in &files {
        page.line(format!("{}  {}", file.digest.hex(), file.path.display()));
    }
    page.print()?;
    Ok(Ending::Done)
}
