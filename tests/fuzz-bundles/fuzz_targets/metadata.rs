//! Cached TUF metadata is refused unless the keys of the root signed it.
#![no_main]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use provenance::{MetadataCache, RefreshError, TufSource};

/// A cache that returns the same bytes for every file: as they are, or as the `signed` part of well-formed metadata.
/// It has no root metadata, so the embedded root is used.
#[derive(Debug)]
struct FuzzedCache {
    bytes: Vec<u8>,
    is_wrapped: bool,
}

impl MetadataCache for FuzzedCache {
    fn load(&self, _: &str, name: &str) -> io::Result<Option<Vec<u8>>> {
        if name.contains("root") {
            return Ok(None);
        }
        let body = String::from_utf8_lossy(&self.bytes);
        Ok(Some(match self.is_wrapped {
            true => format!("{{\"signatures\":[],\"signed\":{body}}}").into_bytes(),
            false => self.bytes.clone(),
        }))
    }

    fn store(&self, _: &str, _: &str, _: &[u8]) -> io::Result<()> {
        panic!("metadata that does not verify was stored")
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    let cache = FuzzedCache { is_wrapped: input.0, bytes: input.1.to_vec() };
    let source = TufSource {
        custom: None,
        cache: Some(Arc::new(cache)),
        online: false,
        timeout: Duration::from_secs(5),
        clock: || 1_780_000_000,
    };
    assert!(matches!(provenance::fetch_trusted_roots(&source), Err(RefreshError::InvalidCache { .. })));
});
