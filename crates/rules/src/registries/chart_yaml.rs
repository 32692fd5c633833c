//! `Chart.yaml` and `Chart.lock` as Helm reads and writes them (Helm documentation, "Charts"; `helm:pkg/chart/v2`).
//!
//! Helm writes `Chart.yaml` anew when it packages a chart: without comments and unknown keys, and with numbers as texts. So
//! the two files are compared by their values, not by their bytes.

use std::collections::BTreeMap;

use model::Digest;
use model::base::untrusted_text::is_unprintable;
use serde_json::{Map, Value};

use crate::yaml_tree::YamlNode;

/// The keys that Helm knows and writes (`helm:pkg/chart/v2/metadata.go`).
const KNOWN_KEYS: [&str; 17] = [
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
const DEPENDENCY_KEYS: [&str; 8] =
    ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

/// The keys of a maintainer.
const MAINTAINER_KEYS: [&str; 3] = ["name", "email", "url"];

/// A dependency of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChartDependency {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) repository: String,
    /// The values that Helm's digest covers, as JSON.
    json: String,
}

/// A parsed `Chart.yaml` or `Chart.lock`.
pub(super) struct ChartDocument(YamlNode);

/// The values of a `Chart.yaml`, by their path.
pub(super) type ChartValues = BTreeMap<String, ChartValue>;

/// A value as Helm writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChartValue {
    Text(String),
    /// A number without quotes whose text depends on the YAML library, as `0x1F`, or `1234567e8` for a commit.
    Uncertain,
}

impl ChartDocument {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        YamlNode::parse(text.trim_start_matches('\u{feff}')).map(Self)
    }

    /// Returns a value at the top level as a text. `None` if there is none.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(scalar_text)
    }

    /// Returns all values that Helm writes. Keys that Helm does not know, and empty values, are left out.
    ///
    /// # Errors
    /// A message if a key is written in a way that Helm reads as another one.
    pub(super) fn values(&self) -> Result<ChartValues, String> {
        let mut values = BTreeMap::new();
        if let YamlNode::Mapping(entries) = &self.0 {
            for (key, value) in entries {
                if KNOWN_KEYS.contains(&key.as_str()) {
                    add_values(key, value, &mut values)?;
                } else if KNOWN_KEYS.iter().any(|it| it.eq_ignore_ascii_case(key)) {
                    return Err(format!("the key {key} is in another case than Helm writes it"));
                }
            }
        }
        let version = || ChartValue::Text("v1".to_owned());
        values.entry("apiVersion".to_owned()).or_insert_with(version);
        if values.get("deprecated") == Some(&ChartValue::Text("false".to_owned())) {
            values.remove("deprecated");
        }
        Ok(values)
    }

    /// Returns the dependencies, in their order.
    pub(super) fn dependencies(&self) -> Vec<ChartDependency> {
        let items = self.0.get("dependencies").map_or(&[][..], YamlNode::items);
        items.iter().map(dependency).collect()
    }

    /// Returns the digest that `Chart.lock` must state for these dependencies: the SHA-256 of both lists as JSON
    /// (`helm:internal/resolver`, `HashReq`).
    pub(super) fn lock_digest(dependencies: &[ChartDependency], locked: &[ChartDependency]) -> String {
        let list = |it: &[ChartDependency]| {
            let items: Vec<&str> = it.iter().map(|it| it.json.as_str()).collect();
            format!("[{}]", items.join(","))
        };
        Digest::of(format!("[{},{}]", list(dependencies), list(locked)).as_bytes()).to_string()
    }
}

fn dependency(node: &YamlNode) -> ChartDependency {
    let text = |key: &str| node.get(key).and_then(scalar_text).unwrap_or_default();
    let mut fields = Vec::new();
    for key in DEPENDENCY_KEYS {
        let value = match key {
            "enabled" => {
                node.get(key).and_then(scalar_text).filter(|it| it == "true").map(|_| Value::Bool(true))
            }
            "tags" | "import-values" => {
                node.get(key).map(json_value).filter(|it| *it != Value::Array(Vec::new()))
            }
            _ => node.get(key).and_then(scalar_text).map(Value::String),
        };
        let value = value.filter(|it| !matches!(it, Value::Null) && *it != Value::String(String::new()));
        // Helm leaves out empty fields, except these two.
        let value = match (key, value) {
            ("name" | "repository", None) => Some(Value::String(String::new())),
            (_, value) => value,
        };
        fields.extend(value.map(|it| format!("\"{key}\":{}", go_json(&it))));
    }
    let json = format!("{{{}}}", fields.join(","));
    ChartDependency { name: text("name"), version: text("version"), repository: text("repository"), json }
}

/// Encodes a value as Go does, which escapes the characters that have a meaning in HTML (`encoding/json`, `Marshal`).
fn go_json(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Returns a node as JSON. Plain numbers and booleans keep their type.
fn json_value(node: &YamlNode) -> Value {
    match node {
        YamlNode::Sequence(items) => Value::Array(items.iter().map(json_value).collect()),
        YamlNode::Mapping(entries) => {
            let sorted: BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (key.clone(), json_value(value))).collect();
            Value::Object(Map::from_iter(sorted))
        }
        YamlNode::Scalar { text, is_plain: true } => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        YamlNode::Scalar { text, .. } => Value::String(text.clone()),
    }
}

/// Adds the values of a node by their paths.
fn add_values(path: &str, node: &YamlNode, values: &mut ChartValues) -> Result<(), String> {
    match node {
        YamlNode::Scalar { .. } => {
            if let Some(value) = scalar_value(node).filter(|it| *it != ChartValue::Text(String::new())) {
                values.insert(path.to_owned(), value);
            }
        }
        YamlNode::Sequence(items) => {
            for (at, item) in items.iter().enumerate() {
                add_values(&format!("{path}[{at}]"), item, values)?;
            }
        }
        YamlNode::Mapping(entries) => {
            let known: Option<&[&str]> = match path.split_once('[') {
                Some(("dependencies", rest)) if rest.ends_with(']') && !rest.contains("import-values") => {
                    Some(&DEPENDENCY_KEYS)
                }
                Some(("maintainers", _)) => Some(&MAINTAINER_KEYS),
                _ => None,
            };
            for (key, value) in entries {
                if path == "annotations" && is_boolean(key) {
                    return Err(format!("the annotation {key} is a key that Helm reads as a boolean"));
                }
                if known.is_none_or(|it| it.contains(&key.as_str())) {
                    add_values(&format!("{path}.{key}"), value, values)?;
                }
            }
        }
    }
    Ok(())
}

/// Returns a scalar as a text. `None` for null.
fn scalar_text(node: &YamlNode) -> Option<String> {
    match scalar_value(node)? {
        ChartValue::Text(text) => Some(text),
        ChartValue::Uncertain => node.text().map(str::to_owned),
    }
}

/// Returns a scalar as Helm writes it: a plain number in its shortest form, white space as single spaces, and without
/// characters that cannot be printed (`helm:pkg/chart/v2/metadata.go`, `sanitizeString`). `None` for null.
fn scalar_value(node: &YamlNode) -> Option<ChartValue> {
    let text = node.text()?;
    let printable: String = text.chars().filter(|it| it.is_whitespace() || !is_removed(*it)).collect();
    let spaced = || ChartValue::Text(printable.split_whitespace().collect::<Vec<_>>().join(" "));
    let YamlNode::Scalar { is_plain: true, .. } = node else { return Some(spaced()) };
    Some(match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "True" | "TRUE" => ChartValue::Text("true".to_owned()),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" | "False" | "FALSE" => {
            ChartValue::Text("false".to_owned())
        }
        _ => plain_number(text).unwrap_or_else(spaced),
    })
}

/// Returns whether Helm removes a character from a text: those of Go's `unicode.IsPrint` that are not printable.
fn is_removed(c: char) -> bool {
    is_unprintable(c) || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{ad}')
}

/// Returns a plain scalar that is a number: Helm's YAML library reads `1.10` as a number, and writes `1.1`. `None` if it is
/// a text.
fn plain_number(text: &str) -> Option<ChartValue> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return None;
    }
    let is_decimal =
        digits.bytes().all(|it| it.is_ascii_digit() || it == b'.') && digits.matches('.').count() <= 1;
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if is_decimal && !has_leading_zero && text.len() < 15 {
        return text.parse::<f64>().ok().map(|it| ChartValue::Text(it.to_string()));
    }
    let is_number = digits.replace('_', "").parse::<f64>().is_ok()
        || digits.starts_with("0x")
        || digits.starts_with("0o")
        || digits.starts_with("0b");
    is_number.then_some(ChartValue::Uncertain)
}

/// Returns whether a plain scalar is a boolean in YAML 1.1.
fn is_boolean(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "true", "false"].iter().any(|it| it.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ChartDocument {
        ChartDocument::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn digests_of_locks_are_those_of_helm() {
        // From a lock that Helm 4.2.3 wrote.
        let chart = parse(
            "dependencies:\n- {name: s1, version: '>=1.0.0 <2', repository: 'file://../s1', unknown: x}\n",
        );
        let [dependency] = &chart.dependencies()[..] else { panic!("one dependency") };
        assert_eq!(
            dependency.json,
            r#"{"name":"s1","version":"\u003e=1.0.0 \u003c2","repository":"file://../s1"}"#
        );
        let full = parse(
            "dependencies:\n- alias: a1\n  import-values: [data, {parent: p.x, child: c.y}]\n  enabled: true\n  \
             tags: [front, back]\n  condition: s1.enabled\n  repository: file://../s1\n  version: ^1.0.0\n  name: s1\n",
        );
        let expected = r#"{"name":"s1","version":"^1.0.0","repository":"file://../s1","condition":"s1.enabled","tags":["front","back"],"enabled":true,"import-values":["data",{"child":"c.y","parent":"p.x"}],"alias":"a1"}"#;
        assert_eq!(full.dependencies()[0].json, expected);
    }

    #[test]
    fn values_are_compared_as_helm_writes_them() {
        let tree = parse(
            "name: a\nversion: 1.0.0\nappVersion: 1.10\nunknown: x\ndescription: >\n  two\n  lines\nkeywords: []\n",
        );
        let packaged =
            parse("apiVersion: v1\nappVersion: \"1.1\"\ndescription: two lines\nname: a\nversion: 1.0.0\n");
        assert_eq!(tree.values(), packaged.values());
        let uncertain = parse("appVersion: 1234567e8\n").values().unwrap();
        assert_eq!(uncertain.get("appVersion"), Some(&ChartValue::Uncertain));
        assert!(parse("Name: a\n").values().is_err());
        let other = parse("name: a\nversion: 1.0.0\nappVersion: \"1.10\"\ndescription: two lines\n");
        assert_ne!(tree.values(), other.values());
    }
}
