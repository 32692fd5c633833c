//! The trusted signers of all kinds, and checking a signature against them.

use std::sync::Arc;

use model::catalog::TagSignerPolicy;
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{ArmoredSignature, SignatureCheck, SignatureFormat};

use crate::error::{PolicyError, ReadFileError};
use crate::kind::KindPolicy;
use crate::kinds::KINDS;

/// Who may sign tags, by kind of signature.
#[derive(Debug, Clone, Default)]
pub struct SignaturePolicy {
    kinds: Vec<(SignatureFormat, Arc<dyn KindPolicy>)>,
}

impl SignaturePolicy {
    /// Reads the files that `[signers]` names.
    ///
    /// # Errors
    /// [`PolicyError`] if a file cannot be read, or a line of it is not valid.
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

    pub(crate) fn of_kind(format: SignatureFormat, kind: Option<Arc<dyn KindPolicy>>) -> Self {
        Self { kinds: kind.map(|it| (format, it)).into_iter().collect() }
    }

    /// The policy of one kind. Returns `None` if it is not configured.
    pub(crate) fn kind(&self, format: SignatureFormat) -> Option<&dyn KindPolicy> {
        self.kinds.iter().find(|it| it.0 == format).map(|it| it.1.as_ref())
    }

    /// The same policy, set up in advance for a check that follows soon. Takes about as long as gpg takes to sign, so that
    /// both can be done at once.
    #[must_use]
    pub fn prepared(&self) -> Self {
        let prepare = |(format, kind): &(SignatureFormat, Arc<dyn KindPolicy>)| {
            (*format, kind.prepared().unwrap_or_else(|| Arc::clone(kind)))
        };
        Self { kinds: self.kinds.iter().map(prepare).collect() }
    }

    /// The part of the policy that a signature of this format is checked with.
    #[must_use]
    pub fn restrict_to(mut self, format: SignatureFormat) -> Self {
        self.kinds.retain(|it| it.0 == format);
        self
    }
}

/// Checks that a signature is one of `payload`, by current algorithms, and tells by which key. Whether the key may sign is
/// another question.
#[must_use]
pub fn check(payload: &[u8], armored: &ArmoredSignature, policy: &SignaturePolicy) -> SignatureCheck {
    if let Some(kind) = policy.kind(armored.format) {
        kind.check(payload, &armored.text)
    } else {
        let evidence = format!("[signers] configures no {} signers", armored.format);
        SignatureCheck::Unknown(Explanation::new(Reason::NoPolicy, evidence))
    }
}
