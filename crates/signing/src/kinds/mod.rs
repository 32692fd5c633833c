//! The kinds of signatures, one module each. A new kind needs a module and an entry in `KINDS`, and no other change in
//! this crate.

mod openpgp;
mod ssh;
mod x509;

use model::evidence::signature::SignatureFormat;

use crate::kind::SignatureKind;

/// All kinds. Each has another format.
pub(crate) const KINDS: [&dyn SignatureKind; 3] = [&openpgp::OpenPgpKind, &ssh::SshKind, &x509::X509Kind];

/// Returns the kind of a format. `None` if this crate does not support the format.
pub(crate) fn kind_of(format: SignatureFormat) -> Option<&'static dyn SignatureKind> {
    KINDS.into_iter().find(|it| it.format() == format)
}
