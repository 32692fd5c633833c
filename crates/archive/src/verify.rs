//! Verifies a published source archive: checks its format, and compares it with the expected tar stream.

use model::evidence::audit::{ArchiveError, ArchiveInspection as WasHeld, TreeComparison, TreeDifference};

use crate::gunzip::Gunzip;
use crate::stream_error::StreamError;
use crate::tar_reader::TarReader;

/// The largest tar stream that is read, in bytes. The largest one of OpenSandbox has about 60 MB.
const MAX_TAR_BYTES: u64 = 1 << 30;

/// The number of bytes that are compared at a time: one tar block, so that a difference is attributed to the right
/// member.
const COMPARE_CHUNK_BYTES: usize = 512;

/// Callback that returns the next chunk of the expected tar stream, and `None` at its end. The error is the reason
/// why the stream cannot be produced.
pub type ReferenceChunks<'a> = Box<dyn FnMut() -> Result<Option<Vec<u8>>, String> + 'a>;

/// Reads an archive in chunks of any size, and compares it while it reads.
pub struct ArchiveVerifier<'a> {
    gunzip: Gunzip,
    tar: TarReader,
    reference: ReferenceStream<'a>,
}

impl std::fmt::Debug for ArchiveVerifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveVerifier").field("tar", &self.tar).finish_non_exhaustive()
    }
}

/// The expected tar stream, and the result of the comparison so far.
struct ReferenceStream<'a> {
    next_chunk: ReferenceChunks<'a>,
    chunk: Vec<u8>,
    /// The number of bytes of `chunk` that were compared.
    compared_bytes: usize,
    /// The number of bytes of the whole stream that were compared.
    offset: u64,
    comparison: TreeComparison,
}

impl<'a> ArchiveVerifier<'a> {
    /// Creates a verifier with the expected tar stream, or the reason why it cannot be produced. `None` if there is
    /// no clone; the archive is then not compared.
    #[must_use]
    pub fn new(expected: Option<Result<ReferenceChunks<'a>, String>>) -> Self {
        let no_chunks = || -> ReferenceChunks<'a> { Box::new(|| Ok(None)) };
        let (next_chunk, comparison) = match expected {
            Some(Ok(next_chunk)) => (next_chunk, TreeComparison::Identical),
            Some(Err(reason)) => (no_chunks(), TreeComparison::Unavailable(reason)),
            None => (no_chunks(), TreeComparison::NoClone),
        };
        let reference =
            ReferenceStream { next_chunk, chunk: Vec::new(), compared_bytes: 0, offset: 0, comparison };
        Self { gunzip: Gunzip::new(MAX_TAR_BYTES), tar: TarReader::default(), reference }
    }

    /// Reads the next bytes of the archive. A difference is not an error; [`ArchiveVerifier::finish`] returns it.
    ///
    /// # Errors
    /// [`ArchiveError::Malformed`] or [`ArchiveError::LimitExceeded`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (tar, reference) = (&mut self.tar, &mut self.reference);
        let result = self.gunzip.push(bytes, &mut |inflated| {
            for chunk in inflated.chunks(COMPARE_CHUNK_BYTES) {
                tar.push(chunk)?;
                reference.compare(chunk, tar.current_member());
            }
            Ok(())
        });
        result.map_err(archive_error)
    }

    /// Returns the summary of the archive, and the result of the comparison.
    ///
    /// # Errors
    /// [`ArchiveError::Malformed`] if the archive is incomplete.
    pub fn finish(self) -> Result<WasHeld, ArchiveError> {
        self.gunzip.finish().map_err(archive_error)?;
        let summary = self.tar.finish().map_err(archive_error)?;
        Ok(WasHeld { summary, tree_comparison: self.reference.into_comparison() })
    }
}

fn archive_error(error: StreamError) -> ArchiveError {
    match error {
        StreamError::Malformed(reason) => ArchiveError::Malformed(reason),
        StreamError::LimitExceeded(reason) => ArchiveError::LimitExceeded(reason),
    }
}

impl ReferenceStream<'_> {
    /// Compares the next bytes. After the first difference or error, nothing more is compared.
    fn compare(&mut self, mut bytes: &[u8], member: &str) {
        while !bytes.is_empty() && self.comparison == TreeComparison::Identical {
            if self.compared_bytes == self.chunk.len() {
                self.compared_bytes = 0;
                self.chunk = match (self.next_chunk)() {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => return self.record_difference(member),
                    Err(reason) => return self.comparison = TreeComparison::Unavailable(reason),
                };
                continue;
            }
            let length = bytes.len().min(self.chunk.len() - self.compared_bytes);
            let (actual, rest) = bytes.split_at(length);
            let expected = &self.chunk[self.compared_bytes..self.compared_bytes + length];
            if actual != expected {
                let equal_bytes = actual.iter().zip(expected).take_while(|(a, b)| a == b).count();
                self.offset += equal_bytes as u64;
                return self.record_difference(member);
            }
            self.offset += length as u64;
            self.compared_bytes += length;
            bytes = rest;
        }
    }

    fn record_difference(&mut self, member: &str) {
        self.comparison =
            TreeComparison::Differs(TreeDifference { offset: self.offset, member: member.to_owned() });
    }

    /// Returns the result of the comparison. An archive that ends before the expected stream differs too.
    fn into_comparison(mut self) -> TreeComparison {
        if self.comparison == TreeComparison::Identical {
            let has_more = if self.compared_bytes < self.chunk.len() {
                Ok(true)
            } else {
                (self.next_chunk)().map(|it| it.is_some())
            };
            match has_more {
                Ok(true) => self.record_difference("the end of the archive"),
                Ok(false) => {}
                Err(reason) => self.comparison = TreeComparison::Unavailable(reason),
            }
        }
        self.comparison
    }
}
