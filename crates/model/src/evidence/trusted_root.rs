//! A summary of a Sigstore trusted root, for reports.

use serde::Serialize;

/// The keys and authorities of a trusted root.
#[derive(Debug, Clone, Serialize)]
pub struct TrustedRootSummary {
    /// The start of validity of the newest entry, in seconds since 1970. Shows how old the root is.
    #[serde(skip)]
    pub newest_valid_from: i64,
    /// The expiry of the TUF metadata that it was fetched with, in seconds since 1970. `None` for a root from a file
    /// and for the built-in one.
    #[serde(skip)]
    pub expires_at: Option<i64>,
    /// The certificate authorities (Fulcio).
    pub certificate_authorities: Vec<TrustedKeySummary>,
    /// The transparency logs for signatures (Rekor).
    pub logs: Vec<TrustedKeySummary>,
    /// The certificate transparency logs.
    pub certificate_logs: Vec<TrustedKeySummary>,
    /// The timestamp authorities (RFC 3161).
    pub timestamp_authorities: Vec<TrustedKeySummary>,
}

/// One key of a trusted root.
#[derive(Debug, Clone, Serialize)]
pub struct TrustedKeySummary {
    /// The service that the key belongs to: a URL, or an organization.
    pub name: String,
    /// The identifier in hexadecimal digits: a log's id, or the SHA-256 of an authority's first certificate.
    pub id: String,
    /// The start of validity, in RFC 3339. `None` if it is unlimited.
    pub from: Option<String>,
    /// The end of validity, in RFC 3339. `None` if the key is still valid.
    pub until: Option<String>,
}
