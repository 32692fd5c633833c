//! A source archive that somebody else published, held against what it should be.

use model::evidence::audit::{ArchiveError, ArchiveInspection as WasHeld, TreeComparison, TreeDifference};

use crate::gunzip::{Gunzip, ReadError};
use crate::strict::TarReader;

/// The longest tar stream that is looked at, in bytes: the largest of OpenSandbox has some 60 MB.
const LIMIT: u64 = 1 << 30;

/// How much is compared at a time: a record of a tar stream, so that a difference is found in its member.
const STEP: usize = 512;

/// Gives the tar stream that is expected, piece by piece; none where it has ended; why it does not go on.
pub type NextPiece<'a> = Box<dyn FnMut() -> Result<Option<Vec<u8>>, String> + 'a>;

/// Reads an archive as it comes, and compares as it reads.
pub struct Held<'a> {
    gunzip: Gunzip,
    tar: TarReader,
    against: Against<'a>,
}

impl std::fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("tar", &self.tar).finish_non_exhaustive()
    }
}

/// What a stream is compared with.
struct Against<'a> {
    next: NextPiece<'a>,
    piece: Vec<u8>,
    /// How much of the piece was compared.
    done: usize,
    offset: u64,
    came_to: TreeComparison,
}

impl<'a> Held<'a> {
    /// A reader, with the tar stream that is expected, or why it cannot be had; none where there is no clone.
    #[must_use]
    pub fn new(expected: Option<Result<NextPiece<'a>, String>>) -> Self {
        let nothing = || -> NextPiece<'a> { Box::new(|| Ok(None)) };
        let (next, came_to) = match expected {
            Some(Ok(next)) => (next, TreeComparison::Identical),
            Some(Err(said)) => (nothing(), TreeComparison::Unavailable(said)),
            None => (nothing(), TreeComparison::NoClone),
        };
        let against = Against { next, piece: Vec::new(), done: 0, offset: 0, came_to };
        Self { gunzip: Gunzip::new(LIMIT), tar: TarReader::default(), against }
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (tar, against) = (&mut self.tar, &mut self.against);
        let pushed = self.gunzip.push(bytes, &mut |inflated| {
            for step in inflated.chunks(STEP) {
                tar.push(step)?;
                against.compare(step, tar.place());
            }
            Ok(())
        });
        pushed.map_err(flaw)
    }

    /// What the archive was, and how it compares with what was expected.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn finish(self) -> Result<WasHeld, ArchiveError> {
        self.gunzip.finish().map_err(flaw)?;
        let archived = self.tar.finish().map_err(flaw)?;
        Ok(WasHeld { summary: archived, tree_comparison: self.against.ended() })
    }
}

fn flaw(error: ReadError) -> ArchiveError {
    match error {
        ReadError::Format(said) => ArchiveError::Malformed(said),
        ReadError::Limit(said) => ArchiveError::LimitExceeded(said),
    }
}

impl Against<'_> {
    fn compare(&mut self, mut bytes: &[u8], member: &str) {
        while !bytes.is_empty() && self.came_to == TreeComparison::Identical {
            if self.done == self.piece.len() {
                self.done = 0;
                self.piece = match (self.next)() {
                    Ok(Some(piece)) => piece,
                    Ok(None) => return self.differs(member),
                    Err(said) => return self.came_to = TreeComparison::Unavailable(said),
                };
                continue;
            }
            let length = bytes.len().min(self.piece.len() - self.done);
            let (here, rest) = bytes.split_at(length);
            let there = &self.piece[self.done..self.done + length];
            if here != there {
                let same = here.iter().zip(there).take_while(|(a, b)| a == b).count();
                self.offset += same as u64;
                return self.differs(member);
            }
            self.offset += length as u64;
            self.done += length;
            bytes = rest;
        }
    }

    fn differs(&mut self, member: &str) {
        self.came_to =
            TreeComparison::Differs(TreeDifference { offset: self.offset, member: member.to_owned() });
    }

    /// How it compared; that something is missing at the end is a difference too.
    fn ended(mut self) -> TreeComparison {
        if self.came_to == TreeComparison::Identical {
            let more =
                if self.done < self.piece.len() { Ok(true) } else { (self.next)().map(|it| it.is_some()) };
            match more {
                Ok(true) => self.differs("the end"),
                Ok(false) => {}
                Err(said) => self.came_to = TreeComparison::Unavailable(said),
            }
        }
        self.came_to
    }
}
