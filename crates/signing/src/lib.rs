//! Makes and checks detached signatures: OpenPGP, X.509, and SSH in the namespace `git`.
//!
//! SSH signatures are made by `ssh-keygen -Y sign`, as git does, because agents, hardware keys and passphrases are its
//! trade, and checked in this process; the others are made by gpg and gpgsm with the operator's keys, and checked
//! by them with the policy's keys alone. This crate will not decide whether a signer counts, read a tag object, or trust a file
//! of the operator's: it says whose signature it is and what the policy it was handed says of that key.
//!
//! ```
//! let mut config = signing::GitSigningConfig::default();
//! assert_eq!(config.program_keys(), ["gpg.openpgp.program", "gpg.program"], "git's default format is OpenPGP");
//! config.values.insert("gpg.format".to_owned(), "wax".to_owned());
//! assert!(config.select_key(None, "Ada <ada@example.com>").is_err(), "git knows no such format");
//! ```

mod error;
mod gpg;
mod kind;
mod kinds;
mod policy;
mod signing_key;
mod stdin;

pub use error::{PolicyError, ReadFileError, SignError};
pub use kind::{ExportedKey, GitSigningConfig};
pub use policy::{SignaturePolicy, check};
pub use signing_key::SigningKey;
