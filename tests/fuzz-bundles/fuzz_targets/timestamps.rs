//! Any token in the place of a timestamp is refused: none but the authority's own holds.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, Checker, Roots};
use emulators::{Content, LogKind, Mint, Run, Signer, Sigstore};
use serde_json::{Value, json};

const TIMESTAMP_POINTER: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";

/// A bundle of a log without times, its timestamp, and the roots.
static SIGNED_BUNDLE: LazyLock<(Value, Vec<u8>, Roots)> = LazyLock::new(|| {
    let mut sigstore = Sigstore::new(1_780_000_000).unwrap();
    let run = Run::example();
    let statement = run.provenance(&[("artifact", &Digest::of(b"invented bytes\n").hex())]);
    let claims = run.claims();
    let mint = Mint::new(Signer::Certificate(&claims), Content::Statement(&statement));
    let bundle = sigstore.mint(&Mint { log: Some(LogKind::V2), stamped: Some(3), ..mint }).unwrap();
    let token = bundle.pointer(TIMESTAMP_POINTER).and_then(Value::as_str).unwrap();
    let token = BASE64_STANDARD.decode(token).unwrap();
    let root = sigstore.trusted_root().unwrap().to_string();
    (bundle, token, Roots::read(root.as_bytes(), "minted").unwrap())
});

/// The bytes stand for the token from `at` on: most inputs then are a token up to there.
fuzz_target!(|input: (u16, bool, &[u8])| {
    let (at, is_tail_kept, bytes) = input;
    let (bundle, genuine, roots) = &*SIGNED_BUNDLE;
    let at = usize::from(at) % genuine.len();
    let tail = genuine.get(at + bytes.len()..).filter(|_| is_tail_kept).unwrap_or_default();
    let token = [&genuine[..at], bytes, tail].concat();
    let mut bundle = bundle.clone();
    *bundle.pointer_mut(TIMESTAMP_POINTER).unwrap() = json!(BASE64_STANDARD.encode(&token));
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    let holds = Checker::new(roots, None).check(&bundle.to_string(), &artifact).is_ok();
    assert_eq!(holds, token == *genuine, "another token holds");
});
