//! Splits files into bundles.

use std::io::{self, BufRead};

use model::evidence::attestation::Rejection;
use model::evidence::reason::Reason;

/// Maximum size of a bundle, in bytes. GitHub's bundles have some ten thousand bytes. The limit bounds memory: crafted
/// JSON can take a hundred times its size once it is parsed.
pub const MAX_BUNDLE_BYTES: usize = 1 << 20;
/// Maximum number of bundles that are read from a file, the same as in `gh`.
const MAX_BUNDLES: usize = 1000;

/// A bundle of a file, not parsed yet.
#[derive(Debug)]
pub struct RawBundle {
    /// Its position in the file, starting at 1.
    pub number: usize,
    /// Its text, or the reason why it cannot be used.
    pub text: Result<String, Rejection>,
}

/// Passes the bundles of a file to `sink`, in their order. They are JSON objects, one after the other, as
/// `gh attestation download` writes them (one on each line) and `gh attestation verify --bundle` reads them (with any
/// white space between them, or none). Text that is not a JSON object ends at the end of its line. Only one bundle is
/// in memory at a time.
///
/// # Errors
/// The I/O error of `source`. A bundle that cannot be used is not an error: it is passed on with a [`Rejection`].
pub fn read_bundles(mut source: impl BufRead, sink: &mut dyn FnMut(RawBundle)) -> io::Result<()> {
    let mut number = 0;
    while skip_space(&mut source)? {
        number += 1;
        if number > MAX_BUNDLES {
            let reason = format!("the file has more than {MAX_BUNDLES} bundles; the others were not checked");
            sink(RawBundle { number, text: Err(Rejection::unproven(Reason::Limit, reason)) });
            return Ok(());
        }
        let mut value = Vec::new();
        let text = match read_value(&mut source, &mut value)? {
            ReadOutcome::Complete => parse_utf8(value),
            ReadOutcome::TooLong => {
                let reason = format!("the bundle is longer than {} MiB", MAX_BUNDLE_BYTES >> 20);
                sink(RawBundle { number, text: Err(Rejection::unproven(Reason::Limit, reason)) });
                return Ok(());
            }
            ReadOutcome::Truncated => {
                Err(Rejection::refuted(Reason::ParseError, "the bundle ends before it is complete"))
            }
            ReadOutcome::NotObject => Err(Rejection::refuted(Reason::ParseError, "expected a JSON object")),
        };
        sink(RawBundle { number, text });
    }
    Ok(())
}

fn parse_utf8(bytes: Vec<u8>) -> Result<String, Rejection> {
    String::from_utf8(bytes).map_err(|_| Rejection::refuted(Reason::ParseError, "the bundle is not UTF-8"))
}

/// Skips white space. Returns whether anything follows it.
fn skip_space(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let space = bytes.iter().take_while(|it| it.is_ascii_whitespace()).count();
        let all = space == bytes.len();
        source.consume(space);
        if !all {
            return Ok(true);
        }
    }
}

enum ReadOutcome {
    Complete,
    TooLong,
    Truncated,
    NotObject,
}

/// Reads an object up to its closing brace, and any other text up to the end of the line.
fn read_value(source: &mut impl BufRead, value: &mut Vec<u8>) -> io::Result<ReadOutcome> {
    let mut scan = JsonScanner::default();
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(if scan.is_object() { ReadOutcome::Truncated } else { ReadOutcome::NotObject });
        }
        let end = bytes.iter().position(|byte| scan.is_end_at(*byte));
        let taken = end.map_or(bytes.len(), |it| it + 1);
        value.extend_from_slice(&bytes[..taken]);
        source.consume(taken);
        if value.len() > MAX_BUNDLE_BYTES {
            return Ok(ReadOutcome::TooLong);
        }
        if end.is_some() {
            return Ok(if scan.is_object() { ReadOutcome::Complete } else { ReadOutcome::NotObject });
        }
    }
}

/// The position in a JSON text: the depth of braces, which do not count inside strings.
#[derive(Default)]
struct JsonScanner {
    state: ScanState,
    depth: usize,
}

#[derive(Default, PartialEq, Eq)]
enum ScanState {
    #[default]
    Start,
    Structure,
    String,
    Escape,
    /// In text that is not an object.
    NotObject,
}

impl JsonScanner {
    fn is_object(&self) -> bool {
        self.state != ScanState::NotObject
    }

    /// Reads one byte. Returns whether it is the last one of the value.
    fn is_end_at(&mut self, byte: u8) -> bool {
        self.state = match (&self.state, byte) {
            (ScanState::Start, b'{') => ScanState::Structure,
            (ScanState::Start | ScanState::NotObject, _) => ScanState::NotObject,
            (ScanState::Structure, b'"') | (ScanState::Escape, _) => ScanState::String,
            (ScanState::String, b'\\') => ScanState::Escape,
            (ScanState::String, b'"') | (ScanState::Structure, _) => ScanState::Structure,
            (ScanState::String, _) => ScanState::String,
        };
        match (&self.state, byte) {
            (ScanState::NotObject, b'\n') => return true,
            (ScanState::Structure, b'{') => self.depth += 1,
            (ScanState::Structure, b'}') => self.depth -= 1,
            _ => {}
        }
        self.state == ScanState::Structure && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<Result<String, &'static str>> {
        let mut all = Vec::new();
        // A buffer of three bytes has its boundaries inside strings, escapes and objects.
        let source = io::BufReader::with_capacity(3, text.as_bytes());
        read_bundles(source, &mut |it| all.push(it.text.map_err(|it| it.explanation.reason.code()))).unwrap();
        all
    }

    #[test]
    fn concatenated_bundles_are_split() {
        let object = |it: &str| Ok(it.to_owned());
        assert_eq!(parts(" \n"), []);
        assert_eq!(
            parts("{\"a\":\"}\\\"{\"}{}\n\n{\"b\":{}}"),
            [object("{\"a\":\"}\\\"{\"}"), object("{}"), object("{\"b\":{}}")]
        );
        assert_eq!(parts("junk {}\n{}\n{\"a\""), [Err("parse"), object("{}"), Err("parse")]);
        assert_eq!(parts("[{}]\n{}"), [Err("parse"), object("{}")]);
    }

    #[test]
    fn limits_are_reported() {
        let many = "{}\n".repeat(MAX_BUNDLES + 5);
        let all = parts(&many);
        assert_eq!(all.len(), MAX_BUNDLES + 1);
        assert_eq!(all[MAX_BUNDLES], Err("limit"));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BUNDLE_BYTES));
        assert_eq!(parts(&long), [Err("limit")]);
    }
}
