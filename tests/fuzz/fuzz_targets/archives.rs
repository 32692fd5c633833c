//! Any bytes are read as gzip and as tar, or refused, in pieces of any length, and nothing panics. What gzip is refused as a whole is
//! refused in pieces.
#![no_main]

use archive::Held;
use archive::gunzip::Gunzip;
use archive::strict::TarReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = (usize::from(input.0) + 1, input.1);
    let read = |step: usize| {
        let mut tar = TarReader::default();
        for piece in bytes.chunks(step) {
            tar.push(piece).ok()?;
        }
        tar.finish().ok()
    };
    assert_eq!(read(step), read(bytes.len().max(1)), "in steps of {step}");
    let inflated = |step: usize| {
        let (mut gunzip, mut out) = (Gunzip::new(1 << 20), Vec::new());
        for piece in bytes.chunks(step) {
            let take = &mut |it: &[u8]| {
                out.extend_from_slice(it);
                Ok(())
            };
            gunzip.push(piece, take).ok()?;
        }
        gunzip.finish().ok().map(|()| out)
    };
    assert_eq!(inflated(step), inflated(bytes.len().max(1)), "in steps of {step}");
    let mut held = Held::new(None);
    if bytes.chunks(step).all(|it| held.push(it).is_ok()) {
        let _ = held.finish();
    }
});
