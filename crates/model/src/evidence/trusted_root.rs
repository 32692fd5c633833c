//! What a trusted root of Sigstore's names, for people and scripts to look at.

use serde::Serialize;

/// A trusted root.
#[derive(Debug, Clone, Serialize)]
pub struct TrustedRootSummary {
    /// The begin of its newest entry, in seconds since 1970.
    #[serde(skip)]
    pub newest_valid_from: i64,
    /// When the TUF metadata that it came with expires, in seconds since 1970; `None` for a file and for a built-in one.
    #[serde(skip)]
    pub expires_at: Option<i64>,
    /// Who issues certificates.
    pub certificate_authorities: Vec<TrustedKeySummary>,
    /// Which logs have signatures.
    pub logs: Vec<TrustedKeySummary>,
    /// Which logs have certificates.
    pub certificate_logs: Vec<TrustedKeySummary>,
    /// Who says when something was signed.
    pub timestamp_authorities: Vec<TrustedKeySummary>,
}

/// A key of a trusted root.
#[derive(Debug, Clone, Serialize)]
pub struct TrustedKeySummary {
    /// The name of its service: an address, or an organization.
    pub name: String,
    /// What it is known by, in hexadecimal digits: the id of a log, the SHA-256 of an authority's first certificate.
    pub id: String,
    /// The first second from which it counts, in RFC 3339; `None` from the beginning.
    pub from: Option<String>,
    /// The last; `None` if it still counts.
    pub until: Option<String>,
}
