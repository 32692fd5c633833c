//! The digests of a downloaded file, computed while it arrives.

use std::fmt;

use md5::Md5;
use sha1::Sha1;
use sha2::Digest as _;

use crate::Digest;
use crate::base::id::{Hasher, Sha512Hasher, decode_hex, encode_hex};

/// A digest of a file. MD5 and SHA-1 are no protection against an attacker: a Maven repository states them for every
/// file, and one that differs shows that the repository contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileDigest {
    /// MD5.
    Md5([u8; 16]),
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256(Digest),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl FileDigest {
    /// Parses the hexadecimal digits of a digest of this kind: `md5`, `sha1`, `sha256` or `sha512`. Returns `None` for
    /// another kind, another number of digits or upper-case digits.
    #[must_use]
    pub fn from_hex(kind: &str, hex: &str) -> Option<Self> {
        match kind {
            "md5" => decode_hex(hex).map(Self::Md5),
            "sha1" => decode_hex(hex).map(Self::Sha1),
            "sha256" => Digest::from_hex(hex).map(Self::Sha256),
            "sha512" => decode_hex(hex).map(Self::Sha512),
            _ => None,
        }
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(bytes) => write!(f, "md5:{}", encode_hex(bytes)),
            Self::Sha1(bytes) => write!(f, "sha1:{}", encode_hex(bytes)),
            Self::Sha256(digest) => digest.fmt(f),
            Self::Sha512(bytes) => write!(f, "sha512:{}", encode_hex(bytes)),
        }
    }
}

/// Computes the digests of a file.
#[derive(Debug, Clone, Default)]
pub struct FileHasher {
    sha256: Hasher,
    sha512: Sha512Hasher,
    /// MD5 and SHA-1, if they are wanted.
    weak: Option<(Md5, Sha1)>,
    size: u64,
}

impl FileHasher {
    /// Returns a hasher that computes MD5 and SHA-1, too.
    #[must_use]
    pub fn with_weak_digests() -> Self {
        Self { weak: Some(Default::default()), ..Self::default() }
    }

    /// Returns a hasher of the same digests for another file.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self { weak: self.weak.as_ref().map(|_| Default::default()), ..Self::default() }
    }

    /// Adds the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.sha512.update(bytes);
        if let Some((md5, sha1)) = &mut self.weak {
            md5.update(bytes);
            sha1.update(bytes);
        }
    }

    /// Returns the digests of all bytes added.
    #[must_use]
    pub fn finish(self) -> FileDigests {
        FileDigests {
            size: self.size,
            sha256: self.sha256.finish(),
            sha512: self.sha512.finish(),
            weak: self.weak.map(|(md5, sha1)| (md5.finalize().into(), sha1.finalize().into())),
        }
    }
}

/// The size and the digests of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigests {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256.
    pub sha256: Digest,
    /// The SHA-512.
    pub sha512: [u8; 64],
    /// The MD5 and the SHA-1. `None` if they were not computed.
    pub weak: Option<([u8; 16], [u8; 20])>,
}

impl FileDigests {
    /// Returns the digest of the same kind as `other`. `None` if it was not computed.
    #[must_use]
    pub fn like(&self, other: &FileDigest) -> Option<FileDigest> {
        match other {
            FileDigest::Md5(_) => self.weak.map(|it| FileDigest::Md5(it.0)),
            FileDigest::Sha1(_) => self.weak.map(|it| FileDigest::Sha1(it.1)),
            FileDigest::Sha256(_) => Some(FileDigest::Sha256(self.sha256)),
            FileDigest::Sha512(_) => Some(FileDigest::Sha512(self.sha512)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_digests_are_computed() {
        let mut hasher = FileHasher::with_weak_digests();
        hasher.update(b"a");
        hasher.update(b"bc");
        let digests = hasher.finish();
        // printf abc | md5sum, sha1sum, sha256sum, sha512sum
        for (kind, hex) in [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            let stated = FileDigest::from_hex(kind, hex).unwrap();
            assert_eq!(digests.like(&stated), Some(stated), "{kind}");
            assert_eq!(FileDigest::from_hex(kind, &hex[1..]), None);
        }
        assert_eq!(FileDigest::from_hex("crc32", "352441c2"), None);
        let without = FileHasher::default().restarted().finish();
        assert_eq!((without.weak, without.size), (None, 0));
    }
}
