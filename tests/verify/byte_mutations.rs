//! A proven bundle with every byte changed in turn: none is proven.

use serde_json::Value;

use crate::support::attested_file::{Minted, POLICY};
use crate::support::repository::{run, say};

/// How many bundles a file may have.
const BATCH: usize = 1000;

/// The name of the key, or the path of the value, that a byte stands in.
fn place(text: &str, at: usize) -> String {
    let at = (0..=at).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    let before = &text[..at];
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
fn no_changed_byte_of_a_bundle_is_proven() {
    let mut minted = Minted::new();
    let text = minted.bundle().to_string();
    let mut whole: Vec<(usize, u8, String)> = Vec::new();
    let mut broken: Vec<(usize, u8, Vec<u8>)> = Vec::new();
    for at in 0..text.len() {
        for bit in [0x01, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= bit;
            match String::from_utf8(bytes.clone()).ok().filter(|it| serde_json::from_str::<Value>(it).is_ok())
            {
                Some(text) => whole.push((at, bit, text)),
                None => broken.push((at, bit, bytes)),
            }
        }
    }
    let mut proven: Vec<String> = Vec::new();
    for batch in whole.chunks(BATCH) {
        let bundles: Vec<&str> = batch.iter().map(|it| it.2.as_str()).collect();
        let told = run(&mut minted.command(&bundles.join("\n"), "all.jsonl", &POLICY)).json();
        let verdicts = told["subjects"][0]["bundles"].as_array().unwrap();
        assert_eq!(verdicts.len(), batch.len(), "not every bundle was looked at");
        for ((at, bit, _), told) in batch.iter().zip(verdicts) {
            if told["verdict"] == "proven" {
                proven.push(format!("{} ^ {bit:#x}", place(&text, *at)));
            }
        }
    }
    // What is no JSON any more: a sample, each by itself.
    for (at, bit, bytes) in broken.iter().step_by(23) {
        std::fs::write(minted.path("broken.json"), bytes).unwrap();
        let ran = run(crate::support::repository::xtask(minted.folder.path())
            .args(["verify", &minted.file(), "-R", "acme/widgets", "--bundle"])
            .arg(minted.path("broken.json"))
            .args(["--trusted-root", minted.path("root.json").to_str().unwrap()])
            .args(POLICY));
        assert_eq!(ran.code, 10, "byte {at} ^ {bit:#x}: {}", ran.stdout);
    }
    proven.sort();
    proven.dedup();
    say(&format!(
        "mutations: {} of {} changed bundles are JSON; proven are those that differ in {proven:?}",
        whole.len(),
        whole.len() + broken.len()
    ));
    assert!(proven.is_empty(), "{proven:#?}");
}
