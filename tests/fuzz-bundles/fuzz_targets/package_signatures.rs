//! Whatever replaces a part of a registry's signature of a NuGet package: if it is accepted, it states what the genuine
//! one states. A CMS message has parts that no signature covers, so that other bytes may be accepted.
#![no_main]

use std::sync::LazyLock;

use emulators::RegistryServer;
use libfuzzer_sys::fuzz_target;
use provenance::read_package_signature;

static SIGNATURE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let registries = RegistryServer::start().unwrap();
    registries.package_signature(b"a package", &registries.package_signing()).unwrap()
});

// The input replaces the bytes from `offset` on. The rest is kept or cut off.
fuzz_target!(|input: (u16, bool, &[u8])| {
    let (offset, is_tail_kept, bytes) = input;
    let genuine = &*SIGNATURE;
    let offset = usize::from(offset) % genuine.len();
    let tail = genuine.get(offset + bytes.len()..).filter(|_| is_tail_kept).unwrap_or_default();
    let signature = [&genuine[..offset], bytes, tail].concat();
    if let Ok(stated) = read_package_signature(&signature) {
        let expected = read_package_signature(genuine).unwrap();
        assert_eq!(
            (stated.package_digest, stated.fingerprint, stated.service_index, stated.signed_at),
            (expected.package_digest, expected.fingerprint, expected.service_index, expected.signed_at)
        );
    }
});
