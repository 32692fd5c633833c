//! The values of `Chart.yaml` as Helm writes them when it packages a chart (`helm:pkg/chart/v2/metadata.go`, and the YAML
//! library that Helm uses, `sigs.k8s.io/yaml`).
//!
//! Helm writes the file anew: without comments and unknown keys, with numbers as texts, and with other white space. So the
//! two files are compared by their values, not by their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::yaml_tree::YamlNode;

/// The keys that Helm knows and writes (`helm:pkg/chart/v2/metadata.go`).
const KEYS: [&str; 17] = [
    "annotations",
    "apiVersion",
    "appVersion",
    "condition",
    "dependencies",
    "deprecated",
    "description",
    "home",
    "icon",
    "keywords",
    "kubeVersion",
    "maintainers",
    "name",
    "sources",
    "tags",
    "type",
    "version",
];
/// The keys of a dependency, in the order in which Helm encodes them (`helm:pkg/chart/v2/dependency.go`).
pub(super) const DEPENDENCY_KEYS: [&str; 8] =
    ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];
/// The keys of a maintainer.
const MAINTAINER_KEYS: [&str; 3] = ["name", "email", "url"];
/// The longest integer whose text is certain, in digits.
const MAX_INTEGER_DIGITS: usize = 15;
/// The longest decimal number that Go writes without an exponent, in digits (`strconv`, format `g`).
const MAX_DECIMAL_DIGITS: usize = 6;
/// The smallest decimal number that Go surely writes without an exponent.
const MIN_DECIMAL: f64 = 0.001;

/// Where a `Chart.yaml` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartOrigin {
    /// In the tag's tree, written by hand.
    Tree,
    /// In a package, as Helm wrote it.
    Package,
}

/// The values of a `Chart.yaml`, by their path. A list has its length at its path with `[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChartValues(BTreeMap<String, ChartValue>);

/// A value as Helm writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ChartValue {
    Text(String),
    /// A number without quotes whose text depends on the YAML library, as `0x1F`, or `1234567e8` for a commit.
    Uncertain,
}

impl ChartValues {
    /// Returns all values that Helm writes. In the tree, keys that Helm does not know are left out.
    ///
    /// # Errors
    /// A message if a key is written in a way that Helm reads as another one, or if a package has a key that Helm does not
    /// write.
    pub(super) fn of(document: &YamlNode, origin: ChartOrigin) -> Result<Self, String> {
        let mut reader = ValueReader { origin, values: Self::default() };
        reader.mapping("", document, &KEYS)?;
        let mut values = reader.values;
        let first_version = || ChartValue::Text("v1".to_owned());
        values.0.entry("apiVersion".to_owned()).or_insert_with(first_version);
        Ok(values)
    }

    /// Returns a value. `None` if there is none.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.0.get(path)? {
            ChartValue::Text(text) => Some(text),
            ChartValue::Uncertain => None,
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Returns the path of a value whose text depends on the YAML library. `None` if there is none.
    pub(super) fn uncertain(&self) -> Option<&str> {
        self.0.iter().find(|it| *it.1 == ChartValue::Uncertain).map(|it| it.0.as_str())
    }

    /// Returns the paths at which two documents have different values.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let paths = self.0.keys().chain(other.0.keys());
        paths.filter(|it| self.0.get(*it) != other.0.get(*it)).map(String::as_str).collect()
    }
}

struct ValueReader {
    origin: ChartOrigin,
    values: ChartValues,
}

impl ValueReader {
    /// Adds the values of a mapping with known keys. `path` is empty, or ends with a dot.
    fn mapping(&mut self, path: &str, node: &YamlNode, known: &[&str]) -> Result<(), String> {
        for (key, value) in node.entries() {
            let field = format!("{path}{key}");
            if known.contains(&key.as_str()) {
                self.field(&field, value)?;
            } else if known.iter().any(|it| folded(it) == folded(key)) {
                return Err(format!("Helm reads the key {field} as another one, because it ignores case"));
            } else if self.origin == ChartOrigin::Package {
                return Err(format!("Helm writes no key {field}"));
            }
        }
        Ok(())
    }

    /// Adds the value of a known key.
    fn field(&mut self, path: &str, value: &YamlNode) -> Result<(), String> {
        match path {
            "annotations" => self.annotations(value),
            "dependencies" => self.list(path, value, Some(&DEPENDENCY_KEYS)),
            "maintainers" => self.list(path, value, Some(&MAINTAINER_KEYS)),
            _ if path.ends_with(".import-values") && value.items().is_empty() => Ok(()),
            _ if path.ends_with(".import-values") => {
                self.set(path.to_owned(), ChartValue::Text(json_value(value).to_string()));
                Ok(())
            }
            _ if matches!(value, YamlNode::Sequence(_)) => self.list(path, value, None),
            _ if matches!(value, YamlNode::Mapping(_)) => Err(format!("{path} is not a text")),
            // Helm leaves out a boolean that is false.
            _ if is_boolean(path) && value.text().and_then(boolean) == Some(false) => Ok(()),
            _ => {
                self.scalar(path, value);
                Ok(())
            }
        }
    }

    /// Adds a list of mappings with known keys, or of texts. Helm leaves out an empty one.
    fn list(&mut self, path: &str, value: &YamlNode, known: Option<&[&str]>) -> Result<(), String> {
        let items = value.items();
        if !items.is_empty() {
            self.set(format!("{path}[]"), ChartValue::Text(items.len().to_string()));
        } else if !matches!(value, YamlNode::Sequence(_)) && !value.is_null() {
            return Err(format!("{path} is not a list"));
        }
        for (at, item) in items.iter().enumerate() {
            let path = format!("{path}[{at}]");
            match (known, item) {
                (Some(known), YamlNode::Mapping(_)) => self.mapping(&format!("{path}."), item, known)?,
                (None, YamlNode::Scalar { .. }) => self.scalar(&path, item),
                _ => return Err(format!("{path} is not of the kind that Helm expects")),
            }
        }
        Ok(())
    }

    /// Adds the annotations, which Helm does not change. One without a value has an empty text.
    fn annotations(&mut self, value: &YamlNode) -> Result<(), String> {
        for (key, value) in value.entries() {
            if boolean(key).is_some() || plain_number(key).is_some() {
                return Err(format!("the annotation {key} is a key that YAML libraries read differently"));
            }
            if !matches!(value, YamlNode::Scalar { .. }) {
                return Err(format!("the annotation {key} is not a text"));
            }
            let value = resolved(value).unwrap_or(ChartValue::Text(String::new()));
            self.set(format!("annotations.{key}"), value);
        }
        Ok(())
    }

    /// Adds a text. Helm leaves out an empty one, and changes the characters of one in the tree.
    fn scalar(&mut self, path: &str, node: &YamlNode) {
        let value = match (resolved(node), self.origin) {
            (Some(ChartValue::Text(text)), ChartOrigin::Tree) => ChartValue::Text(sanitized(&text)),
            (Some(value), _) => value,
            (None, _) => return,
        };
        if value != ChartValue::Text(String::new()) {
            self.set(path.to_owned(), value);
        }
    }

    fn set(&mut self, path: String, value: ChartValue) {
        self.values.0.insert(path, value);
    }
}

/// Returns whether the value of a key is a boolean.
fn is_boolean(path: &str) -> bool {
    path == "deprecated" || path.ends_with(".enabled")
}

/// Returns a key as Go compares it: without regard to case, with the characters that fold to an ASCII letter
/// (`encoding/json`, `Unmarshal`).
fn folded(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}

/// Returns a scalar as a text, as Helm reads it. `None` for null and for a collection.
pub(super) fn scalar_text(node: &YamlNode) -> Option<String> {
    match resolved(node)? {
        ChartValue::Text(text) => Some(sanitized(&text)),
        ChartValue::Uncertain => node.text().map(str::to_owned),
    }
}

/// Returns a scalar as a text: a number in its shortest form, a boolean as `true` or `false`. `None` for null and for a
/// collection.
fn resolved(node: &YamlNode) -> Option<ChartValue> {
    let text = node.text()?;
    if !matches!(node, YamlNode::Scalar { is_plain: true, .. }) {
        return Some(ChartValue::Text(text.to_owned()));
    }
    if let Some(value) = boolean(text) {
        return Some(ChartValue::Text(value.to_string()));
    }
    Some(plain_number(text).unwrap_or_else(|| ChartValue::Text(text.to_owned())))
}

/// Returns a text as Helm cleans it: each white space as a space, and without characters that cannot be printed
/// (`helm:pkg/chart/v2/metadata.go`, `sanitizeString`; Go's `unicode.IsPrint`: letters, marks, numbers, punctuation and
/// symbols).
fn sanitized(text: &str) -> String {
    static NOT_PRINTABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[^ \p{L}\p{M}\p{N}\p{P}\p{S}]").unwrap_or_else(|error| panic!("{error}"))
    });
    let spaced: String = text.chars().map(|it| if it.is_whitespace() { ' ' } else { it }).collect();
    NOT_PRINTABLE.replace_all(&spaced, "").into_owned()
}

/// Returns the value of a plain scalar that is a boolean in YAML 1.1. `None` if it is none.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Returns a plain scalar that is a number: Helm's YAML library reads `1.10` as a number, and Helm writes `1.1`. `None` if
/// it is a text.
fn plain_number(text: &str) -> Option<ChartValue> {
    if matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Some(ChartValue::Uncertain);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return None;
    }
    let without_separators = digits.replace('_', "");
    let has_base = ["0x", "0X", "0o", "0O", "0b", "0B"].iter().any(|it| without_separators.starts_with(it));
    let number = text.parse::<f64>().ok();
    if number.is_none() && without_separators.parse::<f64>().is_err() && !has_base {
        return None;
    }
    let certain = number.filter(|it| is_certain(digits, *it) && !text.starts_with('+'));
    Some(certain.map_or(ChartValue::Uncertain, |it| ChartValue::Text(it.to_string())))
}

/// Returns whether Go and Rust write a number in the same way.
fn is_certain(digits: &str, number: f64) -> bool {
    let is_integer = digits.bytes().all(|it| it.is_ascii_digit());
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if has_leading_zero || number.is_sign_negative() && number == 0.0 {
        return false;
    }
    if is_integer {
        return digits.len() <= MAX_INTEGER_DIGITS;
    }
    let is_decimal = digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    is_decimal && digits.len() <= MAX_DECIMAL_DIGITS + 1 && (number == 0.0 || number.abs() >= MIN_DECIMAL)
}

/// Returns a node as JSON. Plain numbers and booleans keep their type.
pub(super) fn json_value(node: &YamlNode) -> Value {
    match node {
        YamlNode::Sequence(items) => Value::Array(items.iter().map(json_value).collect()),
        YamlNode::Mapping(entries) => {
            let sorted: BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (key.clone(), json_value(value))).collect();
            Value::Object(Map::from_iter(sorted))
        }
        node if node.is_null() => Value::Null,
        YamlNode::Scalar { text, is_plain: true } => match boolean(text) {
            Some(value) => Value::Bool(value),
            None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        },
        YamlNode::Scalar { text, .. } => Value::String(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, origin: ChartOrigin) -> Result<ChartValues, String> {
        ChartValues::of(&YamlNode::parse(text).unwrap(), origin)
    }

    #[test]
    fn values_are_compared_as_helm_writes_them() {
        let tree = "name: a\nversion: 1.0.0\nappVersion: 1.10\nunknown: x\ndescription: >\n  two\n  lines\nkeywords: []\n\
                    deprecated: no\ndependencies: [{name: d, enabled: no}]\nannotations: {a: , b: y}\nhome: \"a\\tb\\u200Bc\"\n";
        let tree = values(tree, ChartOrigin::Tree).unwrap();
        // As Helm 4.2.3 wrote it.
        let packaged = "name: a\nversion: 1.0.0\nappVersion: \"1.1\"\ndependencies:\n- name: d\ndescription: 'two lines '\nannotations:\n  a: \"\"\n  \
                        b: \"true\"\nhome: a bc\n";
        let same = values(packaged, ChartOrigin::Package).unwrap();
        assert_eq!(tree.differences(&same), BTreeSet::new());
        for (from, to, path) in [
            ("1.1", "1.10", "appVersion"),
            ("lines ", "lines", "description"),
            ("a: \"\"", "c: \"\"", "annotations.a"),
            ("name: a\n", "name: a\nkeywords: ['']\n", "keywords[]"),
        ] {
            let other = values(&packaged.replacen(from, to, 1), ChartOrigin::Package).unwrap();
            assert!(tree.differences(&other).contains(path), "{to}");
        }
    }

    #[test]
    fn import_values_keep_their_types() {
        let of = |text: &str| {
            values(&format!("dependencies: [{{import-values: {text}}}]"), ChartOrigin::Package).unwrap()
        };
        assert_eq!(of("[{a: 1}]"), of("[{a: 1}]"));
        for (one, other) in [("[1]", "['1']"), ("[{a.b: c}]", "[{a: {b: c}}]"), ("[a, {}]", "[a]")] {
            assert_ne!(of(one), of(other), "{one}");
        }
    }

    #[test]
    fn numbers_whose_text_depends_on_the_library_are_uncertain() {
        for number in
            ["1234567e8", "0x1F", "010", "1_000", "1e3", ".inf", "+1", "-0", "1234567.5", "0.00001", "0b1"]
        {
            let found = values(&format!("appVersion: {number}\n"), ChartOrigin::Tree).unwrap();
            assert_eq!(found.uncertain(), Some("appVersion"), "{number}");
        }
        for (text, expected) in
            [("1.10", "1.1"), ("12", "12"), ("-1.5", "-1.5"), ("1.2.3", "1.2.3"), ("yes", "true")]
        {
            let found = values(&format!("appVersion: {text}\n"), ChartOrigin::Tree).unwrap();
            assert_eq!((found.uncertain(), found.text("appVersion")), (None, Some(expected)), "{text}");
        }
    }

    #[test]
    fn keys_that_helm_reads_as_others_are_errors() {
        for text in [
            "Name: a",
            "\u{212a}eywords: [a]",
            "dependencies: [{Name: a}]",
            "annotations: {yes: a}",
            "annotations: {'1.0': a}",
            "annotations: {a: {b: c}}",
            "description: {a: b}",
            "maintainers: a",
        ] {
            assert!(values(text, ChartOrigin::Tree).is_err(), "{text}");
        }
        for text in ["unknown: a", "maintainers: [{name: a, x: b}]"] {
            assert!(values(text, ChartOrigin::Tree).is_ok(), "{text}");
            assert!(values(text, ChartOrigin::Package).is_err(), "{text}");
        }
    }
}
