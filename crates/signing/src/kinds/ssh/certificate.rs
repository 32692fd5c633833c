//! SSH signatures by a key that a certificate names (`PROTOCOL.certkeys` and `PROTOCOL.sshsig` of OpenSSH).

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use ssh_key::{Certificate, HashAlg, PublicKey, SshSig};

const BEGIN_LINE: &str = "-----BEGIN SSH SIGNATURE-----";
const END_LINE: &str = "-----END SSH SIGNATURE-----";
const SSHSIG_MAGIC: &[u8] = b"SSHSIG";

/// Why a signature cannot be read.
pub(crate) enum SshReadError {
    /// What the parser says.
    Signature(ssh_key::Error),
    /// It carries a certificate that is not understood here.
    Certificate(&'static str),
}

/// A signature's armor with the plain key in the certificate's place, and the certificate; none where it carries none. What is signed
/// does not name the key, so that the signature holds for both.
fn extract_certificate(armor: &[u8]) -> Option<Result<(String, Certificate), &'static str>> {
    let text = std::str::from_utf8(armor).ok()?.trim_end();
    let inner: String = text.strip_prefix(BEGIN_LINE)?.strip_suffix(END_LINE)?.split('\n').collect();
    let bytes = BASE64.decode(inner).ok()?;
    let rest = bytes.strip_prefix(SSHSIG_MAGIC)?;
    let (version, rest) = rest.split_at_checked(4)?;
    let (public, rest) = read_string(rest)?;
    let (kind, _) = read_string(public)?;
    if !kind.ends_with(b"-cert-v01@openssh.com") {
        return None;
    }
    // The library reads no certificate that counts for ever: its last second is beyond its calendar.
    let Ok(certificate) = Certificate::from_bytes(public) else {
        return Some(Err("its certificate cannot be read: give it an end, ssh-keygen -s CA -V ..."));
    };
    // One form of writing it: two readers must not see two certificates.
    if certificate.to_bytes().ok()? != public {
        return None;
    }
    let plain = PublicKey::from(certificate.public_key().clone()).to_bytes().ok()?;
    let length = u32::try_from(plain.len()).ok()?.to_be_bytes();
    let rebuilt = BASE64.encode([SSHSIG_MAGIC, version, &length, &plain, rest].concat());
    let mut out = format!("{BEGIN_LINE}\n");
    for line in rebuilt.as_bytes().chunks(70) {
        out.push_str(std::str::from_utf8(line).ok()?);
        out.push('\n');
    }
    Some(Ok((format!("{out}{END_LINE}\n"), certificate)))
}

/// A string of SSH's wire format (RFC 4251, 5): its length in four bytes, and its bytes.
fn read_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Why a certificate counts for nobody: it is not for people, it wants more than is known here, or its authority did not sign it.
/// Whether that authority counts, for whom and when, is the policy's affair.
pub(crate) fn rejection(certificate: &Certificate) -> Option<&'static str> {
    if !certificate.cert_type().is_user() {
        return Some("the certificate is for hosts");
    }
    if !certificate.critical_options().is_empty() {
        return Some("the certificate has critical options");
    }
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    let signed = certificate.validate_at(certificate.valid_after(), [&authority]);
    signed.is_err().then_some("the certificate is not signed by the authority that it names")
}

/// A signature, its armor with a plain key, and the certificate where it carries one.
type SshSignatureParts = (SshSig, Vec<u8>, Option<Certificate>);

/// The signature that an armor is.
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
