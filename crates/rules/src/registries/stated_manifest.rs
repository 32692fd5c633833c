//! The manifest of a version as a registry states it, compared with the one in the package. A registry takes it from the
//! publisher's client, not from the package, and clients decide by it what they install and run ("manifest confusion").

use std::collections::BTreeMap;

use model::UntrustedText;
use model::evidence::lookup::Lookup;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::{PackageContents, PackageFormat, PackageTree};
use serde_json::{Map, Value};

use super::compared_package::METADATA;
use super::requirement::normalized_specifiers;
use super::{go, npm};
use crate::no_answer::no_answer;

/// The keys of `package.json` that decide what clients install and run.
const COMPARED_KEYS: [&str; 16] = [
    "acceptDependencies",
    "gypfile",
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

/// The keys that the abbreviated packument has, too.
const ABBREVIATED_KEYS: [&str; 9] = [
    "bin",
    "bundleDependencies",
    "cpu",
    "dependencies",
    "engines",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
];

/// Compares the manifest that a registry states for a version or a file with the one in the package (npm, Python), or in
/// the tag's tree (Go). `None` for packages of which registries state none.
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
    Some(match package.format {
        PackageFormat::Wheel | PackageFormat::Sdist => compare_metadata_file(subject, stated, package),
        PackageFormat::NpmTarball => {
            let content = package.file(npm::PACKAGED_MANIFEST).and_then(|it| it.content.as_deref());
            compare_packument(subject, stated, content.unwrap_or_default(), &COMPARED_KEYS)
        }
        PackageFormat::GoModule => {
            let content = tree.in_folder(go::MANIFEST).and_then(|it| it.content.as_deref());
            if content == Some(stated) {
                Finding::proven(METADATA, subject, "the proxy serves the go.mod of the tag's tree")
            } else {
                let evidence = "the proxy serves another go.mod than that of the tag's tree";
                Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence)
            }
        }
        _ => return None,
    })
}

/// Compares the manifest in the abbreviated packument, which some clients ask for, with the one in the package.
#[must_use]
pub fn compare_abbreviated_manifest(
    subject: &str,
    stated: &Lookup<Vec<u8>>,
    package: &PackageContents,
) -> Finding {
    match stated {
        Lookup::Found(stated) => {
            let content = package.file(npm::PACKAGED_MANIFEST).and_then(|it| it.content.as_deref());
            let mut finding =
                compare_packument(subject, stated, content.unwrap_or_default(), &ABBREVIATED_KEYS);
            finding.explanation.evidence.insert_str(0, "abbreviated form: ");
            finding
        }
        Lookup::Absent => {
            let evidence = "the abbreviated packument, which some clients read, lacks the version";
            Finding::unproven(METADATA, subject, Reason::StaleIndex, evidence)
        }
        Lookup::Unavailable(unavailable) => no_answer(METADATA, subject, unavailable),
    }
}

/// Compares the Python versions that an index states for a file with those in its metadata. Installers skip a file by the
/// former. `None` if the index states none, or if they are equal.
#[must_use]
pub fn compare_requires_python(subject: &str, stated: &str, package: &PackageContents) -> Option<Finding> {
    let metadata = metadata_file(package).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or_default();
    let mut head = metadata.lines().take_while(|it| !it.is_empty());
    let packaged = head.find_map(|it| it.strip_prefix("Requires-Python: "));
    if packaged.map(normalized_specifiers) == Some(normalized_specifiers(stated)) {
        return None;
    }
    let stated = UntrustedText::new(stated).escaped();
    let evidence = format!("the index states Python {stated}, the metadata of the file do not");
    Some(Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence))
}

/// Compares the metadata that an index serves beside a file with those in it (PEP 658). Installers resolve requirements by
/// the former.
fn compare_metadata_file(subject: &str, stated: &[u8], package: &PackageContents) -> Finding {
    if metadata_file(package) == Some(stated) {
        return Finding::proven(METADATA, subject, "the index serves the metadata that are in the file");
    }
    let evidence = "the index serves other metadata than those in the file";
    Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence)
}

/// Returns the metadata in a Python package: `METADATA` or `PKG-INFO` in its top folder.
fn metadata_file(package: &PackageContents) -> Option<&[u8]> {
    let is_metadata = |path: &str| {
        path.matches('/').count() == 1
            && (path.ends_with(".dist-info/METADATA") || path.ends_with("/PKG-INFO"))
    };
    package.files.iter().find(|it| is_metadata(&it.path))?.content.as_deref()
}

fn compare_packument(subject: &str, stated: &[u8], packaged: &[u8], keys: &[&str]) -> Finding {
    let refuted = |evidence: String| Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence);
    let parse = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    let (Some(stated), Some(packaged)) = (parse(stated), parse(packaged)) else {
        return refuted("the packument's version or package.json is not a JSON object".to_owned());
    };
    let (stated, packaged) = (normalized(&stated), normalized(&packaged));
    let differs = |key: &&&str| stated.get(**key) != packaged.get(**key);
    let differing: Vec<&str> = keys.iter().filter(differs).copied().collect();
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
            // Another type than an object stays as it is: clients read an array as an object, too.
            "dependencies" if matches!(value, Value::Null | Value::Object(_)) => {
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
        compare_packument("p", stated.as_bytes(), packaged.as_bytes(), &COMPARED_KEYS).verdict
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
        let none = r#"{"name": "w"}"#;
        assert_eq!(verdict(none, none), Verdict::Proven);
        for value in [r#"["https://x/evil.tgz"]"#, r#""evil""#, "1"] {
            let stated = format!(r#"{{"name": "w", "dependencies": {value}}}"#);
            assert_eq!(verdict(&stated, none), Verdict::Refuted, "{value}");
        }
    }
}
