//! Makes and verifies detached signatures: OpenPGP, X.509, and SSH in the namespace `git`.
//!
//! `ssh-keygen -Y sign` makes SSH signatures, as in git, because it already supports agents, hardware keys and
//! passphrases. They are verified in this process. gpg and gpgsm make the other signatures with the operator's keys,
//! and verify them with the keys of the policy only.
//!
//! This crate does not decide whether a signer is trusted, does not parse tag objects, and trusts no file of the
//! operator. It reports which key made a signature, and the entries for that key in the given policy.
//!
//! ```
//! let mut config = signing::GitSigningConfig::default();
//! assert_eq!(config.program_keys(), ["gpg.openpgp.program", "gpg.program"], "git's default format is OpenPGP");
//! config.values.insert("gpg.format".to_owned(), "wax".to_owned());
//! assert!(config.select_key(None, "Ada <ada@example.com>").is_err(), "git has no such format");
//! ```

mod error;
mod gpg;
mod kind;
mod kinds;
mod p256;
mod policy;
mod signing_key;
mod stdin;

pub use error::{PolicyError, ReadFileError, SignError};
pub use gpg::file_signature::FileSignatureVerifier;
pub use kind::{ExportedKey, GitSigningConfig};
pub use p256::is_p256_signature;
pub use policy::{SignaturePolicy, check};
pub use signing_key::SigningKey;
