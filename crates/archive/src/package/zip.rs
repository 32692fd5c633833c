//! A strict reader for the zip files of wheels and Go modules (PKWARE APPNOTE 6.3.10).
//!
//! `rawzip` parses the records. This module then rebuilds each local header, data descriptor, central directory record
//! and the end record from the parsed values, in the one form that the writers of these packages use (`zipfile` of
//! Python, `archive/zip` of Go), and compares it with the bytes of the file. So every byte outside the compressed data is
//! accounted for: there is no gap, no comment, no extra field, no trailing data, and no second reading of a header.

use std::io;

use flate2::Crc;
use model::package::{PackageError, PackageFormat};
use rawzip::{RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipFileHeaderRecord};

use super::collector::FileCollector;
use super::source::PackageSource;
use crate::inflate::{Inflate, InflateProgress};
use crate::stream_error::malformed;

/// The size of the end of central directory record without a comment, in bytes (APPNOTE 4.3.16).
const END_RECORD_BYTES: u64 = 22;
/// The size of a central directory record without its variable fields, in bytes (APPNOTE 4.3.12).
const CENTRAL_RECORD_BYTES: usize = 46;
/// The size of a local header without its variable fields, in bytes (APPNOTE 4.3.7).
const LOCAL_HEADER_BYTES: u64 = 30;
/// Bit 3 of the flags: the sizes follow the data (APPNOTE 4.4.4).
const DATA_DESCRIPTOR_FLAG: u16 = 1 << 3;
/// Bit 11 of the flags: the name is UTF-8 (APPNOTE 4.4.4).
const UTF8_FLAG: u16 = 1 << 11;
/// The compression method of a file that is not compressed (APPNOTE 4.4.5).
const STORE: u16 = 0;
/// The compression method deflate (APPNOTE 4.4.5).
const DEFLATE: u16 = 8;
/// The size of the buffer for compressed data, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Reads a zip file of `size` bytes, and passes its files to `collector`.
pub(super) fn read_zip(
    source: PackageSource<'_>,
    size: u64,
    format: PackageFormat,
    collector: &mut FileCollector<'_>,
) -> Result<(), PackageError> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::with_max_search_space(END_RECORD_BYTES)
        .locate_in_reader(source, &mut buffer, size)
        .map_err(|(_, error)| malformed(format!("not a zip file without trailing data: {error}")))?;
    let mut reader = ZipReader { source, format, offset: 0, data: EntryDataReader::default() };
    let (directory_start, directory_end) = (archive.directory_offset(), archive.eocd_offset());
    let mut record_offset = directory_start;
    let mut count = 0;
    let mut entries = archive.entries(&mut buffer);
    loop {
        let entry = entries.next_entry();
        let entry =
            entry.map_err(|error| malformed(format!("the central directory is malformed: {error}")))?;
        let Some(entry) = entry else { break };
        if entry.central_directory_offset() != record_offset {
            return Err(malformed("the central directory has a gap").into());
        }
        record_offset = reader.read_entry(&entry, record_offset, collector)?;
        count += 1;
    }
    if reader.offset != directory_start || record_offset != directory_end {
        return Err(malformed("the zip file has data between its files and its central directory").into());
    }
    reader.check_end_record(directory_start, directory_end, count)
}

/// Reads the entries of a zip file in order.
struct ZipReader<'s> {
    source: PackageSource<'s>,
    format: PackageFormat,
    /// The offset after the last entry.
    offset: u64,
    data: EntryDataReader,
}

impl ZipReader<'_> {
    /// Reads one entry. Returns the offset after its record in the central directory, which starts at `record_offset`.
    fn read_entry(
        &mut self,
        entry: &ZipFileHeaderRecord<'_>,
        record_offset: u64,
        collector: &mut FileCollector<'_>,
    ) -> Result<u64, PackageError> {
        let name = entry.file_path().as_bytes();
        let display_name = String::from_utf8_lossy(name).into_owned();
        let mut raw = [0; CENTRAL_RECORD_BYTES];
        read_exact(self.source, &mut raw, record_offset)?;
        let header = EntryHeader::of(entry, &raw);
        header.check(self.format, name).map_err(|error| malformed(format!("{display_name}: {error}")))?;
        let central = header.central_record(name, self.offset);
        self.expect_bytes(
            &central,
            record_offset,
            &format!("the central directory record of {display_name}"),
        )?;
        let local = header.local_header(name);
        self.expect_bytes(&local, self.offset, &format!("the local header of {display_name}"))?;
        let data_start = self.offset + LOCAL_HEADER_BYTES + name.len() as u64;
        collector.start(name, entry.external_attributes() >> 16)?;
        let read = self.data.read(self.source, data_start, &header, collector);
        read.map_err(|error| in_file(&display_name, error))?;
        collector.finish();
        self.offset = data_start + u64::from(header.compressed_size);
        if header.has_descriptor() {
            let descriptor = header.data_descriptor();
            self.expect_bytes(&descriptor, self.offset, &format!("the data descriptor of {display_name}"))?;
            self.offset += descriptor.len() as u64;
        }
        Ok(record_offset + central.len() as u64)
    }

    /// Checks the end of central directory record, of which neither a comment nor another disk is accepted.
    fn check_end_record(&self, start: u64, end: u64, count: usize) -> Result<(), PackageError> {
        let number = |it: u64| u32::try_from(it).unwrap_or(u32::MAX).to_le_bytes();
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        let parts: [&[u8]; 7] =
            [b"PK\x05\x06", &[0; 4], &count, &count, &number(end - start), &number(start), &[0; 2]];
        self.expect_bytes(&parts.concat(), end, "the end of central directory record")
    }

    /// Compares bytes of the file with what they must be.
    fn expect_bytes(&self, expected: &[u8], offset: u64, what: &str) -> Result<(), PackageError> {
        let mut actual = vec![0; expected.len()];
        read_exact(self.source, &mut actual, offset)?;
        if actual == expected {
            Ok(())
        } else {
            Err(malformed(format!("{what} is not in the expected form")).into())
        }
    }
}

/// Names the file in an error about its data.
fn in_file(name: &str, error: PackageError) -> PackageError {
    match error {
        PackageError::Malformed(reason) => PackageError::Malformed(format!("{name}: {reason}")),
        other => other,
    }
}

fn read_exact(source: PackageSource<'_>, buffer: &mut [u8], offset: u64) -> Result<(), PackageError> {
    source.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed("unexpected end of the zip file").into(),
        _ => error.into(),
    })
}

/// The fields of an entry that may vary. All others have one value.
struct EntryHeader {
    made_by: u16,
    version_needed: u16,
    flags: u16,
    method: u16,
    /// The MS-DOS time and date, as stored.
    modified: [u8; 4],
    crc32: u32,
    compressed_size: u32,
    size: u32,
    external_attributes: u32,
    has_zip64_sizes: bool,
}

impl EntryHeader {
    /// Takes the parsed values, and from the raw record those that the parser does not return.
    fn of(entry: &ZipFileHeaderRecord<'_>, raw: &[u8; CENTRAL_RECORD_BYTES]) -> Self {
        let short = |offset: usize| u16::from_le_bytes([raw[offset], raw[offset + 1]]);
        let size = |it: u64| u32::try_from(it).unwrap_or(u32::MAX);
        Self {
            made_by: short(4),
            version_needed: short(6),
            flags: short(8),
            method: short(10),
            modified: [raw[12], raw[13], raw[14], raw[15]],
            crc32: entry.crc32(),
            compressed_size: size(entry.compressed_size_hint()),
            size: size(entry.uncompressed_size_hint()),
            external_attributes: entry.external_attributes(),
            has_zip64_sizes: entry.compressed_size_hint().max(entry.uncompressed_size_hint())
                >= u64::from(u32::MAX),
        }
    }

    /// Checks the values that depend on the writer.
    fn check(&self, format: PackageFormat, name: &[u8]) -> Result<(), &'static str> {
        let name_flag = if name.is_ascii() { 0 } else { UTF8_FLAG };
        // Python's zipfile writes "version 2.0, Unix"; Go's archive/zip "version 2.0, MS-DOS" and data descriptors.
        let (made_by, flags) = match format {
            PackageFormat::GoModule => (0x0014, name_flag | DATA_DESCRIPTOR_FLAG),
            _ => (0x0314, name_flag),
        };
        if self.made_by != made_by || self.version_needed != 20 {
            return Err("the entry was written by another program than those of this kind of package");
        }
        if self.flags != flags {
            return Err("the entry is encrypted, or has other flags that are not supported");
        }
        if !matches!(self.method, STORE | DEFLATE) {
            return Err("the compression method is neither deflate nor store");
        }
        if self.method == STORE && self.compressed_size != self.size {
            return Err("the two sizes of a stored file differ");
        }
        if self.has_zip64_sizes {
            return Err("zip64 is not supported");
        }
        // Links, devices and folders have another type; 0 means that the writer gave none.
        if !matches!(self.external_attributes >> 28, 0 | 0o10) || self.external_attributes & 0xffff != 0 {
            return Err("the entry is not a plain file");
        }
        Ok(())
    }

    fn has_descriptor(&self) -> bool {
        self.flags & DATA_DESCRIPTOR_FLAG != 0
    }

    /// Returns the CRC-32 and the two sizes.
    fn sizes(&self) -> Vec<u8> {
        [self.crc32, self.compressed_size, self.size].iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    /// Returns the fields that the local header and the central record share, up to the lengths.
    fn common(&self, sizes: &[u8], name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [self.version_needed, self.flags, self.method] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&self.modified);
        out.extend_from_slice(sizes);
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        // No extra field.
        out.extend_from_slice(&[0, 0]);
        out
    }

    /// Returns the local header (APPNOTE 4.3.7). With a data descriptor, its sizes are 0.
    fn local_header(&self, name: &[u8]) -> Vec<u8> {
        let sizes = if self.has_descriptor() { vec![0; 12] } else { self.sizes() };
        [b"PK\x03\x04", &self.common(&sizes, name)[..], name].concat()
    }

    /// Returns the central directory record (APPNOTE 4.3.12) of an entry whose local header is at `offset`.
    fn central_record(&self, name: &[u8], offset: u64) -> Vec<u8> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes();
        let parts: [&[u8]; 7] = [
            b"PK\x01\x02",
            &self.made_by.to_le_bytes(),
            &self.common(&self.sizes(), name),
            // No comment, first disk, no internal attributes.
            &[0; 6],
            &self.external_attributes.to_le_bytes(),
            &offset,
            name,
        ];
        parts.concat()
    }

    /// Returns the data descriptor with its signature (APPNOTE 4.3.9), as Go writes it.
    fn data_descriptor(&self) -> Vec<u8> {
        [&b"PK\x07\x08"[..], &self.sizes()].concat()
    }
}

/// Reads the data of entries. Its buffers are used for all of them.
struct EntryDataReader {
    inflate: Inflate,
    input: Vec<u8>,
}

impl Default for EntryDataReader {
    fn default() -> Self {
        Self { inflate: Inflate::default(), input: vec![0; CHUNK_BYTES] }
    }
}

impl EntryDataReader {
    /// Reads the data of an entry, which starts at `offset`. Checks its two sizes and its CRC-32.
    fn read(
        &mut self,
        source: PackageSource<'_>,
        mut offset: u64,
        header: &EntryHeader,
        collector: &mut FileCollector<'_>,
    ) -> Result<(), PackageError> {
        let (mut crc, mut size) = (Crc::new(), 0);
        let mut write = |bytes: &[u8]| {
            size += bytes.len() as u64;
            if size > u64::from(header.size) {
                return Err(malformed("the file has more bytes than its header states"));
            }
            crc.update(bytes);
            collector.push(bytes)
        };
        let mut remaining = u64::from(header.compressed_size);
        self.inflate.reset();
        let mut ended = header.method == STORE;
        while remaining > 0 {
            let length = usize::try_from(remaining).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            read_exact(source, &mut self.input[..length], offset)?;
            (offset, remaining) = (offset + length as u64, remaining - length as u64);
            let input = &self.input[..length];
            if header.method == STORE {
                write(input)?;
                continue;
            }
            let progress = if ended {
                InflateProgress { used: 0, ended }
            } else {
                self.inflate.push(input, &mut write)?
            };
            if progress.used < length {
                return Err(malformed("data follows the deflate stream").into());
            }
            ended = progress.ended;
        }
        if !ended || size != u64::from(header.size) {
            return Err(malformed("the file does not have the size that its header states").into());
        }
        if crc.sum() != header.crc32 {
            return Err(malformed("wrong CRC-32").into());
        }
        Ok(())
    }
}
