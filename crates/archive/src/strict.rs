//! A tar stream (POSIX.1-1988 ustar with pax headers), read strictly from whoever: what `git archive` writes, and nothing that two
//! programs would unpack in two ways.

use std::collections::HashSet;

use model::ObjectId;
use model::base::id::Hasher;
use model::evidence::audit::ArchiveSummary;

use crate::gunzip::{ReadError, bad};

/// A block of a tar stream, in bytes.
const RECORD: usize = 512;
/// The largest pax header that is read: a path, or the commit.
const PAX_LIMIT: u64 = 64 << 10;
/// How many members are looked at.
const MOST: u64 = 500_000;

/// Looks at a tar stream, piece by piece. Memory: a record, and 32 bytes for each path.
#[derive(Debug)]
pub struct TarReader {
    record: Vec<u8>,
    at: At,
    /// What of the member, its padding included, is still to come.
    left: u64,
    /// What of its padding.
    padding: u64,
    pax: Vec<u8>,
    /// The path that a pax header gave to the next member.
    path: Option<Vec<u8>>,
    /// The member that is being read.
    name: String,
    seen: HashSet<[u8; 16]>,
    /// The folders, by their exact paths.
    folders: HashSet<[u8; 16]>,
    members: u64,
    bytes: u64,
    commit: Option<ObjectId>,
    folder: Option<Vec<u8>>,
    time: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A header comes.
    Header,
    /// What the global pax header says.
    Global,
    /// What the pax header of a member says.
    Pax,
    /// The bytes of a file.
    File,
    /// One empty record was there, and another must follow.
    FirstEnd,
    /// The end: nothing but zeroes.
    End,
}

impl Default for TarReader {
    fn default() -> Self {
        Self {
            record: Vec::with_capacity(RECORD),
            at: At::Header,
            left: 0,
            padding: 0,
            pax: Vec::new(),
            path: None,
            name: "the beginning".to_owned(),
            seen: HashSet::new(),
            folders: HashSet::new(),
            members: 0,
            bytes: 0,
            commit: None,
            folder: None,
            time: None,
        }
    }
}

impl TarReader {
    /// The member that is being read, for people.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.name
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.left > 0 {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (taken, rest) = bytes.split_at(length);
                self.content(taken)?;
                bytes = rest;
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(RECORD - self.record.len()));
            self.record.extend_from_slice(taken);
            bytes = rest;
            if self.record.len() == RECORD {
                let record = std::mem::replace(&mut self.record, Vec::with_capacity(RECORD));
                self.header(&record)?;
            }
        }
        Ok(())
    }

    /// What the stream was.
    ///
    /// # Errors
    /// [`ReadError::Format`] where it ends too early, or has no commit or no member.
    pub fn finish(self) -> Result<ArchiveSummary, ReadError> {
        if self.at != At::End || !self.record.is_empty() {
            return Err(bad("the tar stream ends too early"));
        }
        let folder = self.folder.ok_or_else(|| bad("the archive is empty"))?;
        Ok(ArchiveSummary {
            commit: self.commit,
            top_directory: String::from_utf8_lossy(&folder).into_owned(),
            mtime: self.time.unwrap_or(0),
            members: self.members,
            bytes: self.bytes,
        })
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let own = self.left.saturating_sub(self.padding);
        let own = usize::try_from(own).unwrap_or(usize::MAX).min(bytes.len());
        if bytes[own..].iter().any(|it| *it != 0) {
            return Err(bad(format!("bytes are hidden behind {}", self.name)));
        }
        if matches!(self.at, At::Global | At::Pax) {
            self.pax.extend_from_slice(&bytes[..own]);
        }
        self.left -= bytes.len() as u64;
        if self.left == 0 {
            self.ended()?;
        }
        Ok(())
    }

    /// A member's bytes are complete.
    fn ended(&mut self) -> Result<(), ReadError> {
        let pax = std::mem::take(&mut self.pax);
        match self.at {
            At::Global => self.global(&pax)?,
            At::Pax => self.path = Some(path_record(&pax)?),
            _ => {}
        }
        self.at = At::Header;
        Ok(())
    }

    /// The global header that `git archive` begins with: the commit (`git help archive`).
    fn global(&mut self, pax: &[u8]) -> Result<(), ReadError> {
        let records = records(pax)?;
        let text = match &records[..] {
            [(b"comment", text)] => std::str::from_utf8(text).ok(),
            _ => return Err(bad("the global header says something else than a commit")),
        };
        let commit = text.and_then(ObjectId::from_hex);
        self.commit = Some(commit.ok_or_else(|| bad("the global header names no commit"))?);
        Ok(())
    }

    fn header(&mut self, record: &[u8]) -> Result<(), ReadError> {
        if record.iter().all(|it| *it == 0) {
            self.at = match self.at {
                At::Header if self.path.is_none() => At::FirstEnd,
                At::FirstEnd | At::End => At::End,
                _ => return Err(bad("the tar stream ends within a member")),
            };
            return Ok(());
        }
        if self.at != At::Header {
            return Err(bad("something follows the end of the tar stream"));
        }
        let header = Header { record };
        header.plain()?;
        let size = header.number(124, 12, "size")?;
        self.left = size.next_multiple_of(RECORD as u64);
        self.padding = self.left - size;
        match header.kind() {
            b'g' if self.members == 0 && self.commit.is_none() => self.start_pax(At::Global, size)?,
            b'x' if self.path.is_none() => self.start_pax(At::Pax, size)?,
            b'0' => self.member(&header, false)?,
            b'5' if size == 0 => self.member(&header, true)?,
            kind => {
                let name = String::from_utf8_lossy(&header.path()).into_owned();
                return Err(bad(format!(
                    "{name} is of the kind '{}': no plain file or folder",
                    kind.escape_ascii()
                )));
            }
        }
        if self.left == 0 && self.at != At::Header {
            self.ended()?;
        }
        Ok(())
    }

    fn start_pax(&mut self, at: At, size: u64) -> Result<(), ReadError> {
        if size > PAX_LIMIT {
            return Err(ReadError::Limit(format!("a pax header of {size} bytes")));
        }
        self.at = at;
        Ok(())
    }

    fn member(&mut self, header: &Header<'_>, is_folder: bool) -> Result<(), ReadError> {
        self.members += 1;
        if self.members > MOST {
            return Err(ReadError::Limit(format!("the archive has more than {MOST} members")));
        }
        let path = match self.path.take() {
            None => header.path(),
            Some(path) => header.stands_in_for(path)?,
        };
        self.name = String::from_utf8_lossy(&path).into_owned();
        let modes: &[u64] = if is_folder { &[0o775] } else { &[0o664, 0o775] };
        let mode = header.number(100, 8, "mode")?;
        if !modes.contains(&mode) {
            return Err(bad(format!("{} has the mode {mode:o}", self.name)));
        }
        let time = header.number(136, 12, "time")?;
        if *self.time.get_or_insert(time) != time {
            return Err(bad(format!("{} is of another time than the rest", self.name)));
        }
        self.place_of(&path, is_folder)?;
        self.at = if is_folder { At::Header } else { At::File };
        Ok(())
    }

    /// The path is plain, below the one folder, and new.
    fn place_of(&mut self, path: &[u8], is_folder: bool) -> Result<(), ReadError> {
        let plain = if is_folder { path.strip_suffix(b"/") } else { Some(path) };
        let plain = plain.ok_or_else(|| bad(format!("the folder {} does not end in a slash", self.name)))?;
        let odd = |part: &[u8]| part.is_empty() || part == b"." || part == b"..";
        if plain.split(|it| *it == b'/').any(odd) || plain.iter().any(|it| matches!(it, b'\\' | 0)) {
            return Err(bad(format!("'{}' is no plain path", self.name)));
        }
        let (first, rest) = match plain.iter().position(|it| *it == b'/') {
            Some(at) => (&plain[..at], &plain[at..]),
            None => (plain, &b""[..]),
        };
        match &self.folder {
            None if is_folder && rest.is_empty() => self.folder = Some(first.to_vec()),
            Some(folder) if folder == first && !rest.is_empty() => {}
            _ => return Err(bad(format!("'{}' is not below the archive's one folder", self.name))),
        }
        // What stands below a file, one program unpacks into a folder in its place, and another does not.
        let parent = plain.iter().rposition(|it| *it == b'/').map(|at| key(&plain[..at]));
        if parent.is_some_and(|it| !self.folders.contains(&it)) {
            return Err(bad(format!("'{}' is in a folder that is not there", self.name)));
        }
        if is_folder {
            self.folders.insert(key(plain));
        }
        // Some file systems do not tell capitals from small letters: both names would be one file there.
        let folded = String::from_utf8_lossy(plain).to_lowercase();
        if self.seen.insert(key(folded.as_bytes())) {
            Ok(())
        } else {
            Err(bad(format!("'{}' is there twice", self.name)))
        }
    }
}

/// What stands for a path: the first half of its SHA-256.
fn key(path: &[u8]) -> [u8; 16] {
    let mut hasher = Hasher::default();
    hasher.update(path);
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finish().bytes()[..16]);
    key
}

/// A ustar header.
struct Header<'r> {
    record: &'r [u8],
}

impl Header<'_> {
    fn kind(&self) -> u8 {
        self.record[156]
    }

    /// Magic, checksum, owner and what must be empty.
    fn plain(&self) -> Result<(), ReadError> {
        if &self.record[257..265] != b"ustar\x0000" {
            return Err(bad("a header is not of ustar"));
        }
        let sum: u64 = self.record.iter().map(|it| u64::from(*it)).sum();
        let own: u64 = self.record[148..156].iter().map(|it| u64::from(*it)).sum();
        if self.number(148, 8, "checksum")? != sum - own + 8 * u64::from(b' ') {
            return Err(bad("the checksum of a header is wrong"));
        }
        let owners = [(108, "user id"), (116, "group id"), (329, "device"), (337, "device")];
        for (at, what) in owners {
            if self.number(at, 8, what)? != 0 {
                return Err(bad(format!("a member has a {what} that is not 0")));
            }
        }
        let root = |at: usize| field(&self.record[at..at + 32]) == b"root";
        if !root(265) || !root(297) || self.record[157..257].iter().any(|it| *it != 0) {
            return Err(bad("a member belongs to somebody, or links to something"));
        }
        if self.record[500..].iter().any(|it| *it != 0) {
            return Err(bad("bytes are hidden behind a header"));
        }
        Ok(())
    }

    /// Octal digits, ended by NUL or a space; nothing else.
    fn number(&self, at: usize, length: usize, what: &str) -> Result<u64, ReadError> {
        let wrong = || bad(format!("the {what} of a member is no number"));
        let bytes = &self.record[at..at + length];
        let digits = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
        if digits == 0 || bytes[digits..].iter().any(|it| !matches!(it, 0 | b' ')) {
            return Err(wrong());
        }
        let text = std::str::from_utf8(&bytes[..digits]).map_err(|_| wrong())?;
        u64::from_str_radix(text, 8).map_err(|_| wrong())
    }

    fn path(&self) -> Vec<u8> {
        let (name, prefix) = (field(&self.record[..100]), field(&self.record[345..500]));
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// The path of a pax header, where the header's own name is what git puts in its place, and the path did not fit.
    fn stands_in_for(&self, path: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        let own = self.path();
        let stand_in = own.strip_suffix(b".data").and_then(|it| std::str::from_utf8(it).ok());
        if path.len() > 100 && stand_in.and_then(ObjectId::from_hex).is_some() {
            return Ok(path);
        }
        let (own, path) = (String::from_utf8_lossy(&own), String::from_utf8_lossy(&path));
        Err(bad(format!("a pax header gives {own} another name, {path}")))
    }
}

/// A field up to its first NUL, behind which are only NULs.
fn field(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
    if bytes[end..].iter().all(|it| *it == 0) { &bytes[..end] } else { bytes }
}

/// The path of a member's pax header, which may say nothing else.
fn path_record(pax: &[u8]) -> Result<Vec<u8>, ReadError> {
    match &records(pax)?[..] {
        [(b"path", path)] => Ok(path.to_vec()),
        _ => Err(bad("a pax header says something else than a path")),
    }
}

/// A key and its value.
type PaxRecord<'p> = (&'p [u8], &'p [u8]);

/// The records of a pax header: `<length> <key>=<value>\n`, where the length counts all of it.
fn records(mut pax: &[u8]) -> Result<Vec<PaxRecord<'_>>, ReadError> {
    let wrong = || bad("a pax header is malformed");
    let mut all = Vec::new();
    while !pax.is_empty() {
        let space = pax.iter().position(|it| *it == b' ').ok_or_else(wrong)?;
        let digits = std::str::from_utf8(&pax[..space]).ok().filter(|it| !it.starts_with(['0', '+']));
        let length: usize = digits.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
        let record = pax.get(..length).and_then(|it| it.get(space + 1..)).ok_or_else(wrong)?;
        let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
        let equals = record.iter().position(|it| *it == b'=').ok_or_else(wrong)?;
        all.push((&record[..equals], &record[equals + 1..]));
        pax = &pax[length..];
    }
    Ok(all)
}
