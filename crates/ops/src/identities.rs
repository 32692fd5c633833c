//! Who may have signed: keys, identities and repositories that the operator names.

use model::evidence::attestation::AcceptedRepository;
use model::{Catalog, RepoSlug};
use provenance::SelfManagedKey;

/// A public key that must have signed.
#[derive(Debug, Clone)]
pub struct PublicKey(pub(crate) SelfManagedKey);

impl PublicKey {
    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// The message of the parser if it is not one, or of an algorithm that is not supported.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        SelfManagedKey::from_pem(text).map(Self).map_err(|error| error.to_string())
    }
}

/// Checks a regular expression for identities.
///
/// # Errors
/// The message of the parser if it is not valid.
pub fn check_identity_regexp(pattern: &str) -> Result<(), String> {
    rules::compile_identity_regexp(pattern).map(drop)
}

/// The repositories whose workflows may have signed: every name of the configured repository, or only the named one.
#[must_use]
pub fn accepted_repositories(
    catalog: &Catalog,
    slug: &RepoSlug,
    only_named: bool,
) -> Vec<AcceptedRepository> {
    rules::accepted_repositories(catalog, slug, only_named)
}
