//! The signers that the operator accepts: public keys, identities and repositories.

use model::evidence::attestation::AcceptedRepository;
use model::{Catalog, RepoSlug};
use provenance::SelfManagedKey;

/// A public key that the signature must be made with (`--key`).
#[derive(Debug, Clone)]
pub struct PublicKey(pub(crate) SelfManagedKey);

impl PublicKey {
    /// Parses a public key in PEM.
    ///
    /// # Errors
    /// The message of the parser if the text is not a public key, or if its algorithm is not supported.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        SelfManagedKey::from_pem(text).map(Self).map_err(|error| error.to_string())
    }
}

/// Checks that a regular expression for identities is valid.
///
/// # Errors
/// The message of the parser if the pattern is not valid.
pub fn check_identity_regexp(pattern: &str) -> Result<(), String> {
    rules::compile_identity_regexp(pattern).map(drop)
}

/// Returns the repositories whose workflows may sign: every configured name of the repository, current and former, or
/// only the given one if `only_named` is set.
#[must_use]
pub fn accepted_repositories(
    catalog: &Catalog,
    slug: &RepoSlug,
    only_named: bool,
) -> Vec<AcceptedRepository> {
    rules::accepted_repositories(catalog, slug, only_named)
}
