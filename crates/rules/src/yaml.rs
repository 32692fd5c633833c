//! Reads one value of a YAML document (YAML 1.2.2) from parser events, so that the nesting depth is bounded.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The deepest nesting of mappings and sequences that is read, in levels.
const MAX_NESTING_DEPTH: usize = 64;

/// Returns the string value of a key in the top-level mapping of the first document. Returns `None` if there is no such
/// key, or if its value is not a string: a plain `1.10` is a number, which other programs read as 1.1.
///
/// # Errors
/// The message if the text is not YAML, nests too deep, or has the key twice.
pub(crate) fn top_level_string(text: &str, key: &str) -> Result<Option<String>, String> {
    let mut found = None;
    let mut depth = 0;
    // State of the top-level mapping: whether the next node is a value, and the key of that value.
    let mut of_key: Option<String> = None;
    let mut is_value = false;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if depth == 0 && matches!(event, Event::SequenceStart(..)) {
                    return Ok(None);
                }
                depth += 1;
                if depth > MAX_NESTING_DEPTH {
                    return Err(format!("it nests more than {MAX_NESTING_DEPTH} levels deep"));
                }
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth -= 1;
                if depth == 1 {
                    (of_key, is_value) = (None, !is_value);
                }
            }
            Event::Scalar(text, style, ..) if depth == 1 && is_value => {
                if of_key.take().as_deref() == Some(key) {
                    if found.is_some() {
                        return Err(format!("duplicate key {key}"));
                    }
                    let is_string = style != ScalarStyle::Plain || !is_not_a_string(&text);
                    found = Some(is_string.then(|| text.into_owned()));
                }
                is_value = false;
            }
            Event::Scalar(text, ..) if depth == 1 => (of_key, is_value) = (Some(text.into_owned()), true),
            Event::Alias(_) if depth == 1 => (of_key, is_value) = (None, !is_value),
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    Ok(found.flatten())
}

/// A collection that is open at some point of a document, with what its next node is.
enum OpenCollection {
    Sequence,
    /// A mapping whose next node is a key.
    BeforeKey,
    /// A mapping whose next node is a value. Holds whether it is a value of the wanted key.
    BeforeValue(bool),
}

/// Returns the scalar values of a key in all mappings of the first document, at any depth.
///
/// # Errors
/// The message if the text is not YAML, or nests too deep.
pub(crate) fn values_of_key(text: &str, key: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut open: Vec<OpenCollection> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let (scalar, opened) = match event {
            Event::Scalar(text, ..) => (Some(text.into_owned()), None),
            Event::MappingStart(..) => (None, Some(OpenCollection::BeforeKey)),
            Event::SequenceStart(..) => (None, Some(OpenCollection::Sequence)),
            Event::Alias(_) if matches!(open.last(), Some(OpenCollection::BeforeValue(true))) => {
                return Err(format!("the value of {key} is an alias"));
            }
            Event::Alias(_) => (None, None),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                continue;
            }
            Event::DocumentEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            Some(state @ OpenCollection::BeforeKey) => {
                *state = OpenCollection::BeforeValue(scalar.as_deref() == Some(key));
            }
            Some(state @ OpenCollection::BeforeValue(_)) => {
                if matches!(state, OpenCollection::BeforeValue(true)) {
                    found.extend(scalar);
                }
                *state = OpenCollection::BeforeKey;
            }
            Some(OpenCollection::Sequence) | None => {}
        }
        open.extend(opened);
        if open.len() > MAX_NESTING_DEPTH {
            return Err(format!("it nests more than {MAX_NESTING_DEPTH} levels deep"));
        }
    }
    Ok(found)
}

/// Returns true if a plain scalar is a number, a boolean or null in the core schema (YAML 1.2.2, 10.3.2).
fn is_not_a_string(text: &str) -> bool {
    let is_number = text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o");
    is_number
        || matches!(
            text,
            "" | "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_top_level_strings_count() {
        let text = "a: {version: 9}\nlist: [version, 8]\n? [x]\n: y\nversion: 1.2.3\nb: &x q\nc: *x\nquoted: '1.10'\nn: 1.10\nempty:\n";
        assert_eq!(top_level_string(text, "version").unwrap().as_deref(), Some("1.2.3"));
        assert_eq!(top_level_string(text, "quoted").unwrap().as_deref(), Some("1.10"));
        for absent_key in ["n", "empty", "q", "a", "list", "x", "y", "none"] {
            assert_eq!(top_level_string(text, absent_key), Ok(None), "{absent_key}");
        }
        assert_eq!(top_level_string("- version: 1", "version"), Ok(None));
        assert_eq!(
            top_level_string("a: 1.2.3\n---\nversion: 1.2.3", "version"),
            Ok(None),
            "another document"
        );
        assert!(top_level_string("version: 1.2.3\nversion: 1.2.4", "version").is_err());
    }

    #[test]
    fn values_are_found_at_any_depth() {
        let text = "uses: a
b:
  - uses: c
    d: uses
  - [uses, e]
  - {uses: {uses: f}}
? {uses: g}
: uses
";
        assert_eq!(values_of_key(text, "uses").unwrap(), ["a", "c", "f", "g"]);
    }

    #[test]
    fn deeply_nested_documents_are_errors() {
        for deep in [
            "[".repeat(500_000),
            format!("a:\n {}", "- ".repeat(500_000)),
            "{a: ".repeat(200_000),
            "? ".repeat(300_000),
        ] {
            assert!(top_level_string(&deep, "version").is_err());
            assert!(values_of_key(&deep, "version").is_err());
        }
    }
}
