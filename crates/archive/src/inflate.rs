//! Inflates deflate streams (RFC 1951) that arrive in chunks of any size.

use flate2::{Decompress, FlushDecompress, Status};

use crate::stream_error::{StreamError, malformed};

/// The size of the output buffer, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Callback that receives inflated bytes.
pub(crate) type InflatedSink<'s> = dyn FnMut(&[u8]) -> Result<(), StreamError> + 's;

/// Inflates one stream after another. Memory: one output buffer, and zlib's window.
#[derive(Debug)]
pub(crate) struct Inflate {
    decompress: Decompress,
    chunk: Vec<u8>,
}

/// How far a chunk was inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InflateProgress {
    /// The number of bytes of the chunk that belong to the stream.
    pub(crate) used: usize,
    /// Whether the stream ended.
    pub(crate) ended: bool,
}

impl Default for Inflate {
    fn default() -> Self {
        Self { decompress: Decompress::new(false), chunk: vec![0; CHUNK_BYTES] }
    }
}

impl Inflate {
    /// Prepares for another stream.
    pub(crate) fn reset(&mut self) {
        self.decompress.reset(false);
    }

    /// Inflates the next bytes, and passes the result to `sink`.
    ///
    /// # Errors
    /// [`StreamError::Malformed`], and every error of `sink`.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut InflatedSink<'_>,
    ) -> Result<InflateProgress, StreamError> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self.decompress.decompress(&bytes[used..], &mut self.chunk, FlushDecompress::None);
            let status = status.map_err(|error| malformed(format!("invalid deflate stream: {error}")))?;
            let count = |from: u64, to: u64| usize::try_from(to - from).unwrap_or(usize::MAX);
            used += count(before_in, self.decompress.total_in());
            let inflated = &self.chunk[..count(before_out, self.decompress.total_out())];
            sink(inflated)?;
            if status == Status::StreamEnd {
                return Ok(InflateProgress { used, ended: true });
            }
            if used == bytes.len() && inflated.len() < CHUNK_BYTES {
                return Ok(InflateProgress { used, ended: false });
            }
            if status == Status::BufError && inflated.is_empty() {
                return Err(malformed("invalid deflate stream: no progress"));
            }
        }
    }
}
