//! Every leaf of a bundle changed in turn: as `docs/verifying.md` says, none is proven.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{BundleSpec, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{Minted, POLICY, release_run};
use crate::support::repository::{run, say, xtask};

/// How many bundles a file may have.
const BATCH: usize = 1000;
/// How many bytes of a leaf are changed, spread over it; of a timestamp, which has parts that nothing signs, every one.
const SAMPLES: usize = 160;

/// The leaves of a document, by their JSON pointers.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(value, &format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push(pointer.to_owned()),
    }
}

/// Other values for a leaf, each with the place of the change: the byte of what is encoded in it, or of its text.
fn others(pointer: &str, leaf: &Value) -> Vec<(usize, Value)> {
    let Some(text) = leaf.as_str() else { return vec![(0, Value::Null), (0, Value::from(7))] };
    let decoded = BASE64.decode(text).ok().filter(|it| it.len() > 8);
    let bytes = decoded.clone().unwrap_or_else(|| text.as_bytes().to_vec());
    let is_timestamp = pointer.ends_with("/signedTimestamp");
    let step = if is_timestamp { 1 } else { bytes.len().div_ceil(SAMPLES).max(1) };
    let bits = if is_timestamp { &[0, 1, 2, 3, 4, 5, 6, 7][..] } else { &[0, 6] };
    let mut all = Vec::new();
    for at in (0..bytes.len()).step_by(step) {
        for bit in bits {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            let changed = match &decoded {
                Some(_) => Some(BASE64.encode(bytes)),
                None => String::from_utf8(bytes).ok(),
            };
            all.extend(changed.map(|it| (at, Value::from(it))));
        }
    }
    all.extend(["", "0", "999999999", "AAAA"].map(|it| (0, Value::from(it))));
    all.push((text.len(), Value::from(format!("{text} "))));
    all
}

/// What is proven although it was changed: how many changes of which leaf, and of which bytes of it.
fn accepted(minted: &Minted, bundle: &Value, by_digest: bool) -> (usize, BTreeMap<String, Vec<usize>>) {
    let mut pointers = Vec::new();
    leaves(bundle, "", &mut pointers);
    let mut changed: Vec<(String, usize, String)> = Vec::new();
    for pointer in pointers {
        for (at, other) in others(&pointer, bundle.pointer(&pointer).unwrap()) {
            let mut copy = bundle.clone();
            *copy.pointer_mut(&pointer).unwrap() = other;
            if copy != *bundle {
                changed.push((pointer.clone(), at, copy.to_string()));
            }
        }
    }
    let mut proven: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for batch in changed.chunks(BATCH) {
        let lines: Vec<&str> = batch.iter().map(|it| it.2.as_str()).collect();
        std::fs::write(minted.path("all.jsonl"), lines.join("\n")).unwrap();
        let mut command = xtask(minted.folder.path());
        let subject = if by_digest { format!("sha256:{}", minted.hex) } else { minted.file() };
        command.args(["verify", &subject, "-R", "acme/widgets", "--format", "json", "--bundle", "all.jsonl"]);
        command.args(["--trusted-root", "root.json"]).args(POLICY);
        let told = run(&mut command).json();
        let verdicts = told["subjects"][0]["bundles"].as_array().unwrap();
        assert_eq!(verdicts.len(), batch.len(), "not every bundle was looked at");
        for ((pointer, at, _), told) in batch.iter().zip(verdicts) {
            if told["verdict"] == "proven" {
                proven.entry(pointer.clone()).or_default().push(*at);
            }
        }
    }
    (changed.len(), proven)
}

#[test]
fn no_changed_leaf_is_proven() {
    let mut minted = Minted::new();
    let (claims, statement) = (release_run().claims(), minted.statement());
    let kinds: [(&str, Option<RekorVersion>, Option<i64>); 3] = [
        ("Rekor v1", Some(RekorVersion::V1), None),
        ("Rekor v1 with a timestamp", Some(RekorVersion::V1), Some(1)),
        ("Rekor v2 with a timestamp", Some(RekorVersion::V2), Some(1)),
    ];
    for (name, log, stamped) in kinds {
        let bundle = minted.mint(&claims, &statement, |it| BundleSpec {
            rekor_version: log,
            timestamped_after_seconds: stamped,
            ..it
        });
        for by_digest in [false, true] {
            let (count, proven) = accepted(&minted, &bundle, by_digest);
            let how = if by_digest { "digest" } else { "path" };
            say(&format!("leaves: {name}, by {how}: {count} changed bundles; proven: {proven:?}"));
            assert!(count > 800, "only {count}");
            assert_eq!(proven, BTreeMap::new(), "{name} by {how}");
        }
    }
}
