//! Access to gpg and gpgsm through gpgme: signing keys, and policies of pinned keys.

pub(crate) mod engine;
pub(crate) mod file_signature;
mod gnupg_home;
pub(crate) mod key;
pub(crate) mod policy;
mod signature_packet;
