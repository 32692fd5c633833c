//! The manifest of a version as a registry states it, compared with the one in the package. A registry takes it from the
//! publisher's client, not from the package, and clients decide by it what they install and run ("manifest confusion").

use std::collections::BTreeMap;

use model::evidence::lookup::Lookup;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::{PackageContents, PackageFormat, PackageTree};
use serde_json::{Map, Value};

use super::compared_package::METADATA;
use super::{go, npm};
use crate::no_answer::no_answer;

/// The keys of `package.json` that decide what clients install and run.
const COMPARED_KEYS: [&str; 14] = [
    "bin",
    "bundleDependencies",
    "cpu",
    "dependencies",
    "engines",
    "exports",
    "libc",
    "main",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
    "scripts",
    "type",
];

/// Compares the manifest that a registry states for a version or a file with the one in the package (npm, wheels), or in
/// the tag's tree (Go). A source distribution has none.
#[must_use]
pub fn compare_stated_manifest(
    subject: &str,
    stated: &Lookup<Vec<u8>>,
    package: &PackageContents,
    tree: &PackageTree,
) -> Option<Finding> {
    let stated = match stated {
        Lookup::Found(stated) => stated.as_slice(),
        Lookup::Absent => {
            let evidence = "the registry states that it serves the metadata, and does not";
            return Some(Finding::unproven(METADATA, subject, Reason::StaleIndex, evidence));
        }
        Lookup::Unavailable(unavailable) => return Some(no_answer(METADATA, subject, unavailable)),
    };
    match package.format {
        PackageFormat::Sdist => None,
        PackageFormat::Wheel => Some(compare_metadata_file(subject, stated, package)),
        PackageFormat::NpmTarball => {
            let content = package.file(npm::PACKAGED_MANIFEST).and_then(|it| it.content.as_deref());
            Some(compare_packument(subject, stated, content.unwrap_or_default()))
        }
        PackageFormat::GoModule => {
            let content = tree.in_folder(go::MANIFEST).and_then(|it| it.content.as_deref());
            Some(if content == Some(stated) {
                Finding::proven(METADATA, subject, "the proxy serves the go.mod of the tag's tree")
            } else {
                let evidence = "the proxy serves another go.mod than that of the tag's tree";
                Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence)
            })
        }
    }
}

/// Compares the metadata that an index serves beside a wheel with those in it (PEP 658). Installers resolve requirements by
/// the former.
fn compare_metadata_file(subject: &str, stated: &[u8], package: &PackageContents) -> Finding {
    let is_metadata = |path: &str| path.ends_with(".dist-info/METADATA") && path.matches('/').count() == 1;
    let packaged = package.files.iter().find(|it| is_metadata(&it.path));
    if packaged.and_then(|it| it.content.as_deref()) == Some(stated) {
        return Finding::proven(METADATA, subject, "the index serves the METADATA of the wheel");
    }
    let evidence = "the index serves other metadata than those in the wheel";
    Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence)
}

fn compare_packument(subject: &str, stated: &[u8], packaged: &[u8]) -> Finding {
    let refuted = |evidence: String| Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence);
    let parse = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    let (Some(stated), Some(packaged)) = (parse(stated), parse(packaged)) else {
        return refuted("the packument's version or package.json is not a JSON object".to_owned());
    };
    let (stated, packaged) = (normalized(&stated), normalized(&packaged));
    let differs = |key: &&&str| stated.get(**key) != packaged.get(**key);
    let differing: Vec<&str> = COMPARED_KEYS.iter().filter(differs).copied().collect();
    if differing.is_empty() {
        return Finding::proven(METADATA, subject, "the packument states what package.json states");
    }
    refuted(format!("the packument and package.json differ in {}", differing.join(", ")))
}

/// Returns the compared values of a manifest after the changes that npm makes when it publishes
/// (`npm/normalize-package-data`, `npm/package-json`): optional dependencies are listed as dependencies too, `bin` is
/// always an object of paths without `./`, and empty values mean the same as none.
fn normalized(manifest: &Map<String, Value>) -> BTreeMap<&'static str, Value> {
    let mut values = BTreeMap::new();
    for key in COMPARED_KEYS {
        let mut value = manifest.get(key).cloned().unwrap_or(Value::Null);
        match key {
            "bundleDependencies" if value.is_null() => {
                value = manifest.get("bundledDependencies").cloned().unwrap_or(Value::Null);
            }
            "bin" => value = normalized_bin(manifest, value),
            "dependencies" => {
                let mut all = value.as_object().cloned().unwrap_or_default();
                let optional = manifest.get("optionalDependencies").and_then(Value::as_object);
                all.extend(optional.into_iter().flatten().map(|(name, range)| (name.clone(), range.clone())));
                value = Value::Object(all);
            }
            _ => {}
        }
        let is_empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            _ => false,
        };
        if !is_empty {
            values.insert(key, value);
        }
    }
    values
}

/// Returns `bin` as an object. A single path has the package's name without its scope.
fn normalized_bin(manifest: &Map<String, Value>, bin: Value) -> Value {
    let plain = |it: &str| Value::from(it.trim_start_matches("./"));
    match bin {
        Value::String(path) => {
            let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default();
            Value::Object(Map::from_iter([(name.to_owned(), plain(&path))]))
        }
        Value::Object(entries) => {
            let entry = |(name, path): (String, Value)| (name, path.as_str().map_or(Value::Null, plain));
            Value::Object(entries.into_iter().map(entry).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use model::evidence::verdict::Verdict;

    use super::*;

    fn verdict(stated: &str, packaged: &str) -> Verdict {
        compare_packument("p", stated.as_bytes(), packaged.as_bytes()).verdict
    }

    #[test]
    fn normalizations_of_npm_are_no_difference() {
        let packaged = r#"{"name": "@a/w", "bin": "./cli.js", "scripts": {},
            "optionalDependencies": {"o": "1"}, "repository": "github:a/w"}"#;
        let stated = r#"{"name": "@a/w", "bin": {"w": "cli.js"}, "dependencies": {"o": "1"},
            "optionalDependencies": {"o": "1"}, "repository": {"url": "git+https://x"}, "_id": "@a/w@1"}"#;
        assert_eq!(verdict(stated, packaged), Verdict::Proven);
    }

    #[test]
    fn every_compared_key_counts() {
        let packaged = r#"{"name": "w", "dependencies": {"a": "1"}}"#;
        assert_eq!(verdict(packaged, packaged), Verdict::Proven);
        for key in COMPARED_KEYS {
            let stated = format!(r#"{{"name": "w", "dependencies": {{"a": "1"}}, "{key}": {{"x": "y"}}}}"#);
            assert_eq!(verdict(&stated, packaged), Verdict::Refuted, "{key}");
        }
        assert_eq!(verdict("[]", packaged), Verdict::Refuted);
    }
}
