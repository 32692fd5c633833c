//! SSH signatures by a key with a certificate (`PROTOCOL.certkeys` and `PROTOCOL.sshsig` of OpenSSH).

use model::base::base64;
use ssh_key::{Certificate, HashAlg, PublicKey, SshSig};

const BEGIN_LINE: &str = "-----BEGIN SSH SIGNATURE-----";
const END_LINE: &str = "-----END SSH SIGNATURE-----";
const SSHSIG_MAGIC: &[u8] = b"SSHSIG";

/// The reason why a signature cannot be read.
pub(crate) enum SshReadError {
    /// The signature is malformed, or its algorithm is not supported.
    Signature(ssh_key::Error),
    /// The signature contains a certificate that is not supported. The text is for reports.
    Certificate(&'static str),
}

/// Returns the certificate of an armored signature, and the armor with the plain public key in its place. Returns
/// `None` if there is no certificate, or if the armor is malformed. The replacement does not change what is verified,
/// because the signed data does not include the public key.
fn extract_certificate(armor: &[u8]) -> Option<Result<(String, Certificate), &'static str>> {
    let text = std::str::from_utf8(armor).ok()?.trim_end();
    let inner: String = text.strip_prefix(BEGIN_LINE)?.strip_suffix(END_LINE)?.split('\n').collect();
    let bytes = base64::decode(&inner)?;
    let rest = bytes.strip_prefix(SSHSIG_MAGIC)?;
    let (version, rest) = rest.split_at_checked(4)?;
    let (public, rest) = read_string(rest)?;
    let (kind, _) = read_string(public)?;
    if !kind.ends_with(b"-cert-v01@openssh.com") {
        return None;
    }
    // ssh-key rejects certificates that never expire: their end, 2^64 - 1, is not in its range of times.
    let Ok(certificate) = Certificate::from_bytes(public) else {
        return Some(Err(
            "the certificate cannot be read; if it never expires, issue one that does: ssh-keygen -s CA -V ...",
        ));
    };
    // Only the canonical encoding is accepted, so that no other reader finds a different certificate in these bytes.
    if certificate.to_bytes().ok()? != public {
        return None;
    }
    let plain = PublicKey::from(certificate.public_key().clone()).to_bytes().ok()?;
    let length = u32::try_from(plain.len()).ok()?.to_be_bytes();
    let rebuilt = base64::encode(&[SSHSIG_MAGIC, version, &length, &plain, rest].concat());
    let mut out = format!("{BEGIN_LINE}\n");
    for line in rebuilt.as_bytes().chunks(70) {
        out.push_str(std::str::from_utf8(line).ok()?);
        out.push('\n');
    }
    Some(Ok((format!("{out}{END_LINE}\n"), certificate)))
}

/// Splits off a string of the SSH wire format (RFC 4251, section 5): four bytes with its length, then its bytes.
/// Returns the string and the rest.
fn read_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Returns why a certificate is not valid: it is a host certificate, it has critical options, or its authority did not
/// sign it. Critical options must be rejected by software that does not support them (`PROTOCOL.certkeys`). The policy
/// decides whether the authority is trusted, for which principals and when.
pub(crate) fn rejection(certificate: &Certificate) -> Option<&'static str> {
    if !certificate.cert_type().is_user() {
        return Some("expected a user certificate, found a host certificate");
    }
    if !certificate.critical_options().is_empty() {
        return Some("the certificate has critical options, which are not supported");
    }
    // Checked at the start of its validity: only the authority's signature is of interest here, not the time.
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    let signed = certificate.validate_at(certificate.valid_after(), [&authority]);
    signed.is_err().then_some("the certificate is not signed by the authority that it names")
}

/// A signature, its armor with the plain public key, and its certificate if it has one.
type SshSignatureParts = (SshSig, Vec<u8>, Option<Certificate>);

/// Parses an armored signature. A signature that the library rejects is tried again without its certificate.
pub(crate) fn read_signature(armor: &[u8]) -> Result<SshSignatureParts, SshReadError> {
    match (SshSig::from_pem(armor), extract_certificate(armor)) {
        (Ok(signature), _) => Ok((signature, armor.to_vec(), None)),
        (Err(error), None) => Err(SshReadError::Signature(error)),
        (Err(_), Some(Err(message))) => Err(SshReadError::Certificate(message)),
        (Err(_), Some(Ok((plain, certificate)))) => {
            let signature = SshSig::from_pem(&plain).map_err(SshReadError::Signature)?;
            Ok((signature, plain.into_bytes(), Some(certificate)))
        }
    }
}
