//! The attestations of a package as registries serve them: PyPI's provenance of a file (PEP 740, "Attestation objects";
//! PyPI's documentation, "Integrity API") and npm's list for a version (npm documentation, "Generating provenance
//! statements").

use model::evidence::attestation::Rejection;
use model::evidence::reason::Reason;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::reject_duplicate_keys;

/// The most attestations that are read from a document.
const MAX_ATTESTATIONS: usize = 100;
/// The beginning of the predicate type of npm's attestation that a version was published.
const NPM_PUBLICATION: &str = "https://github.com/npm/attestation/";
/// The version of PyPI's document (PyPI's documentation, "Integrity API").
const PYPI_VERSION: u64 = 1;

/// The keys that tell the forms apart. A bundle has neither.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    attestation_bundles: Option<Vec<PypiPublication>>,
    #[serde(default)]
    attestations: Option<Vec<NpmAttestation>>,
}

#[derive(Deserialize)]
struct PypiPublication {
    attestations: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmAttestation {
    predicate_type: String,
    bundle: Box<RawValue>,
}

/// Returns the Sigstore bundles in a registry's document. `None` if the text is a JSON object of another form, such as a
/// bundle. npm's own attestation that a version was published is left out: like its signature, it says nothing about who
/// built the version.
///
/// # Errors
/// Refuted with [`Reason::ParseError`] if the text is not JSON, repeats a key, or has the keys of such a document and
/// other content. Unproven with [`Reason::Limit`] if it has more than 100 attestations, and
/// with [`Reason::Unsupported`] if it has another version.
pub fn bundles_of_document(text: &str) -> Result<Option<Vec<String>>, Rejection> {
    let malformed = |error: serde_json::Error| Rejection::refuted(Reason::ParseError, error.to_string());
    reject_duplicate_keys(text.as_bytes(), None).map_err(malformed)?;
    let document: Document = serde_json::from_str(text).map_err(malformed)?;
    let bundles: Vec<String> = match (document.attestation_bundles, document.attestations) {
        (None, None) => return Ok(None),
        (Some(_), None) if document.version.is_some_and(|it| it != PYPI_VERSION) => {
            let reason = format!(
                "version {} of PyPI's document, expected {PYPI_VERSION}",
                document.version.unwrap_or(0)
            );
            return Err(Rejection::unproven(Reason::Unsupported, reason));
        }
        (Some(publications), None) => {
            let attestations = publications.into_iter().flat_map(|it| it.attestations);
            attestations.map(|it| sigstore_bundle(&it).to_string()).collect()
        }
        (None, Some(attestations)) => {
            let others =
                attestations.into_iter().filter(|it| !it.predicate_type.starts_with(NPM_PUBLICATION));
            others.map(|it| it.bundle.get().to_owned()).collect()
        }
        (Some(_), Some(_)) => {
            let reason = "the document has the keys of PyPI and of npm";
            return Err(Rejection::refuted(Reason::ParseError, reason));
        }
    };
    if bundles.len() > MAX_ATTESTATIONS {
        let reason = format!("{} attestations, expected at most {MAX_ATTESTATIONS}", bundles.len());
        return Err(Rejection::unproven(Reason::Limit, reason));
    }
    Ok(Some(bundles))
}

/// Returns the Sigstore bundle of an attestation object (PEP 740). A field that is missing becomes `null`, which the
/// verifier refuses.
fn sigstore_bundle(attestation: &Value) -> Value {
    let material = &attestation["verification_material"];
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": material["certificate"] },
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": {
            "payload": attestation["envelope"]["statement"],
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{ "sig": attestation["envelope"]["signature"] }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        bundles_of_document(text).unwrap_err().explanation.reason.code()
    }

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(bundles_of_document(r#"{"mediaType": "x"}"#).unwrap(), None);
        let pypi = r#"{"version": 1, "attestation_bundles": [{"attestations": [{"envelope": {"signature": "s"}}]}]}"#;
        let bundles = bundles_of_document(pypi).unwrap().unwrap();
        assert!(bundles.len() == 1 && bundles[0].contains(r#""sig":"s""#), "{bundles:?}");
        let npm = r#"{"attestations": [
            {"predicateType": "https://slsa.dev/provenance/v1", "bundle": {"b": 1.0}},
            {"predicateType": "https://github.com/npm/attestation/tree/main/specs/publish/v0.1", "bundle": {}}]}"#;
        assert_eq!(bundles_of_document(npm).unwrap().unwrap(), [r#"{"b": 1.0}"#]);
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        assert_eq!(code("{"), "parse");
        assert_eq!(code(r#"{"attestations": [], "attestations": []}"#), "parse");
        assert_eq!(code(r#"{"attestations": [], "attestation_bundles": []}"#), "parse");
        assert_eq!(code(r#"{"attestations": [{}]}"#), "parse");
        assert_eq!(code(r#"{"attestation_bundles": {}}"#), "parse");
        let many = format!(r#"{{"attestation_bundles": [{{"attestations": [{}1]}}]}}"#, "1,".repeat(100));
        assert_eq!(code(&many), "limit");
        assert_eq!(code(r#"{"version": 2, "attestation_bundles": []}"#), "unsupported");
    }
}
