//! Any statement that is properly signed is read or refused.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, Checker, Roots};
use emulators::{Content, Mint, Run, Signer, Sigstore};

thread_local! {
    static SIGSTORE: RefCell<(Sigstore, Roots)> = RefCell::new({
        let sigstore = Sigstore::new(1_780_000_000).unwrap();
        let root = sigstore.trusted_root().unwrap().to_string();
        (sigstore, Roots::read(root.as_bytes(), "minted").unwrap())
    });
}

fuzz_target!(|payload: &[u8]| {
    let run = Run::example();
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    SIGSTORE.with_borrow_mut(|(sigstore, roots)| {
        let claims = run.claims();
        let content = Content::Payload("application/vnd.in-toto+json", payload);
        let bundle = sigstore.mint(&Mint::new(Signer::Certificate(&claims), content)).unwrap();
        // The digest of the artifact is the one thing that no input has by chance: a seed has it.
        if Checker::new(roots, None).check(&bundle.to_string(), &artifact).is_ok() {
            assert!(String::from_utf8_lossy(payload).contains(&artifact.sha256.hex()));
        }
    });
});
