//! A strict reader for the gzip-compressed tar files of source distributions, npm packages and Helm charts (POSIX.1-1988
//! ustar).

use std::io;

use model::package::{PackageError, PackageFormat};

use rawzip::ReaderAt as _;

use super::collector::FileCollector;
use super::source::PackageSource;
use crate::gunzip::Gunzip;
use crate::stream_error::{StreamError, malformed};
use crate::tar_header::{UstarHeader, parse_pax_path};

/// The size of a tar block, in bytes.
const TAR_BLOCK_BYTES: usize = 512;
/// The size of the buffer for compressed data, in bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// The largest tar stream, in bytes. The collector limits the files in it further.
const MAX_TAR_BYTES: u64 = 3 << 30;
/// The largest pax header that is read, in bytes. It contains a path.
const MAX_PAX_BYTES: u64 = 8 << 10;

/// Reads a gzip-compressed tar file, and passes its files to `collector`.
pub(super) fn read_tar(
    source: PackageSource<'_>,
    format: PackageFormat,
    collector: &mut FileCollector<'_>,
) -> Result<(), PackageError> {
    let mut gunzip = match format {
        PackageFormat::HelmChart => Gunzip::of_chart(MAX_TAR_BYTES),
        _ => Gunzip::new(MAX_TAR_BYTES),
    };
    let mut tar = PackageTarReader::new(format, collector);
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let count = match source.read_at(&mut buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            answer => answer?,
        };
        if count == 0 {
            break;
        }
        offset += count as u64;
        gunzip.push(&buffer[..count], &mut |inflated| tar.push(inflated))?;
    }
    gunzip.finish()?;
    Ok(tar.finish()?)
}

/// Reads a tar stream in chunks of any size.
struct PackageTarReader<'c, 'k> {
    format: PackageFormat,
    collector: &'c mut FileCollector<'k>,
    /// The header block that is being filled.
    block: Vec<u8>,
    state: PackageTarState,
    /// The number of bytes of content that are not read yet.
    content_left: u64,
    /// The number of bytes of padding after the content that are not read yet.
    padding_left: u64,
    pax: Vec<u8>,
    /// The path from a pax header, for the next file.
    pax_path: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PackageTarState {
    /// Expects the content of a pax header, then a header.
    Pax,
    /// Expects the content of a file, then a header.
    File,
    /// Has read one zero block, and expects a second one.
    FirstZeroBlock,
    /// Has read the end of the archive, and expects only zero blocks.
    End,
}

impl<'c, 'k> PackageTarReader<'c, 'k> {
    fn new(format: PackageFormat, collector: &'c mut FileCollector<'k>) -> Self {
        Self {
            format,
            collector,
            block: Vec::with_capacity(TAR_BLOCK_BYTES),
            state: PackageTarState::File,
            content_left: 0,
            padding_left: 0,
            pax: Vec::new(),
            pax_path: None,
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let take = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let rest = if self.content_left > 0 {
                let (content, rest) = bytes.split_at(take(self.content_left));
                self.content_left -= content.len() as u64;
                match self.state {
                    PackageTarState::Pax => self.pax.extend_from_slice(content),
                    _ => self.collector.push(content)?,
                }
                self.finish_content()?;
                rest
            } else if self.padding_left > 0 {
                let (padding, rest) = bytes.split_at(take(self.padding_left));
                self.padding_left -= padding.len() as u64;
                if padding.iter().any(|it| *it != 0) {
                    return Err(malformed("nonzero padding after a file"));
                }
                rest
            } else {
                let (header, rest) = bytes.split_at(bytes.len().min(TAR_BLOCK_BYTES - self.block.len()));
                self.block.extend_from_slice(header);
                if self.block.len() == TAR_BLOCK_BYTES {
                    let block = std::mem::replace(&mut self.block, Vec::with_capacity(TAR_BLOCK_BYTES));
                    self.read_header(&block)?;
                }
                rest
            };
            bytes = rest;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), StreamError> {
        if self.state == PackageTarState::End && self.block.is_empty() {
            Ok(())
        } else {
            Err(malformed("unexpected end of the tar stream"))
        }
    }

    /// Handles the end of a member's content, if it was reached.
    fn finish_content(&mut self) -> Result<(), StreamError> {
        if self.content_left > 0 {
            return Ok(());
        }
        match self.state {
            PackageTarState::Pax => self.pax_path = Some(parse_pax_path(&std::mem::take(&mut self.pax))?),
            _ => self.collector.finish(),
        }
        Ok(())
    }

    /// Reads a header block, or a zero block of the end of the archive.
    fn read_header(&mut self, block: &[u8]) -> Result<(), StreamError> {
        if block.iter().all(|it| *it == 0) {
            self.state = match self.state {
                PackageTarState::FirstZeroBlock | PackageTarState::End => PackageTarState::End,
                _ if self.pax_path.is_some() => {
                    return Err(malformed("the tar stream ends after a pax header, expected a file"));
                }
                _ => PackageTarState::FirstZeroBlock,
            };
            return Ok(());
        }
        if matches!(self.state, PackageTarState::FirstZeroBlock | PackageTarState::End) {
            return Err(malformed("unexpected data after the end of the tar stream"));
        }
        let header = UstarHeader { block };
        header.check_magic_and_checksum()?;
        header.check_numbers()?;
        let size = header.octal_number(124, 12, "size")?;
        self.content_left = size;
        self.padding_left = size.next_multiple_of(TAR_BLOCK_BYTES as u64) - size;
        match header.type_flag() {
            b'x' if self.pax_path.is_none() && size <= MAX_PAX_BYTES => self.state = PackageTarState::Pax,
            b'0' => self.start_file(&header)?,
            kind => {
                let name = String::from_utf8_lossy(&header.path()).into_owned();
                let (kind, format) = (kind.escape_ascii(), self.format.name());
                return Err(malformed(format!(
                    "{name} has tar type '{kind}'; a {format} contains only plain files"
                )));
            }
        }
        if size == 0 { self.finish_content() } else { Ok(()) }
    }

    fn start_file(&mut self, header: &UstarHeader<'_>) -> Result<(), StreamError> {
        let mut path = header.path();
        if let Some(pax_path) = self.pax_path.take() {
            if !is_shortened(&path, &pax_path) {
                let (path, pax_path) = (String::from_utf8_lossy(&path), String::from_utf8_lossy(&pax_path));
                return Err(malformed(format!("a pax header renames {path} to {pax_path}")));
            }
            path = pax_path;
        }
        let mode = header.octal_number(100, 8, "mode")?;
        self.state = PackageTarState::File;
        self.collector.start(&path, u32::try_from(mode).unwrap_or(u32::MAX))
    }
}

/// The size of the field for a path, in bytes.
const NAME_BYTES: usize = 100;

/// Returns whether a ustar path is what a program writes for a path that does not fit: its beginning. Python's tarfile
/// replaces each character that is not ASCII with `?`, and Go's archive/tar leaves it out. Programs that ignore pax headers
/// would extract another path.
fn is_shortened(ustar_path: &[u8], path: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(path) else { return false };
    let replaced: Vec<u8> = text.chars().map(|it| if it.is_ascii() { it as u8 } else { b'?' }).collect();
    let removed: Vec<u8> = text.bytes().filter(u8::is_ascii).collect();
    let needs_pax = path.len() > NAME_BYTES || !text.is_ascii();
    let is_beginning = |whole: &[u8]| ustar_path == &whole[..whole.len().min(NAME_BYTES)];
    needs_pax && (is_beginning(&replaced) || is_beginning(&removed) || is_beginning(path))
}
