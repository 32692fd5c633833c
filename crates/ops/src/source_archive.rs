//! The source archive of a release and its `SHA256SUMS`.

use std::io::Write;

use archive::{DigestWriter, FolderHandle, GzipError, TarStream, Threads, gzip};
use model::evidence::sums;
use model::release::host::ExpectedAsset;
use model::release::receipt::OutputFile;
use model::release::request::OutputPath;
use model::release::tree::ArchiveSource;
use model::{CommitId, Digest, ReleaseTag};
use repo::Repo;

use crate::error::OpsError;
use crate::event::ReleaseEvent;
use crate::local_repository::LocalRepository;
use crate::output;
use crate::output::SUMS_FILE;

/// Writes the source archive of a commit and `SHA256SUMS` into the output folder. Returns both files.
///
/// # Errors
/// [`OpsError`] if the commit cannot be read or a file cannot be written. No incomplete file is left behind.
pub fn write_archive(
    repository: &LocalRepository,
    tag: &ReleaseTag,
    commit: CommitId,
    out: &OutputPath,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<Vec<OutputFile>, OpsError> {
    let repo = repository.repo();
    let folder = output::create(out)?;
    let _writing = folder.lock()?;
    write_source_files(repo, tag, commit, &folder, on_event)
}

pub(crate) fn write_source_files(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    folder: &FolderHandle,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<Vec<OutputFile>, OpsError> {
    let name = tag.archive_name();
    on_event(ReleaseEvent::WritingFile(name.clone()));
    let source = repo.archive_source(commit)?;
    let file = folder.create(&name)?;
    let display_name = file.path().display().to_string();
    let file = compress(repo, tag, commit, &source, file);
    let archive = file.map_err(|error| OpsError::from_gzip(&display_name, error))?.finish()?;
    on_event(ReleaseEvent::FileWritten(archive.clone()));
    let sums = folder.write(SUMS_FILE, sums::render([(name.as_str(), archive.digest)]).as_bytes())?;
    on_event(ReleaseEvent::FileWritten(sums.clone()));
    Ok(vec![archive, sums])
}

fn compress<W: Write + Send>(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    source: &ArchiveSource,
    out: W,
) -> Result<W, GzipError<OpsError>> {
    gzip::compress(out, Threads::all(), |out| {
        let mut stream = TarStream::start(out, source, &tag.archive_directory())?;
        repo.archive(commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        stream.finish()?;
        Ok(())
    })
}

/// Returns the names, sizes and digests of a release's assets without writing them, to compare with those on GitHub.
///
/// # Errors
/// [`OpsError`] if the commit cannot be archived.
pub(crate) fn expected_assets(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
) -> Result<Vec<ExpectedAsset>, OpsError> {
    let name = tag.archive_name();
    let measured = compress(repo, tag, commit, &repo.archive_source(commit)?, DigestWriter::default());
    let (digest, size) = measured.map_err(|error| OpsError::from_gzip(&name, error))?.finish();
    let text = sums::render([(name.as_str(), digest)]);
    let sums = ExpectedAsset {
        name: SUMS_FILE.to_owned(),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
    };
    Ok(vec![ExpectedAsset { name, size, digest }, sums])
}
