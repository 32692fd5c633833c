//! An XML document as a tree (XML 1.0, fifth edition; Namespaces in XML 1.0), within limits on size and depth. What programs
//! read in different ways is an error: an encoding other than UTF-8, a document type, an attribute with a prefix, and a text
//! that a comment or an element splits.

use roxmltree::{Document, Node, ParsingOptions};

/// The most nodes of a document.
const MAX_NODES: u32 = 200_000;
/// The most attributes of a document. A parser compares those of an element with each other.
const MAX_ATTRIBUTES: usize = 5_000;
/// The most declarations of namespaces. A parser copies those of an element to its children.
const MAX_NAMESPACES: usize = 32;
/// The deepest nesting of elements, in levels.
const MAX_NESTING_DEPTH: usize = 64;
/// The namespace of attributes that refer to a schema (XML Schema 1.0, part 1, 2.6). They have no effect on the content.
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlElement {
    /// The name, without a prefix.
    pub name: String,
    /// Whether it is in another namespace than the root of the document.
    is_foreign: bool,
    attributes: Vec<(String, String)>,
    /// The child elements. Empty if the element has a text.
    pub children: Vec<XmlElement>,
    /// The text. Empty if the element has child elements.
    text: String,
}

impl XmlElement {
    /// Parses a document, and returns its root. A byte order mark is skipped.
    ///
    /// # Errors
    /// The message if the text is not XML, exceeds a limit, or is one that programs read in different ways.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        check_declaration(text)?;
        if text.matches('=').count() > MAX_ATTRIBUTES {
            return Err(format!("it may have more than {MAX_ATTRIBUTES} attributes"));
        }
        if text.matches("xmlns").count() > MAX_NAMESPACES {
            return Err(format!("it may declare more than {MAX_NAMESPACES} namespaces"));
        }
        let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
        let root = document.root_element();
        Self::read(root, root.tag_name().namespace(), MAX_NESTING_DEPTH)
    }

    /// Reads an element. `namespace` is that of the root.
    fn read(node: Node<'_, '_>, namespace: Option<&str>, depth: usize) -> Result<Self, String> {
        let name = node.tag_name().name().to_owned();
        if depth == 0 {
            return Err(format!("{name} is nested more than {MAX_NESTING_DEPTH} levels deep"));
        }
        let mut attributes = Vec::new();
        for attribute in node.attributes() {
            match attribute.namespace() {
                None => attributes.push((attribute.name().to_owned(), attribute.value().to_owned())),
                Some(SCHEMA_INSTANCE) => {}
                Some(_) => {
                    return Err(format!("{name} has the attribute {} with a prefix", attribute.name()));
                }
            }
        }
        let elements: Vec<_> = node.children().filter(Node::is_element).collect();
        let text: String = node.children().filter(Node::is_text).filter_map(|it| it.text()).collect();
        let has_text = !text.chars().all(is_space);
        if has_text && node.children().any(|it| !it.is_text()) {
            return Err(format!("the text of {name} is not in one piece"));
        }
        let read = |it| Self::read(it, namespace, depth - 1);
        let children = elements.into_iter().map(read).collect::<Result<_, _>>()?;
        let is_foreign = node.tag_name().namespace() != namespace;
        Ok(Self { name, is_foreign, attributes, children, text })
    }

    /// Returns whether all elements have the namespace of the document's root, so that their names tell what they are.
    #[must_use]
    pub fn has_one_namespace(&self) -> bool {
        !self.is_foreign && self.children.iter().all(Self::has_one_namespace)
    }

    /// Returns the text, without spaces, tabs and line ends around it. Empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim_matches(is_space)
    }

    /// Returns the text of the first child with a name. Empty if there is none.
    #[must_use]
    pub fn child_text(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::text)
    }

    /// Returns the first child with a name. `None` if there is none.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Returns the value of an attribute. `None` if there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// Returns the names of the attributes.
    pub fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|it| it.0.as_str())
    }

    /// Returns all elements with a name below this one, in the order of the document.
    #[must_use]
    pub fn descendants(&self, name: &str) -> Vec<&Self> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.descendants(name));
        }
        found
    }

    /// Returns the name that several children have. `None` if all names differ.
    #[must_use]
    pub fn repeated_child(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.children.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).find(|it| it[0] == it[1]).map(|it| it[0])
    }
}

/// Returns whether a character is white space (XML 1.0, production 3).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Refuses another version than 1.0 and another encoding than UTF-8: a program that follows the declaration reads other
/// characters (XML 1.0, 4.3.3).
fn check_declaration(text: &str) -> Result<(), String> {
    let Some(declaration) = text.strip_prefix("<?xml").filter(|it| it.starts_with(is_space)) else {
        return Ok(());
    };
    let declaration = declaration.split_once("?>").map_or(declaration, |it| it.0);
    let compact: String = declaration.chars().filter(|it| !is_space(*it)).collect();
    let compact = compact.replace('\'', "\"").to_ascii_lowercase();
    let rest = compact.strip_prefix("version=\"1.0\"");
    let rest = rest.map(|it| it.strip_prefix("encoding=\"utf-8\"").unwrap_or(it));
    match rest {
        Some("" | "standalone=\"yes\"" | "standalone=\"no\"") => Ok(()),
        _ => Err("it is not declared as XML 1.0 in UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_trees() {
        let text = "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<!-- c --><a xmlns=\"urn:n\" \
                    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"x\" v=\"1\">\n <!-- c -->\
                    <b> x<![CDATA[ y]]>&amp; </b><c><b k='2'/></c></a>";
        let root = XmlElement::parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.child_text("b"), root.child_text("d")), ("a", "x y&", ""));
        assert_eq!((root.attribute("v"), root.attribute("schemaLocation")), (Some("1"), None));
        assert_eq!(root.attribute_names().collect::<Vec<_>>(), ["v"]);
        let inner: Vec<_> = root.descendants("b").into_iter().map(|it| it.attribute("k")).collect();
        assert_eq!(inner, [None, Some("2")]);
        assert!(root.has_one_namespace());
        assert_eq!(root.repeated_child(), None);
        let other = XmlElement::parse("<a xmlns:x='urn:x'><x:b/><b/><c>\u{a0}</c></a>").unwrap();
        assert!(!other.has_one_namespace());
        assert_eq!((other.repeated_child(), other.child_text("c")), (Some("b"), "\u{a0}"));
    }

    #[test]
    fn documents_that_programs_read_differently_are_errors() {
        for text in [
            "<a><b>x<!-- c -->y</b></a>",
            "<a><b>x<?p?>y</b></a>",
            "<a><b>x<c/>y</b></a>",
            "<a xmlns:x='urn:x' x:id='1' id='2'/>",
            "<a xml:lang='en'/>",
            "<?xml version='1.0' encoding='Shift_JIS'?><a/>",
            "<?xml version = \"1.0\"\nencoding = \"utf-16\"?><a/>",
            "<?xml version='1.1'?><a/>",
            "<?xml version='1.0' encoding='utf-8' encoding='x'?><a/>",
            "<!DOCTYPE a><a/>",
            "<a>",
            "",
        ] {
            assert!(XmlElement::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn large_documents_are_errors() {
        let attributes: Vec<String> = (0..6_000).map(|at| format!("a{at}='>'")).collect();
        for text in [
            format!("<a {}/>", attributes.join(" ")),
            format!("<a>{}</a>", "<b/>".repeat(300_000)),
            format!("<a>{}</a>", "<b xmlns:x='urn:x'/>".repeat(40)),
            format!("{}{}", "<a>".repeat(100), "</a>".repeat(100)),
            "<a>".repeat(1_000_000),
        ] {
            assert!(XmlElement::parse(&text).is_err());
        }
    }
}
