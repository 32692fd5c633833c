//! What changes something.

use std::io::Write;

use archive::{Folder, GzipError, Measured, TarStream, Threads, gzip};
use model::evidence::audit::AuditReport;
use model::evidence::sums;
use model::release::facts::TagKind;
use model::release::host::{HostedRelease, WantedAsset};
use model::release::plan::Approved;
use model::release::receipt::{MadeFile, MadeTag, Receipt};
use model::release::request::{OutputFolder, Reach, Request, Signing};
use model::release::tree::Snapshot;
use model::{CommitId, Digest, ReleaseTag};
use repo::{Repo, RepoError};

use crate::lock::TagLock;
use crate::publish::Publishing;
use crate::{Event, NOTES_FILE, OpsError, Prepared, SUMS_FILE, Work, output, tags};

/// What came of a release.
#[derive(Debug)]
pub struct Done {
    /// What was made on this machine.
    pub receipt: Receipt,
    /// The release on GitHub; none where nothing left this machine.
    pub release: Option<HostedRelease>,
    /// What an outsider found; empty where nothing was published.
    pub audit: AuditReport,
}

/// Performs a release: archive, sums and notes on disk, then the tag; then, where it was asked for, the world. Run again, it
/// comes to the same end.
///
/// # Errors
/// [`OpsError`]. What was done before stays, and a further run goes on from there; no file is there in part.
pub fn apply(
    work: Work<'_>,
    request: &Request,
    prepared: &Prepared,
    approved: &Approved,
    tell: &mut dyn FnMut(Event),
) -> Result<Done, OpsError> {
    let plan = approved.plan();
    let publication = match (request.reach, work.world, &prepared.facts.world) {
        (Reach::Published(publication), Some(world), Some(facts)) => Some((publication, world, facts)),
        _ => None,
    };
    let lock = publication.map(|_| TagLock::take(&work.around.cache, &request.slug, &request.tag));
    let lock = lock.transpose()?;
    if let Some(known) = &prepared.known {
        known.write();
    }
    let notes = prepared.notes.as_ref().ok_or_else(|| OpsError::no_range(&plan.tag, plan.commit))?;
    let folder = output::create(&request.out)?;
    let _writing = folder.lock()?;
    let mut files = write_into(work.repo, &plan.tag, plan.commit, &folder, tell)?;
    tell(Event::Writing(NOTES_FILE.to_owned()));
    files.push(folder.write(NOTES_FILE, notes.markdown.as_bytes())?);
    tell(Event::Written(files[2].clone()));
    let tag_object = tag(work, request, prepared, tell)?;
    let receipt = Receipt { tag: plan.tag.clone(), commit: plan.commit, files, tag_object };
    let Some((publication, world, facts)) = publication else {
        return Ok(Done { receipt, release: None, audit: AuditReport::default() });
    };
    let publishing = Publishing { work, world, request, prepared, facts, publication, folder: &folder };
    let (release, audit) = publishing.perform(&receipt, tell)?;
    drop(lock);
    Ok(Done { receipt, release: Some(release), audit })
}

/// Writes the source archive of a commit and `SHA256SUMS` into a folder.
///
/// # Errors
/// [`OpsError`]. Nothing is there in part.
pub fn write_archive(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    out: &OutputFolder,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<MadeFile>, OpsError> {
    let folder = output::create(out)?;
    let _writing = folder.lock()?;
    write_into(repo, tag, commit, &folder, tell)
}

fn write_into(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    folder: &Folder,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<MadeFile>, OpsError> {
    let name = tag.archive_name();
    tell(Event::Writing(name.clone()));
    let snapshot = repo.snapshot(commit)?;
    let file = folder.create(&name)?;
    let shown = file.path().display().to_string();
    let file = compress(repo, tag, (commit, &snapshot), file);
    let archive = file.map_err(|error| OpsError::of_gzip(&shown, error))?.finish()?;
    tell(Event::Written(archive.clone()));
    let sums = folder.write(SUMS_FILE, sums::render([(name.as_str(), archive.digest)]).as_bytes())?;
    tell(Event::Written(sums.clone()));
    Ok(vec![archive, sums])
}

fn compress<W: Write + Send>(
    repo: &Repo,
    tag: &ReleaseTag,
    (commit, snapshot): (CommitId, &Snapshot),
    out: W,
) -> Result<W, GzipError<OpsError>> {
    gzip::compress(out, Threads::all(), |out| {
        let mut stream = TarStream::start(out, snapshot, &tag.archive_folder())?;
        repo.archive(commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        stream.finish()?;
        Ok(())
    })
}

/// The assets of a release as they would be, without writing any.
///
/// # Errors
/// [`OpsError`] where the commit cannot be archived.
pub(crate) fn assets(repo: &Repo, tag: &ReleaseTag, commit: CommitId) -> Result<Vec<WantedAsset>, OpsError> {
    let name = tag.archive_name();
    let measured = compress(repo, tag, (commit, &repo.snapshot(commit)?), Measured::default());
    let (digest, size) = measured.map_err(|error| OpsError::of_gzip(&name, error))?.finish();
    let text = sums::render([(name.as_str(), digest)]);
    let sums = WantedAsset {
        name: SUMS_FILE.to_owned(),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
    };
    Ok(vec![WantedAsset { name, size, digest }, sums])
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
    tell(Event::Tagging(name.clone()));
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
