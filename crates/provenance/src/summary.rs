//! Summary of a trusted root's keys, for reports.

use model::Digest;
use model::base::id::encode_hex;
use model::base::time::format_rfc3339;
use model::evidence::trusted_root::{TrustedKeySummary, TrustedRootSummary};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::trust_root::trusted_root::{CertChain, CertificateSubject};
use sigstore_verify::types::time_range::TimeRange;

/// Returns the keys of a trusted root with their validity periods. `expires` is when the TUF metadata of the root
/// expires, in seconds since 1970; `None` if there is none.
pub(crate) fn summarize(root: &TrustedRoot, expires: Option<i64>) -> TrustedRootSummary {
    let log = |address: &str, id: &[u8], window: Option<TimeRange>| {
        key_summary(address.to_owned(), encode_hex(id), window)
    };
    let (logs, certificate_logs) = (
        root.tlogs.iter().map(|it| log(&it.base_url, it.log_id.key_id.as_bytes(), it.public_key.valid_for)),
        root.ctlogs.iter().map(|it| log(&it.base_url, it.log_id.key_id.as_bytes(), it.public_key.valid_for)),
    );
    let authorities = root.certificate_authorities.iter();
    let authorities = authorities
        .map(|it| key_summary(subject_name(&it.subject), fingerprint(&it.cert_chain), it.valid_for));
    let timestamp_authorities = root.timestamp_authorities.iter();
    let timestamp_authorities = timestamp_authorities
        .map(|it| key_summary(subject_name(&it.subject), fingerprint(&it.cert_chain), it.valid_for));
    TrustedRootSummary {
        newest_valid_from: newest_start(root),
        expires_at: expires,
        certificate_authorities: authorities.collect(),
        logs: logs.collect(),
        certificate_logs: certificate_logs.collect(),
        timestamp_authorities: timestamp_authorities.collect(),
    }
}

/// Returns the start of the newest validity period, in seconds since 1970; 0 if no entry has one.
fn newest_start(root: &TrustedRoot) -> i64 {
    let windows = [
        root.tlogs.iter().map(|it| it.public_key.valid_for).collect::<Vec<_>>(),
        root.ctlogs.iter().map(|it| it.public_key.valid_for).collect(),
        root.certificate_authorities.iter().map(|it| it.valid_for).collect(),
        root.timestamp_authorities.iter().map(|it| it.valid_for).collect(),
    ];
    windows.iter().flatten().flatten().map(|it| it.start.as_second()).max().unwrap_or(0)
}

fn key_summary(name: String, id: String, window: Option<TimeRange>) -> TrustedKeySummary {
    let end = window.and_then(|it| it.end);
    TrustedKeySummary {
        name,
        id,
        from: window.map(|it| format_rfc3339(it.start.as_second())),
        until: end.map(|it| format_rfc3339(it.as_second())),
    }
}

/// Returns the organization and the common name, as far as they are present.
fn subject_name(subject: &CertificateSubject) -> String {
    let parts = [&subject.organization, &subject.common_name];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Returns the SHA-256 of a chain's first certificate, in hexadecimal; empty for an empty chain.
fn fingerprint(chain: &CertChain) -> String {
    chain.certificates.first().map_or(String::new(), |it| Digest::of(it.raw_bytes.as_bytes()).hex())
}
