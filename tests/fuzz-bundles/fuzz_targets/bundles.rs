//! Any text is a bundle that holds, or is refused, and nothing panics. Nothing is proven against roots that know no such signer.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use model::Digest;
use provenance::{Artifact, Checker, Refresh, Roots};

/// The roots that are built in.
static BUILT_IN_ROOTS: LazyLock<Roots> = LazyLock::new(|| {
    let timeout = Duration::from_secs(5);
    let from = Refresh { custom: None, cache: None, online: false, timeout, clock: || 1_780_000_000 };
    provenance::trusted_roots(&from).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact { sha256: Digest::of(b"invented bytes\n"), open: None };
    let checker = Checker::new(&BUILT_IN_ROOTS, None);
    provenance::split(bytes, &mut |it| {
        if let Ok(text) = it.text {
            assert!(checker.check(&text, &artifact).is_err(), "{text}");
        }
    })
    .unwrap();
    assert!(Roots::read(bytes, "fuzz").is_err() || bytes.len() > 100);
});
