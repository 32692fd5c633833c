//! Keys of paths, for sets of paths that an untrusted archive fills.

use model::Digest;

/// The first half of the SHA-256 of a path. It needs less memory than the path.
pub(crate) type PathKey = [u8; 16];

/// Returns the key of a path.
pub(crate) fn path_key(path: &[u8]) -> PathKey {
    let mut key = PathKey::default();
    key.copy_from_slice(&Digest::of(path).bytes()[..16]);
    key
}
