//! Files of bundles.

use std::io::{self, BufRead};

use model::evidence::attestation::Rejection;

/// The longest bundle that is read, in bytes: those of GitHub have some ten thousand, and JSON takes a hundred times its length in
/// memory where somebody means it to.
pub const BUNDLE_LIMIT: usize = 1 << 20;
/// How many bundles of a file are looked at: as many as `gh` takes.
const MOST: usize = 1000;

/// A bundle of a file.
#[derive(Debug)]
pub struct Split {
    /// Its place in the file, counted from 1.
    pub number: usize,
    /// Its text; why there is none.
    pub text: Result<String, Rejection>,
}

/// The bundles of a file: JSON values, one after the other, as `gh attestation download` writes them (a line each) and as
/// `gh attestation verify --bundle` reads them (with any white space between, or none). What is no JSON ends at the next
/// line. One bundle is in memory at a time.
///
/// # Errors
/// Whatever `source` says. What is wrong with a bundle is not an error but a bundle without a text.
pub fn split(mut source: impl BufRead, take: &mut dyn FnMut(Split)) -> io::Result<()> {
    let mut number = 0;
    while skip_space(&mut source)? {
        number += 1;
        if number > MOST {
            let said = format!("the file has more than {MOST} bundles, and what follows was not looked at");
            take(Split { number, text: Err(Rejection::unproven("limit", said)) });
            return Ok(());
        }
        let mut value = Vec::new();
        let text = match read_value(&mut source, &mut value)? {
            Value::Whole => text(value),
            Value::TooLong => {
                let said = format!("the bundle is longer than {} MiB", BUNDLE_LIMIT >> 20);
                take(Split { number, text: Err(Rejection::unproven("limit", said)) });
                return Ok(());
            }
            Value::Cut => Err(Rejection::refuted("parse", "the bundle ends before it is complete")),
            Value::Other => Err(Rejection::refuted("parse", "this is no JSON object")),
        };
        take(Split { number, text });
    }
    Ok(())
}

fn text(bytes: Vec<u8>) -> Result<String, Rejection> {
    String::from_utf8(bytes).map_err(|_| Rejection::refuted("parse", "the bundle is not UTF-8"))
}

/// Whether anything follows the white space.
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

enum Value {
    Whole,
    TooLong,
    Cut,
    Other,
}

/// Reads an object up to the brace that closes it; what begins otherwise up to the end of the line.
fn read_value(source: &mut impl BufRead, value: &mut Vec<u8>) -> io::Result<Value> {
    let mut scan = Scan::default();
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(if scan.is_object() { Value::Cut } else { Value::Other });
        }
        let end = bytes.iter().position(|byte| scan.ends_with(*byte));
        let taken = end.map_or(bytes.len(), |it| it + 1);
        value.extend_from_slice(&bytes[..taken]);
        source.consume(taken);
        if value.len() > BUNDLE_LIMIT {
            return Ok(Value::TooLong);
        }
        if end.is_some() {
            return Ok(if scan.is_object() { Value::Whole } else { Value::Other });
        }
    }
}

/// Where in a JSON text one is: braces count outside of strings.
#[derive(Default)]
struct Scan {
    at: At,
    depth: usize,
}

#[derive(Default, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Structure,
    Text,
    Escape,
    /// In something that is no object.
    Other,
}

impl Scan {
    fn is_object(&self) -> bool {
        self.at != At::Other
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        self.at = match (&self.at, byte) {
            (At::Start, b'{') => At::Structure,
            (At::Start | At::Other, _) => At::Other,
            (At::Structure, b'"') | (At::Escape, _) => At::Text,
            (At::Text, b'\\') => At::Escape,
            (At::Text, b'"') | (At::Structure, _) => At::Structure,
            (At::Text, _) => At::Text,
        };
        match (&self.at, byte) {
            (At::Other, b'\n') => return true,
            (At::Structure, b'{') => self.depth += 1,
            (At::Structure, b'}') => self.depth -= 1,
            _ => {}
        }
        self.at == At::Structure && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<Result<String, &'static str>> {
        let mut all = Vec::new();
        // A buffer of three bytes: every boundary falls inside of something.
        let source = io::BufReader::with_capacity(3, text.as_bytes());
        split(source, &mut |it| all.push(it.text.map_err(|it| it.reason))).unwrap();
        all
    }

    #[test]
    fn objects_are_split_wherever_they_end() {
        let whole = |it: &str| Ok(it.to_owned());
        assert_eq!(parts(" \n"), []);
        assert_eq!(
            parts("{\"a\":\"}\\\"{\"}{}\n\n{\"b\":{}}"),
            [whole("{\"a\":\"}\\\"{\"}"), whole("{}"), whole("{\"b\":{}}")]
        );
        assert_eq!(parts("junk {}\n{}\n{\"a\""), [Err("parse"), whole("{}"), Err("parse")]);
        assert_eq!(parts("[{}]\n{}"), [Err("parse"), whole("{}")]);
    }

    #[test]
    fn what_is_too_much_is_said() {
        let many = "{}\n".repeat(MOST + 5);
        let all = parts(&many);
        assert_eq!(all.len(), MOST + 1);
        assert_eq!(all[MOST], Err("limit"));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(BUNDLE_LIMIT));
        assert_eq!(parts(&long), [Err("limit")]);
    }
}
