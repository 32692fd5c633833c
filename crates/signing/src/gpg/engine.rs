//! The two GnuPG programs: gpg and gpgsm.

use std::time::{SystemTime, UNIX_EPOCH};

use gpgme::Protocol;
use model::evidence::signature::SignatureFormat;

/// A GnuPG program. gpgme calls its interface a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GpgEngine {
    /// gpg, for OpenPGP.
    OpenPgp,
    /// gpgsm, for X.509 (CMS).
    X509,
}

impl GpgEngine {
    /// Returns the protocol of gpgme that runs this program.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::OpenPgp => Protocol::OpenPgp,
            Self::X509 => Protocol::Cms,
        }
    }

    /// Returns the name of the program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::OpenPgp => "gpg",
            Self::X509 => "gpgsm",
        }
    }

    /// Returns the name and content of the configuration file for a `GNUPGHOME` in which signatures are only verified.
    /// `no-autostart`: public keys need no agent, and an agent would outlive the temporary directory.
    /// `trust-model always` and `disable-crl-checks`: the pinned fingerprint decides, not the web of trust or a CA.
    pub(crate) fn configuration(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenPgp => ("gpg.conf", "no-autostart\ntrust-model always\n"),
            Self::X509 => ("gpgsm.conf", "no-autostart\ndisable-crl-checks\n"),
        }
    }

    /// Returns the format of its signatures.
    pub(crate) fn format(self) -> SignatureFormat {
        match self {
            Self::OpenPgp => SignatureFormat::OpenPgp,
            Self::X509 => SignatureFormat::X509,
        }
    }
}

/// Converts a time to seconds since 1970. Returns `None` for earlier times.
pub(crate) fn seconds(time: Option<SystemTime>) -> Option<i64> {
    i64::try_from(time?.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
