//! The signature that a NuGet registry adds to a package. It proves that the registry received these bytes under this name,
//! and names the digest of what was uploaded. It says nothing about who built the package.

use model::base::time;
use model::evidence::lookup::Lookup;
use model::evidence::package::{FileEvidence, PackageSignature, RestoredPackage};
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::registry::{PublishedPackage, Registry, SigningCertificates};

use crate::no_answer::no_answer;

const CHECK: &str = "registry-signature";

/// Returns the finding about the signature in a file.
pub(super) fn finding(registry: &Registry, package: &PublishedPackage, file: &FileEvidence) -> Finding {
    let name = &file.name;
    let refuted = |evidence: String| Finding::refuted(CHECK, name, Reason::RegistrySignature, evidence);
    let unproven = |reason, evidence: String| Finding::unproven(CHECK, name, reason, evidence);
    let certificates = match &package.signing_certificates {
        Some(Lookup::Found(certificates)) => certificates,
        Some(Lookup::Unavailable(unavailable)) => return no_answer(CHECK, name, unavailable),
        Some(Lookup::Absent) | None => {
            let evidence = "the registry does not say with which certificates it signs packages";
            return unproven(Reason::RegistryKey, evidence.to_owned());
        }
    };
    let Some(restored) = &file.restored else {
        let evidence = "the package has no signature by the registry".to_owned();
        return if certificates.all_signed {
            refuted(format!("{evidence}, which states that it signs every package"))
        } else {
            unproven(Reason::RegistryUnsigned, evidence)
        };
    };
    match &restored.signature {
        Err(reason) => refuted(format!("the signature in the package is not valid: {reason}")),
        Ok(signature) => match flaw(registry, certificates, restored, signature) {
            Some(evidence) => refuted(evidence),
            None => Finding::proven(CHECK, name, description(signature)),
        },
    }
}

/// Returns the finding that the signature in a package is not valid, or is over other bytes. `None` if it is: which
/// certificate made it is not judged, because only the registry lists its certificates.
#[must_use]
pub fn restored_package_finding(name: &str, restored: &RestoredPackage) -> Option<Finding> {
    let evidence = match &restored.signature {
        Err(reason) => format!("the signature in the package is not valid: {reason}"),
        Ok(signature) => digest_flaw(restored, signature)?,
    };
    Some(Finding::refuted(CHECK, name, Reason::RegistrySignature, evidence))
}

fn digest_flaw(restored: &RestoredPackage, signature: &PackageSignature) -> Option<String> {
    let digest = restored.digests.like(&signature.package_digest);
    let found = restored.digests.sha256;
    (digest != Some(signature.package_digest)).then(|| {
        format!("it is a signature over {}, the package without it is {found}", signature.package_digest)
    })
}

/// Returns why a valid signature is not one of this registry over this package.
fn flaw(
    registry: &Registry,
    certificates: &SigningCertificates,
    restored: &RestoredPackage,
    signature: &PackageSignature,
) -> Option<String> {
    if let Some(flaw) = digest_flaw(restored, signature) {
        return Some(flaw);
    }
    if !signature.service_index.is(registry.url()) {
        return Some(format!("it is a signature by {}", signature.service_index.escaped()));
    }
    if !certificates.fingerprints.contains(&signature.fingerprint) {
        let subject = signature.subject.escaped();
        return Some(format!("the registry does not list the certificate of {subject}"));
    }
    None
}

fn description(signature: &PackageSignature) -> String {
    let (subject, signed_at) = (signature.subject.escaped(), time::format_rfc3339(signature.signed_at));
    let name = subject.split(',').next().unwrap_or_default().trim_start_matches("CN=");
    format!("signed by {name} over the uploaded {}, on {signed_at}", signature.package_digest)
}
