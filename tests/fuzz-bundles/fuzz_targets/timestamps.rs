//! Any other token in place of a bundle's timestamp is refused: only the token of the timestamp authority is valid.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use emulators::{ActionsRun, BundleContent, BundleSigner, BundleSpec, RekorVersion, Sigstore};
use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, BundleVerifier, TrustedRootSet};
use serde_json::{Value, json};

const TIMESTAMP_POINTER: &str =
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";

/// A bundle, its timestamp token, and the trusted roots. Its log entry is of Rekor v2 and has no time, so the verdict
/// depends on the timestamp.
static SIGNED_BUNDLE: LazyLock<(Value, Vec<u8>, TrustedRootSet)> = LazyLock::new(|| {
    let mut sigstore = Sigstore::new(1_780_000_000).unwrap();
    let run = ActionsRun::example();
    let statement = run.provenance(&[("artifact", &Digest::of(b"invented bytes\n").hex())]);
    let claims = run.claims();
    let spec = BundleSpec::new(BundleSigner::Certificate(&claims), BundleContent::Statement(&statement));
    let bundle = sigstore
        .create_bundle(&BundleSpec {
            rekor_version: Some(RekorVersion::V2),
            timestamped_after_seconds: Some(3),
            ..spec
        })
        .unwrap();
    let token = bundle.pointer(TIMESTAMP_POINTER).and_then(Value::as_str).unwrap();
    let token = BASE64_STANDARD.decode(token).unwrap();
    let root = sigstore.trusted_root().unwrap().to_string();
    (bundle, token, TrustedRootSet::read(root.as_bytes(), "emulated").unwrap())
});

// The input replaces the token's bytes from `offset` on, so that most tokens begin as a valid one. The rest of the
// token is kept or cut off.
fuzz_target!(|input: (u16, bool, &[u8])| {
    let (offset, is_tail_kept, bytes) = input;
    let (bundle, genuine, roots) = &*SIGNED_BUNDLE;
    let offset = usize::from(offset) % genuine.len();
    let tail = genuine.get(offset + bytes.len()..).filter(|_| is_tail_kept).unwrap_or_default();
    let token = [&genuine[..offset], bytes, tail].concat();
    let mut bundle = bundle.clone();
    *bundle.pointer_mut(TIMESTAMP_POINTER).unwrap() = json!(BASE64_STANDARD.encode(&token));
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    let is_valid = BundleVerifier::new(roots, None).verify(&bundle.to_string(), &artifact).is_ok();
    assert_eq!(is_valid, token == *genuine, "a token is valid only if it is the genuine one");
});
