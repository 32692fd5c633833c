//! The source archive of a release and its `SHA256SUMS`.

use std::io::Write;

use archive::{DigestTee, DigestWriter, FolderHandle, GzipError, TarStream, Threads, gzip};
use model::base::id::Hasher;
use model::evidence::sums;
use model::release::host::ExpectedAsset;
use model::release::receipt::OutputFile;
use model::release::request::OutputPath;
use model::release::tag_digests::TagDigests;
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
    write_source_files(repo, tag, commit, &folder, on_event).map(|it| it.files)
}

/// The files of a source release.
pub(crate) struct SourceFiles {
    /// The archive and `SHA256SUMS`.
    pub(crate) files: Vec<OutputFile>,
    /// The digests of the archive and of the tar stream in it.
    pub(crate) digests: TagDigests,
}

pub(crate) fn write_source_files(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    folder: &FolderHandle,
    on_event: &mut dyn FnMut(ReleaseEvent),
) -> Result<SourceFiles, OpsError> {
    let name = tag.archive_name();
    on_event(ReleaseEvent::WritingFile(name.clone()));
    let source = repo.archive_source(commit)?;
    let file = folder.create(&name)?;
    let display_name = file.path().display().to_string();
    let file = compress(repo, tag, commit, &source, file);
    let (file, tar) = file.map_err(|error| OpsError::from_gzip(&display_name, error))?;
    let archive = file.finish()?;
    on_event(ReleaseEvent::FileWritten(archive.clone()));
    let sums = folder.write(SUMS_FILE, sums::render([(name.as_str(), archive.digest)]).as_bytes())?;
    on_event(ReleaseEvent::FileWritten(sums.clone()));
    let digests = TagDigests { archive: Some((name, archive.digest)), tar: Some(tar), evtag: None };
    Ok(SourceFiles { files: vec![archive, sums], digests })
}

/// Writes the archive of a commit to `out`. Returns `out`, and the digest of the tar stream.
fn compress<W: Write + Send>(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
    source: &ArchiveSource,
    out: W,
) -> Result<(W, Digest), GzipError<OpsError>> {
    let mut tar = Hasher::default().finish();
    let out = gzip::compress(out, Threads::all(), |out| {
        let mut stream = TarStream::start(DigestTee::new(out), source, &tag.archive_directory())?;
        repo.archive(commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        tar = stream.finish()?.finish();
        Ok(())
    })?;
    Ok((out, tar))
}

/// Returns the digests that the tag of a commit states: of the archive that the suite makes, of the tar stream in it, and
/// of the commit with its files.
///
/// # Errors
/// [`OpsError`] if the commit cannot be archived.
pub(crate) fn commit_digests(
    repo: &Repo,
    tag: &ReleaseTag,
    commit: CommitId,
) -> Result<TagDigests, OpsError> {
    let name = tag.archive_name();
    let measured = compress(repo, tag, commit, &repo.archive_source(commit)?, DigestWriter::default());
    let (archive, tar) = measured.map_err(|error| OpsError::from_gzip(&name, error))?;
    Ok(TagDigests {
        archive: Some((name, archive.finish().0)),
        tar: Some(tar),
        evtag: repo.evtag_digest(commit)?,
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
    let (archive, _) = measured.map_err(|error| OpsError::from_gzip(&name, error))?;
    let (digest, size) = archive.finish();
    let text = sums::render([(name.as_str(), digest)]);
    let sums = ExpectedAsset {
        name: SUMS_FILE.to_owned(),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
    };
    Ok(vec![ExpectedAsset { name, size, digest }, sums])
}
