//! A strict reader for untrusted tar streams (POSIX.1-1988 ustar with pax headers). It accepts only what `git
//! archive` writes, and nothing that two programs would extract differently.

use std::collections::HashSet;

use model::ObjectId;
use model::evidence::audit::ArchiveSummary;

use crate::path_key::{PathKey, path_key};
use crate::stream_error::{StreamError, malformed};
use crate::tar_header::{UstarHeader, parse_pax_path, pax_records};

/// The size of a tar block, in bytes.
const TAR_BLOCK_BYTES: usize = 512;
/// The largest pax header that is read, in bytes. It contains a path or the commit id.
const MAX_PAX_BYTES: u64 = 64 << 10;
/// The largest number of members that are read.
const MAX_MEMBERS: u64 = 500_000;

/// Reads a tar stream in chunks of any size. Memory: one block, and up to 32 bytes for each path.
#[derive(Debug)]
pub struct TarReader {
    /// The header block that is being filled.
    block: Vec<u8>,
    state: TarState,
    /// The number of bytes of the member that are not read yet, including its padding.
    remaining: u64,
    /// The number of bytes of padding at the end of the member.
    padding: u64,
    pax: Vec<u8>,
    /// The path from a pax header, for the next member.
    pax_path: Option<Vec<u8>>,
    /// The path of the current member, for messages.
    member_name: String,
    /// Keys of the lower-case paths of all members.
    seen_paths: HashSet<PathKey>,
    /// Keys of the exact paths of all folders.
    folders: HashSet<PathKey>,
    members: u64,
    bytes: u64,
    commit: Option<ObjectId>,
    top_directory: Option<Vec<u8>>,
    time: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TarState {
    /// Expects a header.
    Header,
    /// Reads the records of the global pax header.
    GlobalPax,
    /// Reads the records of the pax header of a member.
    Pax,
    /// Reads the content of a file.
    File,
    /// Has read one zero block, and expects a second one.
    FirstZeroBlock,
    /// Has read the end of the archive, and expects only zero blocks.
    End,
}

impl Default for TarReader {
    fn default() -> Self {
        Self {
            block: Vec::with_capacity(TAR_BLOCK_BYTES),
            state: TarState::Header,
            remaining: 0,
            padding: 0,
            pax: Vec::new(),
            pax_path: None,
            member_name: "the start of the archive".to_owned(),
            seen_paths: HashSet::new(),
            folders: HashSet::new(),
            members: 0,
            bytes: 0,
            commit: None,
            top_directory: None,
            time: None,
        }
    }
}

impl TarReader {
    /// Returns the path of the current member, for messages.
    #[must_use]
    pub fn current_member(&self) -> &str {
        &self.member_name
    }

    /// Reads the next bytes of the stream.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] or [`StreamError::LimitExceeded`].
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), StreamError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.remaining > 0 {
                let length = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(bytes.len());
                let (chunk, rest) = bytes.split_at(length);
                self.read_content(chunk)?;
                bytes = rest;
                continue;
            }
            let (chunk, rest) = bytes.split_at(bytes.len().min(TAR_BLOCK_BYTES - self.block.len()));
            self.block.extend_from_slice(chunk);
            bytes = rest;
            if self.block.len() == TAR_BLOCK_BYTES {
                let block = std::mem::replace(&mut self.block, Vec::with_capacity(TAR_BLOCK_BYTES));
                self.read_header(&block)?;
            }
        }
        Ok(())
    }

    /// Returns the summary of the stream. Its commit is `None` if there was no global header.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] if the stream is incomplete or has no member.
    pub fn finish(self) -> Result<ArchiveSummary, StreamError> {
        if self.state != TarState::End || !self.block.is_empty() {
            return Err(malformed("unexpected end of the tar stream"));
        }
        let folder = self.top_directory.ok_or_else(|| malformed("the archive is empty"))?;
        Ok(ArchiveSummary {
            commit: self.commit,
            top_directory: String::from_utf8_lossy(&folder).into_owned(),
            mtime: self.time.unwrap_or(0),
            members: self.members,
            bytes: self.bytes,
        })
    }

    /// Reads content or padding of the current member. Padding must be zero: otherwise it could hide data.
    fn read_content(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        let content_length = self.remaining.saturating_sub(self.padding);
        let content_length = usize::try_from(content_length).unwrap_or(usize::MAX).min(bytes.len());
        if bytes[content_length..].iter().any(|it| *it != 0) {
            return Err(malformed(format!("nonzero padding after {}", self.member_name)));
        }
        if matches!(self.state, TarState::GlobalPax | TarState::Pax) {
            self.pax.extend_from_slice(&bytes[..content_length]);
        }
        self.remaining -= bytes.len() as u64;
        if self.remaining == 0 {
            self.finish_member()?;
        }
        Ok(())
    }

    /// Handles the end of a member's content, and expects a header next.
    fn finish_member(&mut self) -> Result<(), StreamError> {
        let pax = std::mem::take(&mut self.pax);
        match self.state {
            TarState::GlobalPax => self.read_global_header(&pax)?,
            TarState::Pax => self.pax_path = Some(parse_pax_path(&pax)?),
            _ => {}
        }
        self.state = TarState::Header;
        Ok(())
    }

    /// Reads the commit id from the global header, which `git archive` writes first (`git help archive`).
    fn read_global_header(&mut self, pax: &[u8]) -> Result<(), StreamError> {
        let records = pax_records(pax)?;
        let text = match &records[..] {
            [(b"comment", text)] => std::str::from_utf8(text).ok(),
            _ => return Err(malformed("the global pax header has other records than a comment")),
        };
        let commit = text.and_then(ObjectId::from_hex);
        self.commit =
            Some(commit.ok_or_else(|| malformed("the comment of the global pax header is not a commit id"))?);
        Ok(())
    }

    /// Reads a header block, or a zero block of the end of the archive.
    fn read_header(&mut self, block: &[u8]) -> Result<(), StreamError> {
        if block.iter().all(|it| *it == 0) {
            self.state = match self.state {
                TarState::Header if self.pax_path.is_none() => TarState::FirstZeroBlock,
                TarState::FirstZeroBlock | TarState::End => TarState::End,
                _ => return Err(malformed("the tar stream ends after a pax header, expected a member")),
            };
            return Ok(());
        }
        if self.state != TarState::Header {
            return Err(malformed("unexpected data after the end of the tar stream"));
        }
        let header = UstarHeader { block };
        header.check_fields()?;
        let size = header.octal_number(124, 12, "size")?;
        self.remaining = size.next_multiple_of(TAR_BLOCK_BYTES as u64);
        self.padding = self.remaining - size;
        match header.type_flag() {
            b'g' if self.members == 0 && self.commit.is_none() => {
                self.start_pax(TarState::GlobalPax, size)?;
            }
            b'x' if self.pax_path.is_none() => self.start_pax(TarState::Pax, size)?,
            b'0' => self.read_member(&header, false)?,
            b'5' if size == 0 => self.read_member(&header, true)?,
            kind => {
                let name = String::from_utf8_lossy(&header.path()).into_owned();
                return Err(malformed(format!(
                    "{name} has type '{}', expected a plain file or a folder without content",
                    kind.escape_ascii()
                )));
            }
        }
        if self.remaining == 0 && self.state != TarState::Header {
            self.finish_member()?;
        }
        Ok(())
    }

    fn start_pax(&mut self, state: TarState, size: u64) -> Result<(), StreamError> {
        if size > MAX_PAX_BYTES {
            return Err(StreamError::LimitExceeded(format!(
                "a pax header has {size} bytes, expected at most {MAX_PAX_BYTES}"
            )));
        }
        self.state = state;
        Ok(())
    }

    /// Reads the header of a file or folder. Modes are those of `tar.umask=0002`, and all members have the time of
    /// the commit.
    fn read_member(&mut self, header: &UstarHeader<'_>, is_folder: bool) -> Result<(), StreamError> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(StreamError::LimitExceeded(format!(
                "the archive has more than {MAX_MEMBERS} members"
            )));
        }
        let path = match self.pax_path.take() {
            None => header.path(),
            Some(path) => header.resolve_pax_path(path)?,
        };
        self.member_name = String::from_utf8_lossy(&path).into_owned();
        let modes: &[u64] = if is_folder { &[0o775] } else { &[0o664, 0o775] };
        let mode = header.octal_number(100, 8, "mode")?;
        if !modes.contains(&mode) {
            return Err(malformed(format!(
                "{} has mode {mode:o}, expected 775, or 664 for a file",
                self.member_name
            )));
        }
        let time = header.octal_number(136, 12, "time")?;
        if *self.time.get_or_insert(time) != time {
            return Err(malformed(format!(
                "{} has another modification time than the other entries",
                self.member_name
            )));
        }
        self.check_path(&path, is_folder)?;
        self.state = if is_folder { TarState::Header } else { TarState::File };
        Ok(())
    }

    /// Checks that a path is relative and normalized, is below the top folder, comes after its parent folder, and is
    /// new.
    fn check_path(&mut self, path: &[u8], is_folder: bool) -> Result<(), StreamError> {
        let plain = if is_folder { path.strip_suffix(b"/") } else { Some(path) };
        let plain = plain
            .ok_or_else(|| malformed(format!("the folder {} does not end in a slash", self.member_name)))?;
        let is_unsafe = |part: &[u8]| part.is_empty() || part == b"." || part == b"..";
        if plain.split(|it| *it == b'/').any(is_unsafe) || plain.iter().any(|it| matches!(it, b'\\' | 0)) {
            return Err(malformed(format!("'{}' is not a normalized relative path", self.member_name)));
        }
        let (first, rest) = match plain.iter().position(|it| *it == b'/') {
            Some(slash) => (&plain[..slash], &plain[slash..]),
            None => (plain, &b""[..]),
        };
        match &self.top_directory {
            None if is_folder && rest.is_empty() => self.top_directory = Some(first.to_vec()),
            Some(folder) if folder == first && !rest.is_empty() => {}
            _ => {
                return Err(malformed(format!(
                    "'{}' is not below the archive's top folder",
                    self.member_name
                )));
            }
        }
        // For a member below a file, some programs replace the file with a folder, and others fail.
        let parent = plain.iter().rposition(|it| *it == b'/').map(|slash| path_key(&plain[..slash]));
        if parent.is_some_and(|it| !self.folders.contains(&it)) {
            return Err(malformed(format!("'{}' comes before an entry for its folder", self.member_name)));
        }
        if is_folder {
            self.folders.insert(path_key(plain));
        }
        // On a case-insensitive file system, paths that differ only in case are the same file.
        let folded = String::from_utf8_lossy(plain).to_lowercase();
        if self.seen_paths.insert(path_key(folded.as_bytes())) {
            Ok(())
        } else {
            Err(malformed(format!("duplicate path '{}' (ignoring case)", self.member_name)))
        }
    }
}
