//! Any cache of trust metadata is refused unless its keys signed it.
#![no_main]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use provenance::{MetadataCache, Refresh, RefreshError};

/// The same bytes, whatever file is asked for: as they are, or as a part of metadata that is well formed.
#[derive(Debug)]
struct FuzzedCache {
    bytes: Vec<u8>,
    is_wrapped: bool,
}

impl MetadataCache for Fuzzed {
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
        panic!("what does not verify is not kept")
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    let cache = Fuzzed { is_wrapped: input.0, bytes: input.1.to_vec() };
    let from = Refresh {
        custom: None,
        cache: Some(Arc::new(cache)),
        online: false,
        timeout: Duration::from_secs(5),
        clock: || 1_780_000_000,
    };
    assert!(matches!(provenance::trusted_roots(&from), Err(RefreshError::Cache { .. })));
});
