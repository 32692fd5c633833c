//! The trusted signers of all kinds, and the verification of a signature with them.

use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{ArmoredSignature, SignatureCheck, SignatureFormat};

use crate::error::{PolicyError, ReadFileError};
use crate::kind::KindPolicy;
use crate::kinds::KINDS;

/// The trusted signers of tags, by kind of signature.
#[derive(Debug, Clone, Default)]
pub struct SignaturePolicy {
    kinds: Vec<(SignatureFormat, Arc<dyn KindPolicy>)>,
}

impl SignaturePolicy {
    /// Reads the files that `[signers]` names.
    ///
    /// # Errors
    /// [`PolicyError`] if a file cannot be read, or if one of its lines is not valid.
    pub fn read(
        signers: &TagSignerPolicy,
        read: &dyn Fn(&str) -> Result<Vec<u8>, ReadFileError>,
    ) -> Result<Self, PolicyError> {
        let mut kinds = Vec::new();
        for kind in KINDS {
            kinds.extend(kind.read_policy(signers, read)?.map(|it| (kind.format(), it)));
        }
        Ok(Self { kinds })
    }

    /// Returns a policy of one kind. `None` for `kind` gives an empty policy.
    pub(crate) fn of_kind(format: SignatureFormat, kind: Option<Arc<dyn KindPolicy>>) -> Self {
        Self { kinds: kind.map(|it| (format, it)).into_iter().collect() }
    }

    /// Returns the policy of one kind. `None` if it is not configured.
    pub(crate) fn kind(&self, format: SignatureFormat) -> Option<&dyn KindPolicy> {
        self.kinds.iter().find(|it| it.0 == format).map(|it| it.1.as_ref())
    }

    /// Returns the same policy, set up in advance for a check that follows soon. It takes about as long as signing with
    /// gpg, so callers can do both in parallel.
    #[must_use]
    pub fn prepared(&self) -> Self {
        let prepare = |(format, kind): &(SignatureFormat, Arc<dyn KindPolicy>)| {
            (*format, kind.prepared().unwrap_or_else(|| Arc::clone(kind)))
        };
        Self { kinds: self.kinds.iter().map(prepare).collect() }
    }

    /// Returns the part of the policy that applies to signatures of this format.
    #[must_use]
    pub fn restrict_to(mut self, format: SignatureFormat) -> Self {
        self.kinds.retain(|it| it.0 == format);
        self
    }
}

/// Verifies a signature of `payload`, and returns the key that made it. Weak algorithms and short keys make the
/// signature invalid. The caller evaluates whether the key may sign.
#[must_use]
pub fn check(payload: &[u8], armored: &ArmoredSignature, policy: &SignaturePolicy) -> SignatureCheck {
    if let Some(kind) = policy.kind(armored.format) {
        kind.check(payload, &armored.text)
    } else {
        let evidence = format!("[signers] configures no {} signers", armored.format);
        SignatureCheck::Unknown(Explanation::new(Reason::NoPolicy, evidence))
    }
}
