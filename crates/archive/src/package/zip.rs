//! A strict reader for the zip files of wheels, Go modules, NuGet packages and jars (PKWARE APPNOTE 6.3.10).
//!
//! `rawzip` parses the records. This module then rebuilds each local header, data descriptor, central directory record
//! and the end record from the parsed values, in the form that the writers of these packages use, and compares it with
//! the bytes of the file. So every byte outside the compressed data is accounted for: there is no gap, no comment, no
//! unknown extra field, no trailing data, and no second reading of a header.

use std::io;

use flate2::Crc;
use model::package::{PackageError, PackageFormat};
use rawzip::{RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipFileHeaderRecord};

use super::collector::FileCollector;
use super::source::PackageSource;
use super::zip_header::{CENTRAL_RECORD_BYTES, EntryHeader, LOCAL_HEADER_BYTES, STORE, is_folder, short_at};
use crate::inflate::{Inflate, InflateProgress};
use crate::stream_error::malformed;

/// The size of the end of central directory record without a comment, in bytes (APPNOTE 4.3.16).
const END_RECORD_BYTES: u64 = 22;
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
        let extra = self.extra_fields(entry, &raw, record_offset)?;
        let header = EntryHeader::of(entry, &raw, extra);
        header.check(self.format, name).map_err(|error| malformed(format!("{display_name}: {error}")))?;
        let central = header.central_record(name, self.offset);
        self.expect_bytes(
            &central,
            record_offset,
            &format!("the central directory record of {display_name}"),
        )?;
        let local = header.local_header(name);
        self.expect_bytes(&local, self.offset, &format!("the local header of {display_name}"))?;
        let data_start = self.offset + local.len() as u64;
        if let Some(folder) = name.strip_suffix(b"/") {
            collector.add_folder(folder)?;
        } else {
            collector.start(name, entry.external_attributes() >> 16)?;
        }
        let read = self.data.read(self.source, data_start, &header, collector);
        read.map_err(|error| in_file(&display_name, error))?;
        if !is_folder(name) {
            collector.finish();
        }
        self.offset = data_start + u64::from(header.compressed_size);
        if header.has_descriptor() {
            let descriptor = header.data_descriptor();
            self.expect_bytes(&descriptor, self.offset, &format!("the data descriptor of {display_name}"))?;
            self.offset += descriptor.len() as u64;
        }
        Ok(record_offset + central.len() as u64)
    }

    /// Returns the extra fields of an entry's record at `record_offset`, and of its local header.
    fn extra_fields(
        &self,
        entry: &ZipFileHeaderRecord<'_>,
        raw: &[u8; CENTRAL_RECORD_BYTES],
        record_offset: u64,
    ) -> Result<[Vec<u8>; 2], PackageError> {
        let name_length = entry.file_path().as_bytes().len() as u64;
        let mut central = vec![0; usize::from(short_at(raw, 30))];
        read_exact(self.source, &mut central, record_offset + CENTRAL_RECORD_BYTES as u64 + name_length)?;
        let mut local_header = [0; LOCAL_HEADER_BYTES];
        read_exact(self.source, &mut local_header, self.offset)?;
        let mut local = vec![0; usize::from(short_at(&local_header, 28))];
        read_exact(self.source, &mut local, self.offset + LOCAL_HEADER_BYTES as u64 + name_length)?;
        Ok([central, local])
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
