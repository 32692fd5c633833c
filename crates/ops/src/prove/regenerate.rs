//! Regenerates the tar stream of a tag's archive from the clone, to compare it with the downloaded one.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use archive::{ReferenceChunks, TarStream};
use model::CommitId;
use model::release::request::ProgramPolicy;
use repo::Repo;

use crate::error::OpsError;

/// The size of a chunk, in bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// The maximum number of chunks that wait for the comparison. It bounds the memory use to 1 MiB.
const MAX_QUEUED_CHUNKS: usize = 16;

/// The source archive of a commit, generated from the clone.
#[derive(Debug, Clone)]
pub(crate) struct RegeneratedArchive {
    root: PathBuf,
    top_directory: String,
    commit: CommitId,
}

impl RegeneratedArchive {
    pub(crate) fn new(repo: &Repo, folder: String, commit: CommitId) -> Self {
        Self { root: repo.root(), top_directory: folder, commit }
    }

    /// Starts a thread that generates the stream, and returns its chunks. The error says why the tree is unavailable.
    pub(crate) fn spawn(&self) -> Result<ReferenceChunks<'static>, String> {
        let unavailable = |error: &OpsError| format!("the tree is not in this clone: {error}");
        let snapshot = Repo::open(&self.root, ProgramPolicy::ProtectedConfig)
            .and_then(|it| it.archive_source(self.commit));
        snapshot.map_err(|error| unavailable(&error.into()))?;
        let (sender, receiver) = sync_channel(MAX_QUEUED_CHUNKS);
        let archive = self.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            let mut out = ChunkSender { sender, chunk: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = archive.write_tar(&mut out) {
                // Fails only if the receiver was dropped; then the comparison has ended and the error is not needed.
                out.sender.send(Err(unavailable(&error))).ok();
            }
        });
        thread.map_err(|error| error.to_string())?;
        Ok(Box::new(move || receiver.recv().ok().transpose()))
    }

    fn write_tar(&self, out: &mut ChunkSender) -> Result<(), OpsError> {
        let repo = Repo::open(&self.root, ProgramPolicy::ProtectedConfig)?;
        let snapshot = repo.archive_source(self.commit)?;
        let mut stream = TarStream::start(&mut *out, &snapshot, &self.top_directory)?;
        repo.archive(self.commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        stream.finish()?.flush().map_err(archive::TarError::Io)?;
        Ok(())
    }
}

/// A writer that sends what is written in chunks of [`CHUNK_BYTES`].
struct ChunkSender {
    sender: SyncSender<Result<Vec<u8>, String>>,
    chunk: Vec<u8>,
}

impl Write for ChunkSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            self.flush()?;
        }
        let accepted = &bytes[..bytes.len().min(CHUNK_BYTES - self.chunk.len())];
        self.chunk.extend_from_slice(accepted);
        Ok(accepted.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        let disconnected = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the comparison has ended");
        self.sender.send(Ok(chunk)).map_err(disconnected)
    }
}
