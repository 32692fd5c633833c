//! The two programs: gpg and gpgsm.

use std::time::{SystemTime, UNIX_EPOCH};

use gpgme::Protocol;
use model::evidence::signature::SignatureFormat;

/// What gpgme calls a protocol, of the two that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GpgEngine {
    OpenPgp,
    X509,
}

impl GpgEngine {
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::OpenPgp => Protocol::OpenPgp,
            Self::X509 => Protocol::Cms,
        }
    }

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::OpenPgp => "gpg",
            Self::X509 => "gpgsm",
        }
    }

    /// The configuration of a home in which signatures are only checked. Public keys need no agent, and one that was
    /// started here would outlive the home.
    pub(crate) fn configuration(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenPgp => ("gpg.conf", "no-autostart\ntrust-model always\n"),
            Self::X509 => ("gpgsm.conf", "no-autostart\ndisable-crl-checks\n"),
        }
    }

    /// The format of its signatures.
    pub(crate) fn format(self) -> SignatureFormat {
        match self {
            Self::OpenPgp => SignatureFormat::OpenPgp,
            Self::X509 => SignatureFormat::X509,
        }
    }
}

pub(crate) fn seconds(time: Option<SystemTime>) -> Option<i64> {
    i64::try_from(time?.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
