//! Receives the download of a release's asset.

use model::base::id::Hasher;
use model::evidence::audit::{ArchiveError, ArchiveInspection};
use model::evidence::sums;
use transport::BodySink;

use crate::prove::regenerate::RegeneratedArchive;

/// Receives a download: computes its digest, keeps the beginning of `SHA256SUMS`, and verifies the archive.
#[derive(Default)]
pub(super) struct DownloadSink {
    pub(super) hasher: Hasher,
    pub(super) prefix: Vec<u8>,
    is_archive: bool,
    regenerated: Option<RegeneratedArchive>,
    verifier: Option<archive::ArchiveVerifier<'static>>,
    error: Option<ArchiveError>,
}

impl DownloadSink {
    /// Returns a sink. An archive is compared with `regenerated` while it arrives.
    pub(super) fn new(is_archive: bool, regenerated: Option<RegeneratedArchive>) -> Self {
        Self { is_archive, regenerated, ..Self::default() }
    }

    pub(super) fn finish(&mut self) -> Result<ArchiveInspection, ArchiveError> {
        match (self.error.take(), self.verifier.take()) {
            (Some(flaw), _) => Err(flaw),
            (None, Some(reader)) => reader.finish(),
            (None, None) => Err(ArchiveError::Malformed("no data was received".to_owned())),
        }
    }
}

impl BodySink for DownloadSink {
    fn restart(&mut self, _: &str) {
        (self.hasher, self.prefix, self.error) = Default::default();
        let expected = self.regenerated.as_ref().map(RegeneratedArchive::spawn);
        self.verifier = self.is_archive.then(|| archive::ArchiveVerifier::new(expected));
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        let room = (sums::MAX_SUMS_BYTES + 1).saturating_sub(self.prefix.len());
        if !self.is_archive {
            self.prefix.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        if let (Some(reader), None) = (&mut self.verifier, &self.error)
            && let Err(flaw) = reader.push(chunk)
        {
            self.error = Some(flaw);
        }
    }
}
