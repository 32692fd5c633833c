//! The tar stream that a tag's archive must have, made again beside the one that is read.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use archive::{ReferenceChunks, TarStream};
use model::CommitId;
use repo::{ProgramPolicy, Repo};

use crate::error::OpsError;

/// What is handed over at a time, in bytes.
const PIECE: usize = 64 << 10;
/// How many pieces wait.
const WAITING: usize = 16;

/// The archive of a commit of a clone.
#[derive(Debug, Clone)]
pub(crate) struct Regenerated {
    root: PathBuf,
    folder: String,
    commit: CommitId,
}

impl Regenerated {
    pub(crate) fn new(repo: &Repo, folder: String, commit: CommitId) -> Self {
        Self { root: repo.root(), folder, commit }
    }

    /// The stream from its beginning, made by a thread of its own; why there is none.
    pub(crate) fn start(&self) -> Result<ReferenceChunks<'static>, String> {
        let not_here = |error: &OpsError| format!("the tree is not in this clone: {error}");
        let looked = Repo::open(&self.root, ProgramPolicy::ProtectedConfig)
            .and_then(|it| it.archive_source(self.commit));
        looked.map_err(|error| not_here(&error.into()))?;
        let (pieces, come) = sync_channel(WAITING);
        let own = self.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            let mut out = Pieces { pieces, piece: Vec::with_capacity(PIECE) };
            if let Err(error) = own.write(&mut out) {
                // Nobody is there any more to hear it, or somebody is.
                out.pieces.send(Err(not_here(&error))).ok();
            }
        });
        thread.map_err(|error| error.to_string())?;
        Ok(Box::new(move || come.recv().ok().transpose()))
    }

    fn write(&self, out: &mut Pieces) -> Result<(), OpsError> {
        let repo = Repo::open(&self.root, ProgramPolicy::ProtectedConfig)?;
        let snapshot = repo.archive_source(self.commit)?;
        let mut stream = TarStream::start(&mut *out, &snapshot, &self.folder)?;
        repo.archive(self.commit, &mut |member| stream.append(member).map_err(OpsError::Tar))?;
        stream.finish()?.flush().map_err(archive::TarError::Io)?;
        Ok(())
    }
}

/// Hands over what is written, in pieces.
struct Pieces {
    pieces: SyncSender<Result<Vec<u8>, String>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        let taken = &bytes[..bytes.len().min(PIECE - self.piece.len())];
        self.piece.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody compares any more");
        self.pieces.send(Ok(piece)).map_err(gone)
    }
}
