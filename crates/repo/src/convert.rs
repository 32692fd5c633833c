//! The conversions of a checkout, which an archive applies too: `$Id$` and line endings (git's `convert.c`).

use std::borrow::Cow;

use git2::Oid;

use crate::attributes::LineEndings;

/// Returns the file with `$Id$` and `$Id: …$` replaced by `$Id: <object id> $`, as the attribute `ident` requires.
pub(crate) fn expand_ident(bytes: Cow<'_, [u8]>, id: Oid) -> Cow<'_, [u8]> {
    if !bytes.windows(3).any(|it| it == b"$Id") {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut rest = &bytes[..];
    while let Some(dollar) = find_byte(rest, b'$') {
        out.extend_from_slice(&rest[..=dollar]);
        rest = &rest[dollar + 1..];
        match parse_ident_keyword(rest) {
            IdentKeyword::Expandable(length) => {
                out.extend_from_slice(format!("Id: {id} $").as_bytes());
                rest = &rest[length..];
            }
            IdentKeyword::Other => {}
            IdentKeyword::Unfinished => break,
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The result of parsing the bytes after a `$`.
enum IdentKeyword {
    /// An `Id` keyword, with its length in bytes including the closing `$`.
    Expandable(usize),
    /// Not a keyword, or the keyword of another version control system: it has a space inside of its value.
    Other,
    /// A keyword without a closing `$`. git stops here, so later keywords are not replaced either.
    Unfinished,
}

fn parse_ident_keyword(rest: &[u8]) -> IdentKeyword {
    if rest.starts_with(b"Id$") {
        return IdentKeyword::Expandable(3);
    }
    let Some(value) = rest.strip_prefix(b"Id:") else { return IdentKeyword::Other };
    let Some(end) = find_byte(value, b'$') else { return IdentKeyword::Unfinished };
    let inner = &value[..end];
    let foreign =
        inner.iter().skip(1).position(|byte| *byte == b' ').is_some_and(|space| space + 2 < inner.len());
    if inner.contains(&b'\n') || foreign {
        IdentKeyword::Other
    } else {
        IdentKeyword::Expandable(3 + end + 1)
    }
}

fn find_byte(bytes: &[u8], needle: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == needle)
}

/// Returns the file with the line endings that the attributes require. Lines that end in CRLF are not changed.
pub(crate) fn convert_line_endings(bytes: Cow<'_, [u8]>, lines: LineEndings) -> Cow<'_, [u8]> {
    let convert = match lines {
        LineEndings::AsCommitted => false,
        LineEndings::Crlf => true,
        LineEndings::CrlfIfText => looks_like_text_without_carriage_returns(&bytes),
    };
    if !convert || !bytes.contains(&b'\n') {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    let mut before = 0;
    for &byte in bytes.iter() {
        if byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        before = byte;
    }
    Cow::Owned(out)
}

/// Whether git would convert the line endings of a file with `text=auto` (`gather_stats` and `convert_is_binary`): it
/// has no NUL, no carriage return, and at most one control character for 128 printable ones.
fn looks_like_text_without_carriage_returns(bytes: &[u8]) -> bool {
    if bytes.iter().any(|byte| matches!(byte, b'\r' | 0)) {
        return false;
    }
    let control = |byte: &&u8| match **byte {
        b'\n' | 0x08 | b'\t' | 0x1b | 0x0c => false,
        byte => byte < 0x20 || byte == 0x7f,
    };
    let trailing_eof = usize::from(bytes.last() == Some(&0x1a));
    let strange = bytes.iter().filter(control).count() - trailing_eof;
    let line_ends = bytes.split(|byte| *byte == b'\n').count() - 1;
    let printable = bytes.len() - strange - trailing_eof - line_ends;
    printable >> 7 >= strange
}
