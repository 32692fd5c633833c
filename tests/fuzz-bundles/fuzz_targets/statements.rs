//! Any validly signed statement is parsed or refused, and is accepted only for an artifact whose digest it contains.
#![no_main]

use std::cell::RefCell;

use emulators::{ActionsRun, BundleContent, BundleSigner, BundleSpec, Sigstore};
use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, BundleVerifier, TrustedRootSet};

thread_local! {
    static SIGSTORE: RefCell<(Sigstore, TrustedRootSet)> = RefCell::new({
        let sigstore = Sigstore::new(1_780_000_000).unwrap();
        let root = sigstore.trusted_root().unwrap().to_string();
        (sigstore, TrustedRootSet::read(root.as_bytes(), "emulated").unwrap())
    });
}

fuzz_target!(|payload: &[u8]| {
    let run = ActionsRun::example();
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    SIGSTORE.with_borrow_mut(|(sigstore, roots)| {
        let claims = run.claims();
        let content = BundleContent::Payload("application/vnd.in-toto+json", payload);
        let bundle =
            sigstore.create_bundle(&BundleSpec::new(BundleSigner::Certificate(&claims), content)).unwrap();
        // No input contains the artifact's digest by chance. Only a seed can contain it.
        if BundleVerifier::new(roots, None).verify(&bundle.to_string(), &artifact).is_ok() {
            assert!(String::from_utf8_lossy(payload).contains(&artifact.sha256.hex()));
        }
    });
});
