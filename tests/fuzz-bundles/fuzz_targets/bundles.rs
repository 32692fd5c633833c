//! Any bytes are read as bundles without a panic. No generated bundle verifies against the built-in trusted roots.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, BundleVerifier, TrustedRootSet, TufSource};

/// The trusted roots embedded in the program.
static BUILT_IN_ROOTS: LazyLock<TrustedRootSet> = LazyLock::new(|| {
    let timeout = Duration::from_secs(5);
    let source = TufSource { custom: None, cache: None, online: false, timeout, clock: || 1_780_000_000 };
    provenance::fetch_trusted_roots(&source).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    let verifier = BundleVerifier::new(&BUILT_IN_ROOTS, None);
    provenance::read_bundles(bytes, &mut |it| {
        if let Ok(text) = it.text {
            assert!(verifier.verify(&text, &artifact).is_err(), "{text}");
        }
    })
    .unwrap();
    assert!(TrustedRootSet::read(bytes, "fuzz").is_err() || bytes.len() > 100);
});
