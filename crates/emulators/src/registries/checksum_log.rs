//! The log of the checksum database: a transparency log of module hashes (<https://go.dev/ref/mod#checksum-database>;
//! <https://c2sp.org/tlog-tiles>).

use p256::elliptic_curve::rand_core::OsRng;
use signed_note::StandardSigner;
use tlog_tiles::{Error as TreeError, Hash, HashReader};

use crate::error::{EmulatorError, failed_to};

/// The hashes of a version of a module, as the real `go` computes them.
#[derive(Debug, Clone)]
pub struct GoModuleHashes {
    /// The path of the module.
    pub module: String,
    /// The version, with its `v`.
    pub version: String,
    /// The hash of the module, `h1:` and base64.
    pub module_hash: String,
    /// The hash of its `go.mod`.
    pub manifest_hash: String,
}

/// The log, with its key.
pub(super) struct ChecksumLog {
    pub(super) signer: StandardSigner,
    pub(super) verifier_key: String,
    pub(super) stored: StoredHashes,
    pub(super) records: u64,
}

impl std::fmt::Debug for ChecksumLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChecksumLog").field("records", &self.records).finish_non_exhaustive()
    }
}

/// The hashes of the tree, in the order in which they are stored.
#[derive(Debug, Default)]
pub(super) struct StoredHashes(pub(super) Vec<Hash>);

impl HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError> {
        let find = |index: &u64| usize::try_from(*index).ok().and_then(|it| self.0.get(it)).copied();
        indexes.iter().map(|it| find(it).ok_or(TreeError::IndexesNotInTree)).collect()
    }
}

impl ChecksumLog {
    /// Creates an empty log with a random key.
    pub(super) fn new() -> Result<Self, EmulatorError> {
        let (secret_key, verifier_key) = signed_note::generate_key(&mut OsRng, "sum.rehearsal.invalid");
        let signer = StandardSigner::new(&secret_key).map_err(|error| tree_error(&error))?;
        Ok(Self { signer, verifier_key, stored: StoredHashes::default(), records: 0 })
    }
}

pub(super) fn tree_error(error: &dyn std::fmt::Display) -> EmulatorError {
    failed_to("extend the checksum database")(std::io::Error::other(error.to_string()))
}

/// Returns a module path as it is written in URLs: `!` and the lower-case letter for each upper-case one.
pub(super) fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
        out
    })
}
