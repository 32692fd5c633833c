//! What changes something.

use std::path::Path;

use archive::{OutFolder, TarStream, Threads, gzip};
use model::facts::TagKind;
use model::plan::Approved;
use model::receipt::{MadeFile, MadeTag, Receipt};
use model::request::{Request, Signing};
use model::{CommitId, ReleaseTag, sums};
use repo::{Repo, RepoError};

use crate::{Event, NOTES_FILE, OpsError, Prepared, SUMS_FILE, Work, tags};

/// Performs a release on this machine: archive, sums and notes on disk, then the tag. Run again, it comes to the
/// same end.
///
/// # Errors
/// [`OpsError`]. Files that were written before stay; none is there in part.
pub fn apply(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    approved: &Approved,
    tell: &mut dyn FnMut(Event),
) -> Result<Receipt, OpsError> {
    let plan = approved.plan();
    let notes = prepared.notes.as_ref().ok_or_else(|| OpsError::no_range(&plan.tag, plan.commit))?;
    let folder = OutFolder::open(&request.out)?;
    let mut files = write_into(work.repo, &plan.tag, plan.commit, &folder, tell)?;
    tell(Event::Writing(NOTES_FILE.to_owned()));
    files.push(folder.write(NOTES_FILE, notes.markdown.as_bytes())?);
    let tag_object = tag(work, request, prepared, tell)?;
    Ok(Receipt { tag: plan.tag.clone(), commit: plan.commit, files, tag_object })
}

/// Writes the source archive of a commit and `SHA256SUMS` into a folder.
///
/// # Errors
/// [`OpsError`]. Nothing is there in part.
pub fn write_archive(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    out: &Path,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<MadeFile>, OpsError> {
    write_into(repo, tag, commit, &OutFolder::open(out)?, tell)
}

fn write_into(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    folder: &OutFolder,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<MadeFile>, OpsError> {
    let name = tag.archive_name();
    tell(Event::Writing(name.clone()));
    let snapshot = repo.snapshot(commit)?;
    let file = folder.create(&name)?;
    let shown = file.path().display().to_string();
    let file = gzip::compress(file, Threads::all(), |out| {
        let mut stream = TarStream::start(out, &snapshot, &tag.archive_folder())?;
        repo.archive(commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        stream.finish()?;
        Ok(())
    });
    let archive = file.map_err(|error| OpsError::of_gzip(&shown, error))?.finish()?;
    tell(Event::Written(archive.clone()));
    let sums = folder.write(SUMS_FILE, sums::render([(name.as_str(), archive.digest)]).as_bytes())?;
    tell(Event::Written(sums.clone()));
    Ok(vec![archive, sums])
}

/// The tag in this clone: made, or kept where it is there and right. Looked at again, because the plan may be old.
fn tag(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    tell: &mut dyn FnMut(Event),
) -> Result<MadeTag, OpsError> {
    let (repo, name, commit) = (work.repo, request.tag.name(), prepared.facts.commit);
    let race = || OpsError::TagRace { tag: name.clone(), commit: commit.to_string() };
    if let Some((object, at, kind)) = repo.tag(&name)? {
        let signed_enough = request.signing == Signing::Unsigned || kind == TagKind::Signed;
        if at != Some(commit) || !signed_enough {
            return Err(race());
        }
        tell(Event::TagKept(name.clone()));
        return Ok(MadeTag { object, kind, existed: true });
    }
    let tagger = repo.ask_identity().wait()?;
    let mut object = Repo::tag_object(&name, commit, &tagger, &request.tag.message());
    if request.signing != Signing::Unsigned {
        let key = prepared.key.as_ref().ok_or(signing::SignError::NoKey)?;
        object = tags::sign(work, key, tags::evidence(repo, &name, commit)?, &object)?;
    }
    let made = repo.create_tag(&name, &object).map_err(|error| match error {
        RepoError::TagExists(_) => race(),
        other => OpsError::Repo(other),
    })?;
    tell(Event::Tagged(name));
    Ok(made)
}
