//! `Chart.yaml` and `Chart.lock` as Helm reads them (Helm documentation, "Charts"; `helm:pkg/chart/v2`), and the digest in
//! the lock.

use model::Digest;
use serde_json::Value;

use super::chart_values::{ChartOrigin, ChartValues, DEPENDENCY_KEYS, json_value, scalar_text};
use crate::yaml_tree::YamlNode;

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

impl ChartDocument {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        YamlNode::parse(text.trim_start_matches('\u{feff}')).map(Self)
    }

    /// Returns a value at the top level as a text. `None` if there is none.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(scalar_text)
    }

    /// Returns whether a key at the top level has a value that is not null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|it| !it.is_null())
    }

    /// Returns whether a lock has only the keys that Helm writes: it ignores the case of others.
    pub(super) fn is_plain_lock(&self) -> bool {
        let has_only = |node: &YamlNode, keys: &[&str]| {
            node.entries().iter().all(|(key, value)| keys.contains(&key.as_str()) && is_printable(value))
        };
        let items = self.0.get("dependencies").map_or(&[][..], YamlNode::items);
        items.iter().all(|it| has_only(it, &["name", "repository", "version"]))
            && self
                .0
                .entries()
                .iter()
                .all(|it| ["dependencies", "digest", "generated"].contains(&it.0.as_str()))
    }

    /// Returns all values that Helm writes. In the tree, keys that Helm does not know are left out.
    ///
    /// # Errors
    /// A message if a key is not written as Helm writes it, or if Helm's library reads it in another way.
    pub(super) fn values(&self, origin: ChartOrigin) -> Result<ChartValues, String> {
        ChartValues::of(&self.0, origin)
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

/// Returns whether Helm reads a text as it is, without removing characters.
fn is_printable(node: &YamlNode) -> bool {
    node.text().is_none_or(|text| scalar_text(node).as_deref() == Some(text))
}

fn dependency(node: &YamlNode) -> ChartDependency {
    let text = |key: &str| node.get(key).and_then(scalar_text).unwrap_or_default();
    let mut fields = Vec::new();
    for key in DEPENDENCY_KEYS {
        let value = match key {
            "enabled" => {
                node.get(key).and_then(scalar_text).filter(|it| it == "true").map(|_| Value::Bool(true))
            }
            "tags" => node.get(key).map(|it| texts(it.items())).filter(|it| *it != Value::Array(Vec::new())),
            "import-values" => node.get(key).map(json_value).filter(|it| *it != Value::Array(Vec::new())),
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
    let mut json = value.to_string();
    for (character, escaped) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
        json = json.replace(character, escaped);
    }
    json
}

/// Returns scalars as a list of texts.
fn texts(items: &[YamlNode]) -> Value {
    items.iter().map(|it| Value::String(scalar_text(it).unwrap_or_default())).collect()
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
        // `y` is a boolean for Helm's YAML library.
        let booleans = parse(
            "dependencies:\n- name: sub\n  version: 1.0.0\n  repository: file://../sub\n  import-values:\n  - child: \
             x\n    parent: y\n",
        );
        let locked = parse("dependencies:\n- name: sub\n  repository: file://../sub\n  version: 1.0.0\n");
        assert_eq!(
            ChartDocument::lock_digest(&booleans.dependencies(), &locked.dependencies()),
            "sha256:cff63a15e44b515ee77443eef196b4f025186b132d250270896a8323c8a25577"
        );
    }
}
