//! Changes every leaf of a bundle in turn. No changed bundle is proven, as `docs/verifying.md` states.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run};
use crate::support::repository::{print_note, run, xtask};

/// Maximum number of bundles in one file, a limit of the suite.
const MAX_BUNDLES_PER_FILE: usize = 1000;
/// Maximum number of changed bytes in a leaf, spread evenly. A timestamp has parts that are not signed, so each of its
/// bytes is changed.
const MAX_SAMPLES_PER_LEAF: usize = 160;

/// Collects the JSON pointers of the leaves of a document.
fn leaf_pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaf_pointers(value, &format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                leaf_pointers(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push(pointer.to_owned()),
    }
}

/// Returns other values for a leaf, each with the offset of the change in the decoded base64 or in the text.
fn changed_values(pointer: &str, leaf: &Value) -> Vec<(usize, Value)> {
    let Some(text) = leaf.as_str() else { return vec![(0, Value::Null), (0, Value::from(7))] };
    let decoded = BASE64.decode(text).ok().filter(|it| it.len() > 8);
    let bytes = decoded.clone().unwrap_or_else(|| text.as_bytes().to_vec());
    let is_timestamp = pointer.ends_with("/signedTimestamp");
    let step = if is_timestamp { 1 } else { bytes.len().div_ceil(MAX_SAMPLES_PER_LEAF).max(1) };
    let bits = if is_timestamp { &[0, 1, 2, 3, 4, 5, 6, 7][..] } else { &[0, 6] };
    let mut all = Vec::new();
    for offset in (0..bytes.len()).step_by(step) {
        for bit in bits {
            let mut bytes = bytes.clone();
            bytes[offset] ^= 1 << bit;
            let changed = match &decoded {
                Some(_) => Some(BASE64.encode(bytes)),
                None => String::from_utf8(bytes).ok(),
            };
            all.extend(changed.map(|it| (offset, Value::from(it))));
        }
    }
    all.extend(["", "0", "999999999", "AAAA"].map(|it| (0, Value::from(it))));
    all.push((text.len(), Value::from(format!("{text} "))));
    all
}

/// Verifies all changed bundles. Returns the number of changes, and for each leaf the offsets of those that are still
/// proven.
fn proven_changes(
    attested_file: &AttestedFile,
    bundle: &Value,
    by_digest: bool,
) -> (usize, BTreeMap<String, Vec<usize>>) {
    let mut pointers = Vec::new();
    leaf_pointers(bundle, "", &mut pointers);
    let mut changed: Vec<(String, usize, String)> = Vec::new();
    for pointer in pointers {
        for (offset, other) in changed_values(&pointer, bundle.pointer(&pointer).unwrap()) {
            let mut copy = bundle.clone();
            *copy.pointer_mut(&pointer).unwrap() = other;
            if copy != *bundle {
                changed.push((pointer.clone(), offset, copy.to_string()));
            }
        }
    }
    let mut proven: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for batch in changed.chunks(MAX_BUNDLES_PER_FILE) {
        let lines: Vec<&str> = batch.iter().map(|it| it.2.as_str()).collect();
        std::fs::write(attested_file.path("all.jsonl"), lines.join("\n")).unwrap();
        let mut command = xtask(attested_file.folder.path());
        let subject = if by_digest {
            format!("sha256:{}", attested_file.sha256_hex)
        } else {
            attested_file.file_path()
        };
        command.args(["verify", &subject, "-R", "acme/widgets", "--format", "json", "--bundle", "all.jsonl"]);
        command.args(["--trusted-root", "root.json"]).args(RELEASE_POLICY_FLAGS);
        let report = run(&mut command).json();
        let verdicts = report["subjects"][0]["bundles"].as_array().unwrap();
        assert_eq!(verdicts.len(), batch.len(), "not every bundle was checked");
        for ((pointer, offset, _), report) in batch.iter().zip(verdicts) {
            if report["verdict"] == "proven" {
                proven.entry(pointer.clone()).or_default().push(*offset);
            }
        }
    }
    (changed.len(), proven)
}

#[test]
fn changed_bundle_leaves_are_never_proven() {
    let mut attested_file = AttestedFile::new();
    let (claims, statement) = (release_workflow_run().claims(), attested_file.statement());
    let kinds: [(&str, Option<RekorVersion>, Option<i64>); 3] = [
        ("Rekor v1", Some(RekorVersion::V1), None),
        ("Rekor v1 with a timestamp", Some(RekorVersion::V1), Some(1)),
        ("Rekor v2 with a timestamp", Some(RekorVersion::V2), Some(1)),
    ];
    for (name, log, stamped) in kinds {
        let bundle = attested_file.attest_with(&claims, &statement, |it| BundleSpec {
            rekor_version: log,
            timestamped_after_seconds: stamped,
            ..it
        });
        for by_digest in [false, true] {
            let (count, proven) = proven_changes(&attested_file, &bundle, by_digest);
            let how = if by_digest { "digest" } else { "path" };
            print_note(&format!("leaves: {name}, by {how}: {count} changed bundles; proven: {proven:?}"));
            assert!(count > 800, "only {count}");
            assert_eq!(proven, BTreeMap::new(), "{name} by {how}");
        }
    }
}
