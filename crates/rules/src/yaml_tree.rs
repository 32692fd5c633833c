//! The first document of a YAML text as a tree (YAML 1.2.2), within limits on depth and size.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The deepest nesting of mappings and sequences that is read, in levels.
const MAX_NESTING_DEPTH: usize = 64;
/// The most nodes of a document.
const MAX_NODES: usize = 100_000;

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

/// A collection that is being read, and the key of the next value of a mapping.
enum OpenNode {
    Sequence(Vec<YamlNode>),
    Mapping(Vec<(String, YamlNode)>, Option<String>),
}

impl YamlNode {
    /// Parses the first document. A document without a node is a null.
    ///
    /// # Errors
    /// The message if the text is not YAML, has an alias, a tag or a key that is not a scalar, has a key twice, or exceeds
    /// a limit.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut open: Vec<OpenNode> = Vec::new();
        let mut nodes = 0;
        for event in Parser::new_from_str(text) {
            let (event, _) = event.map_err(|error| error.to_string())?;
            nodes += 1;
            if nodes > MAX_NODES || open.len() > MAX_NESTING_DEPTH {
                return Err("it is too large, or nests too deep".to_owned());
            }
            let node = match event {
                Event::Scalar(text, style, _, tag) => {
                    if tag.is_some() {
                        return Err("it has a tag".to_owned());
                    }
                    Self::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain }
                }
                Event::SequenceStart(..) => {
                    open.push(OpenNode::Sequence(Vec::new()));
                    continue;
                }
                Event::MappingStart(..) => {
                    open.push(OpenNode::Mapping(Vec::new(), None));
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(OpenNode::Sequence(items)) => Self::Sequence(items),
                    Some(OpenNode::Mapping(entries, _)) => Self::Mapping(entries),
                    None => return Err("it ends a collection that was not started".to_owned()),
                },
                Event::Alias(_) => return Err("it has an alias".to_owned()),
                Event::DocumentEnd => break,
                _ => continue,
            };
            match open.last_mut() {
                None => return Ok(node),
                Some(parent) => parent.add(node)?,
            }
        }
        Ok(Self::Scalar { text: String::new(), is_plain: true })
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
            Self::Scalar { text, is_plain: true } if is_null(text) => None,
            Self::Scalar { text, .. } => Some(text),
            _ => None,
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
    /// Adds a node: an item, a key or a value.
    fn add(&mut self, node: YamlNode) -> Result<(), String> {
        match self {
            Self::Sequence(items) => items.push(node),
            Self::Mapping(entries, key) => match (key.take(), node) {
                (Some(key), _) if entries.iter().any(|it| it.0 == key) => {
                    return Err(format!("it has the key {key} more than once"));
                }
                (Some(key), node) => entries.push((key, node)),
                (None, YamlNode::Scalar { text, .. }) => *key = Some(text),
                (None, _) => return Err("it has a key that is not a scalar".to_owned()),
            },
        }
        Ok(())
    }
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
        let tree = YamlNode::parse("a: [1, 'x']\nb: {c: ~}\n---\nd: 1\n").unwrap();
        let texts: Vec<_> = tree.get("a").unwrap().items().iter().map(YamlNode::text).collect();
        assert_eq!(texts, [Some("1"), Some("x")]);
        assert_eq!(tree.get("b").and_then(|it| it.get("c")).map(YamlNode::text), Some(None));
        assert_eq!(tree.get("d"), None);
        assert_eq!(YamlNode::parse("").unwrap().text(), None);
    }

    #[test]
    fn ambiguous_or_large_documents_are_errors() {
        for text in ["a: 1\na: 2", "a: &x 1\nb: *x", "a: !!str 1", "? [a]\n: b", "a: [", "a: {b: 1, b: 2}"] {
            assert!(YamlNode::parse(text).is_err(), "{text}");
        }
        for deep in ["[".repeat(500_000), "{a: ".repeat(200_000), format!("[{}]", "1,".repeat(200_000))] {
            assert!(YamlNode::parse(&deep).is_err());
        }
    }
}
