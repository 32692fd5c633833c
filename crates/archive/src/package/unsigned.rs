//! Restores a NuGet package to the form that it had before a registry signed it.
//!
//! A registry adds the entry `.signature.p7s` and changes nothing else: the number of entries, and the size and the
//! offset of the central directory. So removing it gives the bytes that were attested (`NuGet.Packaging/Signing/Archive`,
//! `SignedPackageArchiveIOUtility.RemoveSignature`; NuGet documentation, "Package signatures technical specification",
//! "Removing a package signature").

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use model::package::PackageError;
use rawzip::{RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::source::PackageSource;
use super::zip_header::{CENTRAL_RECORD_BYTES, LOCAL_HEADER_BYTES, long_at, short_at};
use crate::stream_error::malformed;

/// The name of the entry.
const SIGNATURE_NAME: &[u8] = b".signature.p7s";
/// The size of the end of central directory record without a comment, in bytes (APPNOTE 4.3.16).
const END_RECORD_BYTES: usize = 22;
/// The largest central directory that is read, in bytes.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;
/// The longest signature, in bytes.
const MAX_SIGNATURE_BYTES: u64 = 1 << 20;
/// The size of the buffer for copying, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Writes a package without its signature to `target`, and returns the signature. `None` if the package has none; nothing
/// is written then.
///
/// # Errors
/// [`PackageError::Malformed`] if it is not a zip file, or if the signature does not have the form in which registries
/// add it: then removing it would not restore the package.
pub fn remove_package_signature(file: &File, target: &mut File) -> Result<Option<Vec<u8>>, PackageError> {
    let directory = Directory::read(file)?;
    let is_signature = |it: &&Record| it.name.eq_ignore_ascii_case(SIGNATURE_NAME);
    let mut signatures = directory.records.iter().filter(is_signature);
    let Some(record) = signatures.next() else { return Ok(None) };
    if signatures.next().is_some() || record.name != SIGNATURE_NAME {
        return Err(malformed("more than one .signature.p7s, or another spelling of it").into());
    }
    let (start, end) = directory.span(record);
    let signature = read_signature(file, record, (start, end))?;
    copy(file, (0, start), target)?;
    copy(file, (end, directory.start), target)?;
    target.write_all(&directory.without(record, end - start)?)?;
    Ok(Some(signature))
}

/// A record of the central directory.
struct Record {
    name: Vec<u8>,
    /// The bytes of the record.
    bytes: Vec<u8>,
    /// The offset of the entry's local header.
    local_offset: u64,
}

/// The central directory of a zip file, with its end record.
struct Directory {
    records: Vec<Record>,
    /// The offset of the directory.
    start: u64,
    end_record: [u8; END_RECORD_BYTES],
}

impl Directory {
    fn read(file: &File) -> Result<Self, PackageError> {
        let size = file.metadata()?.len();
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::with_max_search_space(END_RECORD_BYTES as u64)
            .locate_in_reader(PackageSource(file), &mut buffer, size)
            .map_err(|(_, error)| malformed(format!("not a zip file without trailing data: {error}")))?;
        let (start, end) = (archive.directory_offset(), archive.eocd_offset());
        if end < start || end - start > MAX_DIRECTORY_BYTES {
            return Err(PackageError::LimitExceeded("the central directory is too large".to_owned()));
        }
        let mut records = Vec::new();
        let mut entries = archive.entries(&mut buffer);
        let mut next = start;
        let broken = |error| malformed(format!("the central directory is malformed: {error}"));
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            let offset = entry.central_directory_offset();
            if offset != next {
                return Err(malformed("the central directory has a gap").into());
            }
            let mut head = [0; CENTRAL_RECORD_BYTES];
            file.read_exact_at(&mut head, offset)?;
            let length = |at: usize| usize::from(short_at(&head, at));
            let mut bytes = vec![0; CENTRAL_RECORD_BYTES + length(28) + length(30) + length(32)];
            file.read_exact_at(&mut bytes, offset)?;
            next = offset + bytes.len() as u64;
            let name = bytes[CENTRAL_RECORD_BYTES..CENTRAL_RECORD_BYTES + length(28)].to_vec();
            records.push(Record { name, bytes, local_offset: entry.local_header_offset() });
        }
        if next != end || end + END_RECORD_BYTES as u64 != size {
            return Err(malformed("data follows the central directory").into());
        }
        let mut end_record = [0; END_RECORD_BYTES];
        file.read_exact_at(&mut end_record, end)?;
        Ok(Self { records, start, end_record })
    }

    /// Returns the bytes of an entry: from its local header to the next one, or to the directory.
    fn span(&self, record: &Record) -> (u64, u64) {
        let start = record.local_offset;
        let later = self.records.iter().map(|it| it.local_offset).filter(|it| *it > start);
        (start, later.min().unwrap_or(self.start))
    }

    /// Returns the directory and its end record without a record whose entry has `removed` bytes. The offsets of the
    /// entries after it, and of the directory, shrink.
    fn without(&self, removed_record: &Record, removed: u64) -> Result<Vec<u8>, PackageError> {
        let mut out = Vec::new();
        let removed = u32::try_from(removed).map_err(|_| malformed("the signature is too large"))?;
        let smaller = |value: u32, by: u32| {
            value.checked_sub(by).map(u32::to_le_bytes).ok_or_else(|| malformed("an offset is too small"))
        };
        for record in self.records.iter().filter(|it| it.name != removed_record.name) {
            let start = out.len();
            out.extend_from_slice(&record.bytes);
            if record.local_offset > removed_record.local_offset {
                out[start + 42..start + 46].copy_from_slice(&smaller(long_at(&record.bytes, 42), removed)?);
            }
        }
        let record_size = u32::try_from(removed_record.bytes.len()).unwrap_or(u32::MAX);
        let mut end_record = self.end_record;
        for at in [8, 10] {
            let count = short_at(&end_record, at)
                .checked_sub(1)
                .ok_or_else(|| malformed("the number of entries is 0"))?;
            end_record[at..at + 2].copy_from_slice(&count.to_le_bytes());
        }
        end_record[12..16].copy_from_slice(&smaller(long_at(&self.end_record, 12), record_size)?);
        end_record[16..20].copy_from_slice(&smaller(long_at(&self.end_record, 16), removed)?);
        out.extend_from_slice(&end_record);
        Ok(out)
    }
}

/// Reads the signature. Its entry is stored without compression, flags, attributes, extra fields or a data descriptor, so
/// that its bytes are nothing but the header, the name and the signature.
fn read_signature(file: &File, record: &Record, (start, end): (u64, u64)) -> Result<Vec<u8>, PackageError> {
    let wrong =
        || PackageError::from(malformed(".signature.p7s does not have the form that a registry writes"));
    let (short, long) = (|at| short_at(&record.bytes, at), |at| long_at(&record.bytes, at));
    let (flags, method, comment) = (short(8), short(10), short(32));
    let (crc32, compressed, size) = (long(16), long(20), long(24));
    let is_plain = flags == 0 && method == 0 && compressed == size && short(30) == 0 && comment == 0;
    let header_bytes = LOCAL_HEADER_BYTES + SIGNATURE_NAME.len();
    if !is_plain || long(38) != 0 || end.checked_sub(start) != Some(header_bytes as u64 + u64::from(size)) {
        return Err(wrong());
    }
    if u64::from(size) > MAX_SIGNATURE_BYTES {
        return Err(PackageError::LimitExceeded(format!(".signature.p7s has {size} bytes")));
    }
    let mut entry = vec![0; header_bytes + usize::try_from(size).map_err(|_| wrong())?];
    file.read_exact_at(&mut entry, start)?;
    // The local header repeats the fields from "version needed" to "length of the extra field" (APPNOTE 4.3.7, 4.3.12).
    let (header, signature) = entry.split_at(header_bytes);
    let repeats = header[..4] == *b"PK\x03\x04" && header[4..30] == record.bytes[6..32];
    let mut crc = flate2::Crc::new();
    crc.update(signature);
    if !repeats || header[LOCAL_HEADER_BYTES..] != *SIGNATURE_NAME || crc.sum() != crc32 {
        return Err(wrong());
    }
    Ok(signature.to_vec())
}

/// Appends a part of a file to another one.
fn copy(file: &File, (mut offset, end): (u64, u64), target: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        file.read_exact_at(&mut buffer[..length], offset)?;
        target.write_all(&buffer[..length])?;
        offset += length as u64;
    }
    Ok(())
}
