//! A YAML document as a tree (YAML 1.2.2), within limits on depth and size. What programs read in different ways is an error.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The deepest nesting of mappings and sequences that is read, in levels.
const MAX_NESTING_DEPTH: usize = 64;
/// The most nodes of a document.
const MAX_NODES: usize = 100_000;
/// The longest key, in bytes: as in YAML for keys on one line (YAML 1.2.2, 8.2.2).
const MAX_KEY_BYTES: usize = 1024;
/// The key that merges another mapping in YAML 1.1.
const MERGE_KEY: &str = "<<";

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum YamlNode {
    /// A text, a number, a boolean or null.
    Scalar {
        text: String,
        is_plain: bool,
    },
    Sequence(Vec<YamlNode>),
    /// The entries, in the order of the document. No key occurs twice.
    Mapping(Vec<(String, YamlNode)>),
}

/// A collection that is being read.
enum OpenNode {
    Sequence(Vec<YamlNode>),
    Mapping { entries: Vec<(String, YamlNode)>, keys: BTreeSet<String>, next_key: Option<String> },
}

impl YamlNode {
    /// Parses a text with one document. A document without a node is a null.
    ///
    /// # Errors
    /// The message if the text is not YAML; has a second document, an alias, a tag, a merge key, a key that is not a text, a
    /// key twice, a control character, or a line end that only YAML 1.1 knows; or exceeds a limit.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        check_characters(text)?;
        let mut open: Vec<OpenNode> = Vec::new();
        let mut root = None;
        let (mut nodes, mut documents) = (0, 0);
        for event in Parser::new_from_str(text) {
            let (event, _) = event.map_err(|error| error.to_string())?;
            nodes += 1;
            if nodes > MAX_NODES || open.len() > MAX_NESTING_DEPTH {
                return Err("it is too large, or nests too deep".to_owned());
            }
            let node = match event {
                Event::Scalar(_, _, _, Some(_))
                | Event::SequenceStart(_, Some(_))
                | Event::MappingStart(_, Some(_)) => return Err("it has a tag".to_owned()),
                Event::Scalar(text, style, ..) => {
                    Self::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain }
                }
                Event::SequenceStart(..) => {
                    open.push(OpenNode::Sequence(Vec::new()));
                    continue;
                }
                Event::MappingStart(..) => {
                    open.push(OpenNode::new_mapping());
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(OpenNode::Sequence(items)) => Self::Sequence(items),
                    Some(OpenNode::Mapping { entries, .. }) => Self::Mapping(entries),
                    None => return Err("it ends a collection that was not started".to_owned()),
                },
                Event::Alias(_) => return Err("it has an alias".to_owned()),
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err("it has more than one document".to_owned());
                    }
                    continue;
                }
                _ => continue,
            };
            match open.last_mut() {
                None => root = Some(node),
                Some(parent) => parent.add(node)?,
            }
        }
        Ok(root.unwrap_or(Self::Scalar { text: String::new(), is_plain: true }))
    }

    /// Returns the value of a key. `None` if the node is no mapping, or has no such key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Mapping(entries) => entries.iter().find(|it| it.0 == key).map(|it| &it.1),
            _ => None,
        }
    }

    /// Returns the text of a scalar. `None` for null and for a collection.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            node if node.is_null() => None,
            Self::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Returns whether the node is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar { text, is_plain: true } if is_null(text))
    }

    /// Returns the entries of a mapping. Empty for any other node.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence. Empty for any other node.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Sequence(items) => items,
            _ => &[],
        }
    }
}

impl OpenNode {
    fn new_mapping() -> Self {
        Self::Mapping { entries: Vec::new(), keys: BTreeSet::new(), next_key: None }
    }

    /// Adds a node: an item, a key or a value.
    fn add(&mut self, node: YamlNode) -> Result<(), String> {
        match self {
            Self::Sequence(items) => items.push(node),
            Self::Mapping { entries, keys, next_key } => match (next_key.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, node) => {
                    let key = node.text().ok_or("it has a key that is not a text")?;
                    if key.len() > MAX_KEY_BYTES {
                        return Err(format!("it has a key of more than {MAX_KEY_BYTES} bytes"));
                    }
                    if key == MERGE_KEY {
                        return Err("it has a merge key (<<)".to_owned());
                    }
                    if !keys.insert(key.to_owned()) {
                        return Err(format!("it has the key {key} more than once"));
                    }
                    *next_key = Some(key.to_owned());
                }
            },
        }
        Ok(())
    }
}

/// Refuses control characters, and the line ends of YAML 1.1: a parser of YAML 1.2 reads what follows them as the rest of a
/// comment (YAML 1.2.2, 5.4).
fn check_characters(text: &str) -> Result<(), String> {
    let is_refused = |it: char| {
        (it.is_control() && !matches!(it, '\n' | '\t' | '\r')) || matches!(it, '\u{2028}' | '\u{2029}')
    };
    if text.chars().any(is_refused) || text.replace("\r\n", "").contains('\r') {
        return Err("it has a control character, or a line end that programs read differently".to_owned());
    }
    Ok(())
}

/// Returns whether a plain scalar is null in the core schema (YAML 1.2.2, 10.3.2).
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_trees() {
        let tree = YamlNode::parse("a: [1, 'x'] # c\r\nb: {c: ~}\n").unwrap();
        let texts: Vec<_> = tree.get("a").unwrap().items().iter().map(YamlNode::text).collect();
        assert_eq!(texts, [Some("1"), Some("x")]);
        assert_eq!(tree.get("b").and_then(|it| it.get("c")).map(YamlNode::text), Some(None));
        assert_eq!(tree.get("d"), None);
        assert_eq!(YamlNode::parse("").unwrap().text(), None);
    }

    #[test]
    fn ambiguous_or_large_documents_are_errors() {
        for text in [
            "a: 1\na: 2",
            "a: &x 1\nb: *x",
            "a: !!str 1",
            "a: !!seq [1]",
            "a: !!map {b: 1}",
            "? [a]\n: b",
            "a: [",
            "a: {b: 1, b: 2}",
            "<<: {a: 1}",
            "a: 1\n---\nb: 2",
            "~: x",
            "# c\u{2028}a: 1",
            "# c\u{85}a: 1",
            "# c\ra: 1",
            "a: \u{1}",
        ] {
            assert!(YamlNode::parse(text).is_err(), "{text:?}");
        }
        for deep in ["[".repeat(500_000), "{a: ".repeat(200_000), format!("[{}]", "1,".repeat(200_000))] {
            assert!(YamlNode::parse(&deep).is_err());
        }
    }
}
