//! A strict reader for untrusted gzip streams (RFC 1952): one member, no optional header fields except those that Helm
//! writes, no trailing data.

use flate2::Crc;

use crate::inflate::{Inflate, InflatedSink};
use crate::stream_error::{StreamError, malformed};

/// The length of the fixed header, in bytes: magic, method, flags, time, extra flags, operating system.
const HEADER_BYTES: usize = 10;
/// The length of the trailer, in bytes: CRC-32, and length modulo 2^32.
const TRAILER_BYTES: usize = 8;

/// The flags of the header of a Helm chart: an extra field and a comment (RFC 1952, 2.3.1).
const CHART_FLAGS: u8 = 1 << 2 | 1 << 4;
/// The comment in that header, with its end (`helm:pkg/chart/v2/util/save.go`).
const CHART_COMMENT: &[u8] = b"Helm\0";
/// The longest extra field of that header, in bytes. Helm writes 41, which differ between its versions.
const MAX_CHART_EXTRA_BYTES: usize = 64;

/// Returns the content of a small gzip stream. `limit` is the largest number of inflated bytes.
///
/// # Errors
/// [`StreamError::Malformed`], [`StreamError::LimitExceeded`].
pub fn gunzip_document(bytes: &[u8], limit: u64) -> Result<Vec<u8>, StreamError> {
    let (mut gunzip, mut content) = (Gunzip::new(limit), Vec::new());
    gunzip.push(bytes, &mut |inflated| {
        content.extend_from_slice(inflated);
        Ok(())
    })?;
    gunzip.finish()?;
    Ok(content)
}

/// Inflates a gzip stream in chunks of any size. Memory: one output buffer, and zlib's window.
#[derive(Debug)]
pub struct Gunzip {
    state: GzipState,
    /// The part of the header or trailer that was read.
    buffer: Vec<u8>,
    inflate: Inflate,
    crc: Crc,
    inflated_bytes: u64,
    limit: u64,
    /// Whether the header may have the fields that Helm writes.
    is_chart: bool,
}

/// The part of the stream that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GzipState {
    Header,
    /// The length of the extra field.
    ExtraLength,
    /// The extra field of this length, and the comment.
    ExtraField(usize),
    Body,
    Trailer,
    End,
}

impl Gunzip {
    /// Creates a reader. `limit` is the largest number of inflated bytes, which stops decompression bombs.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            state: GzipState::Header,
            buffer: Vec::new(),
            inflate: Inflate::default(),
            crc: Crc::new(),
            inflated_bytes: 0,
            limit,
            is_chart: false,
        }
    }

    /// Creates a reader for Helm charts, whose header has an extra field and a comment.
    #[must_use]
    pub fn of_chart(limit: u64) -> Self {
        Self { is_chart: true, ..Self::new(limit) }
    }

    /// Inflates the next bytes, and passes the result to `sink`.
    ///
    /// # Errors
    /// [`StreamError::Malformed`], [`StreamError::LimitExceeded`], and every error of `sink`.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut InflatedSink<'_>) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            match self.state {
                GzipState::Header => {
                    if self.fill_buffer(&mut bytes, HEADER_BYTES) {
                        let has_fields = self.is_chart && self.buffer[3] == CHART_FLAGS;
                        if has_fields {
                            self.buffer[3] = 0;
                        }
                        check_header(&self.buffer)?;
                        self.buffer.clear();
                        self.state = if has_fields { GzipState::ExtraLength } else { GzipState::Body };
                    }
                }
                GzipState::ExtraLength => {
                    if self.fill_buffer(&mut bytes, 2) {
                        let length = usize::from(u16::from_le_bytes([self.buffer[0], self.buffer[1]]));
                        if length > MAX_CHART_EXTRA_BYTES {
                            return Err(malformed(
                                "the gzip header has another extra field than that of Helm",
                            ));
                        }
                        self.buffer.clear();
                        self.state = GzipState::ExtraField(length);
                    }
                }
                GzipState::ExtraField(length) => {
                    if self.fill_buffer(&mut bytes, length + CHART_COMMENT.len()) {
                        if !self.buffer.ends_with(CHART_COMMENT) {
                            return Err(malformed("the gzip header has another comment than 'Helm'"));
                        }
                        self.buffer.clear();
                        self.state = GzipState::Body;
                    }
                }
                GzipState::Body => bytes = self.inflate_body(bytes, sink)?,
                GzipState::Trailer => {
                    if self.fill_buffer(&mut bytes, TRAILER_BYTES) {
                        self.check_trailer()?;
                        self.state = GzipState::End;
                    }
                }
                GzipState::End => return Err(malformed("unexpected data after the gzip member")),
            }
        }
        Ok(())
    }

    /// Checks that the stream is complete.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] if it is truncated, or shorter than a header.
    pub fn finish(&self) -> Result<(), StreamError> {
        match self.state {
            GzipState::End => Ok(()),
            GzipState::Header => Err(malformed("not a gzip file")),
            _ => Err(malformed("unexpected end of the gzip stream")),
        }
    }

    /// Moves bytes to the buffer until it has `length` bytes. Returns whether it is full.
    fn fill_buffer(&mut self, bytes: &mut &[u8], length: usize) -> bool {
        let (taken, rest) = bytes.split_at(bytes.len().min(length - self.buffer.len()));
        self.buffer.extend_from_slice(taken);
        *bytes = rest;
        self.buffer.len() == length
    }

    /// Inflates bytes of the deflate stream. Returns the bytes that follow it.
    fn inflate_body<'b>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut InflatedSink<'_>,
    ) -> Result<&'b [u8], StreamError> {
        let progress = self.inflate.push(bytes, &mut |inflated| {
            self.inflated_bytes += inflated.len() as u64;
            if self.inflated_bytes > self.limit {
                return Err(StreamError::LimitExceeded(format!(
                    "the gzip stream inflates to more than {} MiB",
                    self.limit >> 20
                )));
            }
            self.crc.update(inflated);
            sink(inflated)
        })?;
        if progress.ended {
            self.state = GzipState::Trailer;
        }
        Ok(&bytes[progress.used..])
    }

    /// Checks the CRC-32 and the length of the inflated data (RFC 1952, 2.3.1).
    fn check_trailer(&self) -> Result<(), StreamError> {
        let number = |offset: usize| u32::from_le_bytes([0, 1, 2, 3].map(|it| self.buffer[offset + it]));
        if number(0) != self.crc.sum() {
            return Err(malformed("the gzip trailer has a wrong CRC-32"));
        }
        if number(4) != self.crc.amount() {
            return Err(malformed("the gzip trailer has a wrong length"));
        }
        Ok(())
    }
}

/// Checks the magic, the method and the flags (RFC 1952, 2.3.1). A flag adds a name, a comment or other fields, in
/// which unchecked data could be hidden.
fn check_header(bytes: &[u8]) -> Result<(), StreamError> {
    match bytes {
        [0x1f, 0x8b, 8, 0, ..] => Ok(()),
        [0x1f, 0x8b, 8, flags, ..] => {
            Err(malformed(format!("the gzip header has optional fields (flags {flags:#04x}), expected none")))
        }
        _ => Err(malformed("not a gzip file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], step: usize) -> Result<Vec<u8>, StreamError> {
        let mut gunzip = Gunzip::new(1 << 20);
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            gunzip.push(piece, &mut |it| {
                out.extend_from_slice(it);
                Ok(())
            })?;
        }
        gunzip.finish().map(|()| out)
    }

    #[test]
    fn chunk_size_does_not_change_the_output() {
        use std::io::Write as _;
        let text: Vec<u8> = (0..300_000_u32).map(|it| (it % 251) as u8).collect();
        let mut writer = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
        writer.write_all(&text).unwrap();
        let packed = writer.finish().unwrap();
        for step in [1, 7, 4096, usize::MAX] {
            assert!(read(&packed, step).unwrap() == text, "in steps of {step}");
        }
        for end in 0..packed.len().min(200) {
            assert!(read(&packed[..end], 64).is_err(), "cut at {end}");
        }
        let mut bomb = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
        bomb.write_all(&vec![0; (1 << 20) + 1]).unwrap();
        assert!(matches!(read(&bomb.finish().unwrap(), 100), Err(StreamError::LimitExceeded(_))));
    }
}
