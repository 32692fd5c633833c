//! Writes the tar stream of `git -c tar.umask=0002 archive --format=tar`, byte for byte.
//!
//! The format is POSIX.1-1988 ustar, with POSIX.1-2001 pax headers for names that do not fit. This module splits long
//! names and chooses pax headers exactly as git does (`archive-tar.c`).

use std::io::{self, Write};

use ::tar::{EntryType, Header};
use model::ObjectId;
use model::release::tree::{ArchiveSource, Member, MemberContent};

/// The size of a tar block, in bytes.
const TAR_BLOCK_BYTES: usize = 512;
/// The size of a tar record, in bytes: git's blocking factor of 20. The stream's length is a multiple of it.
const TAR_RECORD_BYTES: u64 = 20 * TAR_BLOCK_BYTES as u64;
/// The largest time and size in a ustar header: eleven octal digits.
const MAX_USTAR_NUMBER: u64 = 0o777_7777_7777;
/// The `tar.umask` of all published archives of OpenSandbox. Another value changes the mode of every member.
const TAR_UMASK: u32 = 0o002;

/// Why a tar stream could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The commit time is before 1970, which a tar header cannot represent. In seconds since 1970.
    #[error("the commit time {0} is before 1970, which a tar header cannot represent")]
    TimeBeforeEpoch(i64),
    /// The output could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A tar stream that is being written.
#[derive(Debug)]
pub struct TarStream<W> {
    out: W,
    written_bytes: u64,
    time: u64,
    top_directory: Vec<u8>,
}

impl<W: Write> TarStream<W> {
    /// Starts a stream: writes the pax global header, whose comment is the commit id, and the top folder.
    ///
    /// # Errors
    /// [`TarError::TimeBeforeEpoch`] for a commit from before 1970, [`TarError::Io`] if `out` fails.
    pub fn start(out: W, source: &ArchiveSource, top_directory: &str) -> Result<Self, TarError> {
        let time = u64::try_from(source.time).map_err(|_| TarError::TimeBeforeEpoch(source.time))?;
        let mut pax = pax_record("comment", source.commit.to_string().as_bytes());
        if time > MAX_USTAR_NUMBER {
            pax.extend(pax_record("mtime", time.to_string().as_bytes()));
        }
        let mut top_directory = top_directory.as_bytes().to_vec();
        top_directory.push(b'/');
        let mut stream = Self { out, written_bytes: 0, time: time.min(MAX_USTAR_NUMBER), top_directory };
        stream.write_pax_header(EntryType::XGlobalHeader, b"pax_global_header", &pax)?;
        let top = Member { path: b"", object: source.tree, content: MemberContent::Directory };
        stream.append(&top)?;
        Ok(stream)
    }

    /// Writes a member below the top folder, with the time of the commit and the owner root.
    ///
    /// # Errors
    /// [`TarError::Io`] if the output fails.
    pub fn append(&mut self, member: &Member<'_>) -> Result<(), TarError> {
        let mut path = self.top_directory.clone();
        path.extend_from_slice(member.path);
        if matches!(member.content, MemberContent::Directory) && !path.ends_with(b"/") {
            path.push(b'/');
        }
        let (kind, mode, bytes): (EntryType, u32, &[u8]) = match member.content {
            MemberContent::Directory => (EntryType::Directory, 0o777 & !TAR_UMASK, b""),
            MemberContent::File { bytes, executable: true } => {
                (EntryType::Regular, 0o777 & !TAR_UMASK, bytes)
            }
            MemberContent::File { bytes, executable: false } => {
                (EntryType::Regular, 0o666 & !TAR_UMASK, bytes)
            }
            MemberContent::Symlink { .. } => (EntryType::Symlink, 0o777, b""),
        };
        let mut header = self.new_header(kind, mode);
        let mut pax = set_path(&mut header, &path, member.object);
        if let MemberContent::Symlink { target } = member.content {
            pax.extend(set_link_target(&mut header, target, member.object));
        }
        let size = bytes.len() as u64;
        if size > MAX_USTAR_NUMBER {
            pax.extend(pax_record("size", size.to_string().as_bytes()));
        }
        header.set_size(if size > MAX_USTAR_NUMBER { 0 } else { size });
        if !pax.is_empty() {
            self.write_pax_header(
                EntryType::XHeader,
                format!("{}.paxheader", member.object).as_bytes(),
                &pax,
            )?;
        }
        header.set_cksum();
        self.write_blocks(header.as_bytes())?;
        self.write_blocks(bytes)
    }

    /// Writes the end of the archive, at least two zero blocks, pads the stream to a full record, and returns the
    /// output.
    ///
    /// # Errors
    /// [`TarError::Io`] if the output fails.
    pub fn finish(mut self) -> Result<W, TarError> {
        let mut rest = TAR_RECORD_BYTES - self.written_bytes % TAR_RECORD_BYTES;
        if rest < 2 * TAR_BLOCK_BYTES as u64 {
            rest += TAR_RECORD_BYTES;
        }
        let empty = [0; TAR_BLOCK_BYTES];
        for _ in 0..rest / TAR_BLOCK_BYTES as u64 {
            self.write_blocks(&empty)?;
        }
        Ok(self.out)
    }

    /// Returns a header with the fields that all members share.
    fn new_header(&self, kind: EntryType, mode: u32) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(self.time);
        header.set_uid(0);
        header.set_gid(0);
        let ustar = header.as_ustar_mut().expect("made as ustar above");
        ustar.uname[..4].copy_from_slice(b"root");
        ustar.gname[..4].copy_from_slice(b"root");
        ustar.set_device_major(0);
        ustar.set_device_minor(0);
        header
    }

    /// Writes a pax header for the next member, or for the whole archive if `kind` is `XGlobalHeader`.
    fn write_pax_header(&mut self, kind: EntryType, name: &[u8], records: &[u8]) -> Result<(), TarError> {
        let mut header = self.new_header(kind, 0o666);
        header.as_ustar_mut().expect("made as ustar").name[..name.len()].copy_from_slice(name);
        header.set_size(records.len() as u64);
        header.set_cksum();
        self.write_blocks(header.as_bytes())?;
        self.write_blocks(records)
    }

    /// Writes bytes, padded with zeros to whole blocks.
    fn write_blocks(&mut self, bytes: &[u8]) -> Result<(), TarError> {
        let padding = bytes.len().next_multiple_of(TAR_BLOCK_BYTES) - bytes.len();
        self.out.write_all(bytes)?;
        self.out.write_all(&[0; TAR_BLOCK_BYTES][..padding])?;
        self.written_bytes += (bytes.len() + padding) as u64;
        Ok(())
    }
}

/// Sets the path of a header, and splits a long path into prefix and name. If it still does not fit, sets git's
/// placeholder and returns the path as a pax record; otherwise returns nothing.
fn set_path(header: &mut Header, path: &[u8], object: ObjectId) -> Vec<u8> {
    let ustar = header.as_ustar_mut().expect("made as ustar");
    if path.len() <= ustar.name.len() {
        ustar.name[..path.len()].copy_from_slice(path);
        return Vec::new();
    }
    let split = prefix_length(path, ustar.prefix.len());
    let rest = &path[split + 1..];
    if split > 0 && rest.len() <= ustar.name.len() {
        ustar.prefix[..split].copy_from_slice(&path[..split]);
        ustar.name[..rest.len()].copy_from_slice(rest);
        return Vec::new();
    }
    let placeholder = format!("{object}.data");
    ustar.name[..placeholder.len()].copy_from_slice(placeholder.as_bytes());
    pax_record("path", path)
}

/// Sets the link target of a header. If it does not fit, sets git's placeholder and returns the target as a pax
/// record; otherwise returns nothing.
fn set_link_target(header: &mut Header, target: &[u8], object: ObjectId) -> Vec<u8> {
    let field = &mut header.as_ustar_mut().expect("made as ustar").linkname;
    if target.len() <= field.len() {
        field[..target.len()].copy_from_slice(target);
        return Vec::new();
    }
    let placeholder = format!("see {object}.paxheader");
    field[..placeholder.len()].copy_from_slice(placeholder.as_bytes());
    pax_record("linkpath", target)
}

/// Returns the length of the prefix when git splits a long path: at the last slash that leaves a prefix of at most
/// `limit` bytes. A slash at the end of the path is ignored. 0 if the path cannot be split.
fn prefix_length(path: &[u8], limit: usize) -> usize {
    let length = path.strip_suffix(b"/").unwrap_or(path).len().min(limit);
    path[..length].iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// Returns a pax record, `<length> <key>=<value>\n`. The length is that of the whole record, including its own
/// digits.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let payload = 1 + key.len() + 1 + value.len() + 1;
    let mut length = payload + 1;
    while length != payload + length.to_string().len() {
        length = payload + length.to_string().len();
    }
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_record_length_includes_its_digits() {
        for size in [1, 80, 85, 86, 87, 88, 89, 90, 95, 980, 985, 986, 987, 988, 989, 990, 995] {
            let record = pax_record("path", &vec![b'x'; size]);
            let length: usize =
                std::str::from_utf8(record.split(|b| *b == b' ').next().unwrap()).unwrap().parse().unwrap();
            assert_eq!(length, record.len(), "value of {size} bytes");
        }
    }
}
