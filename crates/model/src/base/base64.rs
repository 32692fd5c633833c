//! Base64 (RFC 4648).

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};

/// Encodes bytes in the standard alphabet, with padding (RFC 4648, 4).
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Encodes bytes in the alphabet for URLs and file names, without padding (RFC 4648, 5).
#[must_use]
pub fn encode_url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes text in the standard alphabet, with padding. Returns `None` for any other text.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}
