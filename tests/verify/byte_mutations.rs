//! Changes every byte of a proven bundle in turn. No changed bundle is proven.

use serde_json::Value;

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS};
use crate::support::repository::{print_note, run};

/// Maximum number of bundles in one file, a limit of the suite.
const MAX_BUNDLES_PER_FILE: usize = 1000;

/// Returns the JSON key, or the key of the value, that contains the byte at `offset`.
fn json_location(text: &str, offset: usize) -> String {
    let offset = (0..=offset).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    let before = &text[..offset];
    let opening = before.rfind('"').map_or(0, |it| it + 1);
    let inside = before.matches('"').count() % 2 == 1;
    if !inside {
        return "structure".to_owned();
    }
    let end = text[opening..].find('"').map_or(text.len(), |it| opening + it);
    if text[end + 1..].starts_with(':') {
        return format!("the key {}", &text[opening..end]);
    }
    let key_end = before[..opening - 1].rfind('"').unwrap_or(0);
    let key_start = before[..key_end].rfind('"').map_or(0, |it| it + 1);
    format!("the value of {}", &text[key_start..key_end])
}

#[test]
fn changed_bundle_bytes_are_never_proven() {
    let mut attested_file = AttestedFile::new();
    let text = attested_file.bundle().to_string();
    let mut valid_json: Vec<(usize, u8, String)> = Vec::new();
    let mut invalid_json: Vec<(usize, u8, Vec<u8>)> = Vec::new();
    for offset in 0..text.len() {
        for bit in [0x01, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[offset] ^= bit;
            match String::from_utf8(bytes.clone()).ok().filter(|it| serde_json::from_str::<Value>(it).is_ok())
            {
                Some(text) => valid_json.push((offset, bit, text)),
                None => invalid_json.push((offset, bit, bytes)),
            }
        }
    }
    let mut proven: Vec<String> = Vec::new();
    for batch in valid_json.chunks(MAX_BUNDLES_PER_FILE) {
        let bundles: Vec<&str> = batch.iter().map(|it| it.2.as_str()).collect();
        let report =
            run(&mut attested_file.command(&bundles.join("\n"), "all.jsonl", &RELEASE_POLICY_FLAGS)).json();
        let verdicts = report["subjects"][0]["bundles"].as_array().unwrap();
        assert_eq!(verdicts.len(), batch.len(), "not every bundle was checked");
        for ((offset, bit, _), report) in batch.iter().zip(verdicts) {
            if report["verdict"] == "proven" {
                proven.push(format!("{} ^ {bit:#x}", json_location(&text, *offset)));
            }
        }
    }
    // Changes that make the JSON invalid: every 23rd, each in a file of its own.
    for (offset, bit, bytes) in invalid_json.iter().step_by(23) {
        std::fs::write(attested_file.path("broken.json"), bytes).unwrap();
        let output = run(crate::support::repository::xtask(attested_file.folder.path())
            .args(["verify", &attested_file.file_path(), "-R", "acme/widgets", "--bundle"])
            .arg(attested_file.path("broken.json"))
            .args(["--trusted-root", attested_file.path("root.json").to_str().unwrap()])
            .args(RELEASE_POLICY_FLAGS));
        assert_eq!(output.code, 10, "byte {offset} ^ {bit:#x}: {}", output.stdout);
    }
    proven.sort();
    proven.dedup();
    print_note(&format!(
        "mutations: {} of {} changed bundles are JSON; proven although changed: {proven:?}",
        valid_json.len(),
        valid_json.len() + invalid_json.len()
    ));
    assert!(proven.is_empty(), "{proven:#?}");
}
