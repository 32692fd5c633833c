//! Readers of gzip and tar accept or refuse any bytes without a panic. The result is the same in chunks of any length.
#![no_main]

use archive::ArchiveVerifier;
use archive::gunzip::Gunzip;
use archive::tar_reader::TarReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = (usize::from(input.0) + 1, input.1);
    let read = |step: usize| {
        let mut tar = TarReader::default();
        for chunk in bytes.chunks(step) {
            tar.push(chunk).ok()?;
        }
        tar.finish().ok()
    };
    assert_eq!(read(step), read(bytes.len().max(1)), "in chunks of {step} bytes");
    let inflated = |step: usize| {
        let (mut gunzip, mut out) = (Gunzip::new(1 << 20), Vec::new());
        for chunk in bytes.chunks(step) {
            let sink = &mut |it: &[u8]| {
                out.extend_from_slice(it);
                Ok(())
            };
            gunzip.push(chunk, sink).ok()?;
        }
        gunzip.finish().ok().map(|()| out)
    };
    assert_eq!(inflated(step), inflated(bytes.len().max(1)), "in chunks of {step} bytes");
    // Without a clone, `ArchiveVerifier` has no tar stream to compare with.
    let mut verifier = ArchiveVerifier::new(None);
    if bytes.chunks(step).all(|it| verifier.push(it).is_ok()) {
        let _ = verifier.finish();
    }
});
