//! Parallel gzip (RFC 1952). The output is the same for any number of threads.
//!
//! The output is one member without name, time and operating system. The deflate stream (RFC 1951) consists of blocks
//! of [`BLOCK_BYTES`] bytes. Each block is compressed separately, with the previous 32 KiB as dictionary, and ends on
//! a byte boundary. Its compressed bytes therefore depend only on the input, not on the threads. `pigz` works in the
//! same way.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

/// The size of a block that one thread compresses, in bytes.
pub const BLOCK_BYTES: usize = 256 << 10;
/// The size of the deflate window, in bytes: the longest distance of a back-reference.
const WINDOW_BYTES: usize = 32 << 10;
/// The compression level. Another level, another [`BLOCK_BYTES`] or another deflate crate changes the bytes of every
/// archive. A test compares a digest to detect this.
const COMPRESSION_LEVEL: u32 = 6;

/// The number of compression threads, 1 to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(usize);

/// The largest number of compression threads. More would only use memory.
const MAX_THREADS: usize = 16;

impl Threads {
    /// One thread for each core, at most 16.
    #[must_use]
    pub fn all() -> Self {
        Self::exactly(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// `count` threads, at most 16.
    #[must_use]
    pub fn exactly(count: NonZeroUsize) -> Self {
        Self(count.get().min(MAX_THREADS))
    }
}

/// An error of [`compress`]: of the input or of the output.
#[derive(Debug, thiserror::Error)]
pub enum GzipError<E> {
    /// The callback that writes the input failed.
    #[error(transparent)]
    Input(E),
    /// The compressed bytes could not be written.
    #[error(transparent)]
    Output(io::Error),
}

/// Compresses everything that `fill` writes, writes it to `out`, and returns `out`.
///
/// Memory: about three blocks for each thread.
///
/// # Errors
/// [`GzipError::Output`] if `out` fails; the writes of `fill` then fail too. Otherwise [`GzipError::Input`] if `fill`
/// fails.
///
/// # Panics
/// If a thread cannot be started.
pub fn compress<W: Write + Send, E>(
    mut out: W,
    threads: Threads,
    fill: impl FnOnce(&mut BlockWriter) -> Result<(), E>,
) -> Result<W, GzipError<E>> {
    const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let count = threads.0;
    let (jobs, work) = sync_channel::<BlockJob>(count);
    let (order, results) = sync_channel::<Receiver<Result<Vec<u8>, CompressError>>>(2 * count);
    let work = Arc::new(Mutex::new(work));
    thread::scope(|scope| {
        for _ in 0..count {
            let work = Arc::clone(&work);
            scope.spawn(move || while compress_next(&work).is_some() {});
        }
        drop(work);
        let writer = scope.spawn(move || -> io::Result<W> {
            out.write_all(&GZIP_HEADER)?;
            for block in results {
                let bytes = block.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
                out.write_all(&bytes)?;
            }
            Ok(out)
        });
        let mut input = BlockWriter {
            jobs,
            order,
            crc: Crc::new(),
            block: Vec::with_capacity(BLOCK_BYTES),
            previous_block: Arc::default(),
        };
        let filled = fill(&mut input).map(|()| input.finish());
        let written = writer.join().expect("the writing thread does not panic");
        let mut out = match (&filled, written) {
            (_, Err(error)) => return Err(GzipError::Output(error)),
            (_, Ok(out)) => out,
        };
        let trailer = filled.map_err(GzipError::Input)?.map_err(GzipError::Output)?;
        out.write_all(&trailer).map_err(GzipError::Output)?;
        Ok(out)
    })
}

/// Receives the input, splits it into blocks and passes them to the compression threads.
#[derive(Debug)]
pub struct BlockWriter {
    jobs: SyncSender<BlockJob>,
    order: SyncSender<Receiver<Result<Vec<u8>, CompressError>>>,
    crc: Crc,
    block: Vec<u8>,
    previous_block: Arc<Vec<u8>>,
}

/// A block, the block before it for the dictionary, and the channel for its compressed bytes.
#[derive(Debug)]
struct BlockJob {
    previous_block: Arc<Vec<u8>>,
    block: Arc<Vec<u8>>,
    is_last: bool,
    result: SyncSender<Result<Vec<u8>, CompressError>>,
}

impl Write for BlockWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.send_block(false)?;
        }
        let taken = &bytes[..bytes.len().min(BLOCK_BYTES - self.block.len())];
        self.block.extend_from_slice(taken);
        self.crc.update(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlockWriter {
    /// Passes the current block to the compression threads. The writer receives the results in the order of the
    /// blocks.
    fn send_block(&mut self, is_last: bool) -> io::Result<()> {
        let block = Arc::new(std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES)));
        let previous_block = std::mem::replace(&mut self.previous_block, Arc::clone(&block));
        let (result, compressed) = sync_channel(1);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the writer thread has stopped");
        self.order.send(compressed).map_err(gone)?;
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "all compression threads have stopped");
        self.jobs.send(BlockJob { previous_block, block, is_last, result }).map_err(gone)
    }

    /// Sends the last block, which may be empty, and returns the gzip trailer: CRC-32, and length modulo 2^32.
    fn finish(mut self) -> io::Result<[u8; 8]> {
        self.send_block(true)?;
        let mut trailer = [0; 8];
        trailer[..4].copy_from_slice(&self.crc.sum().to_le_bytes());
        trailer[4..].copy_from_slice(&self.crc.amount().to_le_bytes());
        Ok(trailer)
    }
}

/// Compresses one block. Returns `None` if there are no more jobs. The result is dropped if the writer has stopped.
fn compress_next(work: &Mutex<Receiver<BlockJob>>) -> Option<()> {
    let job = work.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
    job.result.send(deflate(&job)).ok();
    Some(())
}

/// Compresses one block to a part of a raw deflate stream. Each block gets a new compressor, so that the result does
/// not depend on the blocks that the same thread has compressed before.
fn deflate(job: &BlockJob) -> Result<Vec<u8>, CompressError> {
    let mut compressor = Compress::new(Compression::new(COMPRESSION_LEVEL), false);
    if !job.previous_block.is_empty() {
        compressor
            .set_dictionary(&job.previous_block[job.previous_block.len().saturating_sub(WINDOW_BYTES)..])?;
    }
    let flush = if job.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut out = Vec::with_capacity(job.block.len() / 2 + 64);
    loop {
        let taken = usize::try_from(compressor.total_in()).expect("a block fits into memory");
        let status = compressor.compress_vec(&job.block[taken..], &mut out, flush)?;
        let all_in = compressor.total_in() == job.block.len() as u64;
        let complete =
            if job.is_last { status == Status::StreamEnd } else { all_in && out.len() < out.capacity() };
        if complete {
            return Ok(out);
        }
        out.reserve(job.block.len() / 4 + 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;
    use std::io::Read as _;

    fn gzip(input: &[u8], threads: usize) -> Vec<u8> {
        let threads = Threads::exactly(NonZeroUsize::new(threads).unwrap());
        compress(Vec::new(), threads, |out| {
            out.write_all(input).unwrap();
            Ok::<_, Infallible>(())
        })
        .unwrap()
    }

    /// Returns bytes that compress about as well as text.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        (0..length)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if index % 7 < 5 { b"release "[index % 8] } else { b'a' + u8::try_from(state >> 28).unwrap() }
            })
            .collect()
    }

    #[test]
    fn block_boundaries_round_trip() {
        for length in
            [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES + 7]
        {
            let input = text(length);
            let one = gzip(&input, 1);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&one[..]).read_to_end(&mut back).unwrap();
            assert!(back == input, "{length} bytes do not round-trip");
            for threads in 2..6 {
                assert!(gzip(&input, threads) == one, "{length} bytes differ on {threads} threads");
            }
        }
    }

    #[test]
    fn compressed_bytes_are_stable_across_versions() {
        let digest = model::Digest::of(&gzip(&text(3 * BLOCK_BYTES + 7), 2));
        assert_eq!(
            digest.to_string(),
            "sha256:41844056930bba6a39aaf5d6fcc316f79fe2675051857b0a079fea3fba8142be",
            "the bytes of every archive change: add it to CHANGELOG.md"
        );
    }

    #[test]
    fn write_errors_stop_the_input() {
        struct FullDisk;
        impl Write for FullDisk {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let outcome = compress(FullDisk, Threads::exactly(NonZeroUsize::MIN), |out| {
            for _ in 0..100_000 {
                out.write_all(&[0; 1024])?;
            }
            Ok::<(), io::Error>(())
        });
        let Err(GzipError::Output(error)) = outcome else { panic!("the disk's error is lost") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn compression_round_trips(input in proptest::collection::vec(any::<u8>(), 0..2000), threads in 1usize..4) {
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&gzip(&input, threads)[..]).read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, input);
        }
    }
}
