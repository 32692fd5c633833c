//! Detached OpenPGP signatures of files, as Maven repositories serve them.

use std::fs::File;

use model::evidence::package::OpenPgpCheck;
use model::evidence::reason::{Explanation, Reason};

use super::engine::GpgEngine;
use super::gnupg_home::GnupgHome;
use super::policy::PinnedKeys;
use super::signature_packet::check_detached_signature;

/// The beginning of a text with its signature (RFC 9580, 7.1).
const SIGNED_TEXT_START: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// Verifies signatures of files with a set of public keys, in a temporary `GNUPGHOME`.
#[derive(Debug)]
pub struct FileSignatureVerifier {
    keys: PinnedKeys,
    home: GnupgHome,
}

impl FileSignatureVerifier {
    /// Imports the public keys, in the form of `gpg --export`. The keys with these fingerprints are trusted.
    ///
    /// # Errors
    /// A message if gpg cannot import them.
    pub fn new(keyring: Vec<u8>, fingerprints: &[String]) -> Result<Self, String> {
        let keys = PinnedKeys::new(GpgEngine::OpenPgp, keyring, fingerprints);
        let home = keys.new_home().map_err(|error| error.to_string())?;
        Ok(Self { keys, home })
    }

    /// Returns whether the key with this fingerprint was imported.
    #[must_use]
    pub fn has_key(&self, fingerprint: &str) -> bool {
        self.keys.has_key(&self.home, fingerprint)
    }

    /// Verifies a detached, armored signature of a file. Exactly one signature is accepted, in exactly one armor: a
    /// signature with the text that it signs could be of another text than the file.
    #[must_use]
    pub fn check(&self, signature: &[u8], file: &File) -> OpenPgpCheck {
        if let Err(evidence) = check_detached_signature(signature) {
            return OpenPgpCheck::Bad(Explanation::new(Reason::BadSignature, evidence));
        }
        self.keys.check_file(&self.home, signature, file).unwrap_or_else(|error| {
            let evidence = format!("gpg cannot verify the signature: {error}");
            OpenPgpCheck::Unknown(Explanation::new(Reason::GpgFailed, evidence))
        })
    }

    /// Verifies a text with its signature (RFC 9580, 7). Returns the text that is signed, too, if the signature is valid.
    /// Nothing may precede the signed text: a reader could take it as signed.
    #[must_use]
    pub fn check_text(&self, signed: &[u8]) -> (OpenPgpCheck, Option<Vec<u8>>) {
        if !signed.starts_with(SIGNED_TEXT_START) {
            let evidence = "it does not begin with the line -----BEGIN PGP SIGNED MESSAGE-----";
            return (OpenPgpCheck::Bad(Explanation::new(Reason::BadSignature, evidence)), None);
        }
        self.keys.check_text(&self.home, signed).unwrap_or_else(|error| {
            let evidence = format!("gpg cannot verify the signature: {error}");
            (OpenPgpCheck::Unknown(Explanation::new(Reason::GpgFailed, evidence)), None)
        })
    }
}
