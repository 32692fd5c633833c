//! gzip (RFC 1952) over all cores, with the same bytes for any number of them.
//!
//! One member, no name, no time, no operating system. The deflate stream (RFC 1951) is made of blocks of
//! [`BLOCK`] bytes, each compressed by itself with the last 32 KiB before it as its dictionary and ended on a byte
//! boundary, so that what a block becomes depends on its place in the input alone. That is how `pigz` does it.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

/// What is compressed at a time, in bytes.
pub const BLOCK_BYTES: usize = 256 << 10;
/// What a deflate block can reach back, in bytes.
const WINDOW_BYTES: usize = 32 << 10;
/// The fixed level. A change of it, of [`BLOCK`] or of the deflate crate changes the bytes of every archive: a test
/// holds a digest.
const COMPRESSION_LEVEL: u32 = 6;

/// How many threads compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(usize);

/// More threads would only hold memory.
const MAX_THREADS: usize = 16;

impl Threads {
    /// All cores, up to 16.
    #[must_use]
    pub fn all() -> Self {
        Self::exactly(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// That many, up to 16.
    #[must_use]
    pub fn exactly(count: NonZeroUsize) -> Self {
        Self(count.get().min(MAX_THREADS))
    }
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum GzipError<E> {
    /// What was to be compressed could not be had.
    #[error(transparent)]
    Input(E),
    /// What was compressed could not be written.
    #[error(transparent)]
    Output(io::Error),
}

/// Compresses what `fill` writes into `out`, and gives `out` back.
///
/// Memory: about three blocks for each thread.
///
/// # Errors
/// [`GzipError::Output`] where `out` fails, which also ends `fill`; else [`GzipError::Input`] where `fill` does.
///
/// # Panics
/// Where a thread cannot be started.
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

/// What is to be compressed goes in here.
#[derive(Debug)]
pub struct BlockWriter {
    jobs: SyncSender<BlockJob>,
    order: SyncSender<Receiver<Result<Vec<u8>, CompressError>>>,
    crc: Crc,
    block: Vec<u8>,
    previous_block: Arc<Vec<u8>>,
}

/// A block, what came before it, and where its compressed bytes go.
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
    fn send_block(&mut self, is_last: bool) -> io::Result<()> {
        let block = Arc::new(std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES)));
        let previous_block = std::mem::replace(&mut self.previous_block, Arc::clone(&block));
        let (result, compressed) = sync_channel(1);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the archive can no longer be written");
        self.order.send(compressed).map_err(gone)?;
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "no thread is left to compress");
        self.jobs.send(BlockJob { previous_block, block, is_last, result }).map_err(gone)
    }

    /// Sends what is left, and gives the gzip trailer.
    fn finish(mut self) -> io::Result<[u8; 8]> {
        self.send_block(true)?;
        let mut trailer = [0; 8];
        trailer[..4].copy_from_slice(&self.crc.sum().to_le_bytes());
        trailer[4..].copy_from_slice(&self.crc.amount().to_le_bytes());
        Ok(trailer)
    }
}

/// Takes one job; `None` when there will be no more. A result that nobody waits for any more is dropped.
fn compress_next(work: &Mutex<Receiver<BlockJob>>) -> Option<()> {
    let job = work.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
    job.result.send(deflate(&job)).ok();
    Some(())
}

/// One block as a piece of a raw deflate stream. A fresh compressor each time: nothing of an earlier block, and so
/// nothing of how blocks fell to threads, can show.
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

    /// Bytes that compress about as text does.
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
            assert!(back == input, "{length} bytes do not come back");
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
            "every archive gets other bytes: say so in CHANGELOG.md"
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
