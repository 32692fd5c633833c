//! Regular expressions for identities, as in cosign's `--certificate-identity-regexp`.

use regex::Regex;

/// Compiles a regular expression for an identity. It is not anchored, so it matches anywhere, as in cosign.
///
/// # Errors
/// The message of the regex library.
pub fn compile_identity_regexp(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}
