//! The kinds of signatures, one file each. A kind is added here and nowhere else in this crate.

mod openpgp;
mod ssh;
mod x509;

use model::evidence::signature::SignatureFormat;

use crate::kind::SignatureKind;

/// Every kind.
pub(crate) const KINDS: [&dyn SignatureKind; 3] = [&openpgp::OpenPgpKind, &ssh::SshKind, &x509::X509Kind];

/// The kind of a format.
pub(crate) fn kind_of(format: SignatureFormat) -> Option<&'static dyn SignatureKind> {
    KINDS.into_iter().find(|it| it.format() == format)
}
