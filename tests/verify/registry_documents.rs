//! `verify --bundle` with the documents of attestations that PyPI and npm serve.

use emulators::pypi_attestation;
use serde_json::{Value, json};

use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, verify_verdict};
use crate::support::repository::run;

/// Returns PyPI's provenance of a file with these bundles (PEP 740).
fn pypi_document(bundles: &[&Value]) -> Value {
    let attestations: Vec<Value> = bundles.iter().map(|it| pypi_attestation(it)).collect();
    let publisher = json!({ "kind": "GitHub", "repository": "acme/widgets", "workflow": "x.yml" });
    json!({ "version": 1, "attestation_bundles": [{ "publisher": publisher, "attestations": attestations }] })
}

/// Returns npm's list of the attestations of a version with these bundles.
fn npm_document(bundles: &[&Value]) -> Value {
    let attestation =
        |it: &&Value| json!({ "predicateType": "https://slsa.dev/provenance/v1", "bundle": it });
    json!({ "attestations": bundles.iter().map(attestation).collect::<Vec<_>>() })
}

#[test]
fn attestations_in_documents_of_registries_are_verified() {
    let mut file = AttestedFile::new();
    let good = file.bundle();
    let mut forged = good.clone();
    forged["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA");
    let verdict = |document: &Value| {
        let output = run(&mut file.command(&document.to_string(), "provenance.json", &RELEASE_POLICY_FLAGS));
        let bundles = output.json()["subjects"][0]["bundles"].as_array().map_or(0, Vec::len);
        (verify_verdict(&output).0, bundles)
    };
    for document in [pypi_document, npm_document] {
        assert_eq!(verdict(&document(&[&good])), ("proven".to_owned(), 1));
        assert_eq!(verdict(&document(&[&forged])), ("refuted".to_owned(), 1));
        assert_eq!(verdict(&document(&[&forged, &good])), ("proven".to_owned(), 2));
        assert_eq!(verdict(&document(&[])), ("unproven".to_owned(), 0));
    }
    let mut both = pypi_document(&[&good]);
    both["attestations"] = npm_document(&[&good])["attestations"].clone();
    assert_eq!(verdict(&both), ("refuted".to_owned(), 1));
}
