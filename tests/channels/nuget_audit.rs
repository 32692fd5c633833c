//! The audit of NuGet packages on an emulated registry.

use emulators::PackageSigning;
use serde_json::json;

use crate::channels::nuget_package::{NugetPackage, SERVED};
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW, edited_json, unproven};
use crate::support::repository::print_note;

const REGISTRATION: &str = "/nuget/registration/alibaba.opensandbox/index.json";

#[test]
fn signed_and_attested_packages_are_proven() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    package.published.expect("nuget", "no attestation", "unproven", &["attestation: missing"]);
    let built = package.package.clone();
    package.attest(&built);
    drop(package.published.registries.take_requests());
    let output = package.published.audit("nuget", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    let mut requests = package.published.registries.take_requests();
    print_note(&format!("requests: {requests:#?}"));
    let all = requests.len();
    requests.sort();
    requests.dedup();
    assert_eq!(requests.len(), all, "a request was sent twice");
}

/// Case 51: unlisted and deprecated versions are warnings.
#[test]
fn case_51_withdrawn_nuget_packages_are_warnings() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    let registration = package.published.registries.document(REGISTRATION).unwrap();
    let edited = edited_json(&registration, |it| {
        let entry = &mut it["items"][0]["items"][0]["catalogEntry"];
        entry["listed"] = json!(false);
        entry["deprecation"] = json!({ "reasons": ["Legacy"], "message": "use\u{1b} 2" });
    });
    package.published.registries.set_document(REGISTRATION, "application/json", edited);
    let warnings = package.published.expect_proven("nuget");
    assert!(warnings.iter().any(|it| it.contains("unlisted")), "{warnings:?}");
    assert!(warnings.iter().any(|it| it.contains("deprecated (Legacy): use\\u{1b} 2")), "{warnings:?}");
}

/// Case 81: every statement of the registry's signature is checked. The twin is the signature without a change.
#[test]
fn case_81_signatures_of_nuget_are_checked() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    package.published.expect_proven("nuget");
    let registries = &package.published.registries;
    let good = registries.package_signing();
    let reason = "registry-signature: registry-signature";
    let now = good.signed_at.unwrap();
    let changes: [(&str, PackageSigning, &str); 6] = [
        (
            "the digest of another package",
            PackageSigning { digest: Some("0".repeat(64)), ..good.clone() },
            "over",
        ),
        (
            "a foreign service index",
            PackageSigning {
                service_index: Some("https://evil.example/index.json".to_owned()),
                ..good.clone()
            },
            "a signature by https://evil.example",
        ),
        ("no service index", PackageSigning { service_index: None, ..good.clone() }, "names no registry"),
        ("proof of origin", PackageSigning { is_author: true, ..good.clone() }, "did not countersign"),
        ("no timestamp", PackageSigning { signed_at: None, ..good.clone() }, "there is none"),
        (
            "a timestamp before the certificate",
            PackageSigning { signed_at: Some(now - 400 * 86_400), ..good.clone() },
            "not valid at that time",
        ),
    ];
    let mut table = Vec::new();
    for (attack, signing, text) in changes {
        let signature = registries.package_signature(&package.package, &signing).unwrap();
        package.serve(&registries.signed_package(&package.package, &signature));
        table.push(package.published.expect("nuget", attack, "refuted", &[reason, text]));
    }
    print_note(&table.join("\n"));
}

/// Case 81: other bytes and other certificates, and packages without a signature.
#[test]
fn case_81_only_signatures_of_the_registry_count() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    package.published.expect_proven("nuget");
    let registries = &package.published.registries;
    let (good, reason) = (registries.package_signing(), "registry-signature: registry-signature");
    let mut table = Vec::new();
    let signature = registries.package_signature(&package.package, &good).unwrap();
    let position = |part: &[u8]| signature.windows(part.len()).position(|it| it == part).unwrap();
    // The algorithm `rsaEncryption` (RFC 8017, A.1) of the signer, in DER, and the NULL after it.
    let algorithm = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 4];
    for (attack, at) in [
        ("a changed attribute", position(b"/nuget/index.json")),
        ("a changed parameter", position(&algorithm) + 11),
        ("a changed end", signature.len() - 1),
    ] {
        let mut edited = signature.clone();
        edited[at] ^= 1;
        package.serve(&registries.signed_package(&package.package, &edited));
        table.push(package.published.expect("nuget", attack, "refuted", &[reason]));
    }
    let other = emulators::RegistryServer::start().unwrap();
    let foreign = other.package_signature(&package.package, &good).unwrap();
    package.serve(&registries.signed_package(&package.package, &foreign));
    table.push(package.published.expect(
        "nuget",
        "a certificate that is not listed",
        "refuted",
        &[reason, "does not list"],
    ));
    package.serve(&package.package);
    table.push(package.published.expect("nuget", "no signature", "refuted", &[reason, "has no signature"]));
    package.serve(&package.signed);
    package.published.expect_proven("nuget");
    registries.remove_documents("/nuget/signatures.json");
    table.push(package.published.expect("nuget", "no list of certificates", "unproven", &["registry-key"]));
    print_note(&table.join("\n"));
}

/// Cases 48 and 81: a signature that is compressed, twice in the package, or not where a registry puts it.
#[test]
fn case_81_signature_entries_have_one_form() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    package.published.expect_proven("nuget");
    let signed = package.published.packages.folder.path().join("signed.nupkg");
    std::fs::write(&signed, &package.signed).unwrap();
    // Python compresses every entry, and gives it a Unix mode.
    let compressed = std::fs::read(package.published.packages.edited(&signed, &[])).unwrap();
    let registries = &package.published.registries;
    let signature = registries.package_signature(&package.package, &registries.package_signing()).unwrap();
    let twice = registries.signed_package(&package.signed, &signature);
    let mut table = Vec::new();
    package.serve(&compressed);
    table.push(package.published.expect("nuget", "a compressed signature", "refuted", &["has no signature"]));
    package.serve(&twice);
    table.push(package.published.expect("nuget", "two signatures", "refuted", &["duplicate path"]));
    let mut trailing = package.signed.clone();
    trailing.extend_from_slice(b"\r\n");
    package.serve(&trailing);
    table.push(package.published.expect("nuget", "data after the end", "refuted", &["not a zip file"]));
    print_note(&table.join("\n"));
}

#[test]
fn changed_nuget_packages_are_refuted_even_with_valid_proofs_of_origin() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    for (attack, operation, text) in [
        ("a changed file", "set README.md evil", "README.md: differs"),
        ("a file more", "set tools/init.ps1 x", "init.ps1: not in"),
        ("a file less", "remove lib/net8.0/OpenSandbox.dll", "OpenSandbox.dll: missing"),
    ] {
        let words: Vec<&str> = operation.splitn(3, ' ').collect();
        let changed = std::fs::read(package.published.packages.edited(&package.path, &words)).unwrap();
        package.replace(&changed);
        print_note(&package.published.expect("nuget", attack, "refuted", &[text]));
    }
    let built = package.package.clone();
    package.replace(&built);
    package.published.expect_proven("nuget");
    let registries = &package.published.registries;
    let catalog = "/nuget/catalog/alibaba.opensandbox.1.2.3.json";
    let document = registries.document(catalog).unwrap();
    let edited = edited_json(&document, |it| it["packageHash"] = json!(format!("{}==", "A".repeat(86))));
    registries.set_document(catalog, "application/json", edited);
    package.published.expect("nuget", "another digest in the catalog", "refuted", &["digest: stated-digest"]);
    registries.set_document(catalog, "application/json", document);
    let registration = registries.document(REGISTRATION).unwrap();
    let edited =
        edited_json(&registration, |it| it["items"][0]["items"][0]["catalogEntry"]["id"] = json!("Evil"));
    registries.set_document(REGISTRATION, "application/json", edited);
    // An entry of another name is not that of the version; the digest is then not stated.
    package.published.expect(
        "nuget",
        "another name in the registration",
        "refuted",
        &["published: metadata"],
    );
}

#[test]
fn case_90_missing_answers_of_nuget_are_unproven() {
    let mut package = NugetPackage::publish(PLAIN_WORKFLOW);
    package.published.expect("nuget", "nothing proves the origin", "unproven", &["attestation: not-owed"]);
    let built = package.package.clone();
    package.attest(&built);
    package.published.expect_proven("nuget");
    let registries = &package.published.registries;
    let mut table = Vec::new();
    for (status, reason) in
        [(403, "forbidden"), (401, "forbidden"), (429, "rate-limited"), (503, "unreachable")]
    {
        for part in
            ["/nuget/index.json", "/flat/", ".nupkg", "/signatures.json", "/registration/", "/catalog/"]
        {
            registries.refuse(part, status, Vec::new(), 1);
            let attack = format!("status {status} for {part}");
            table.push(package.published.expect("nuget", &attack, "unproven", &[reason]));
        }
    }
    registries.remove_documents(SERVED);
    table.push(package.published.expect("nuget", "no package", "unproven", &["digest: unreachable"]));
    registries.set_document(
        "/nuget/flat/alibaba.opensandbox/index.json",
        "application/json",
        b"{\"versions\":[]}".to_vec(),
    );
    table.push(package.published.expect(
        "nuget",
        "no such version",
        "unproven",
        &["published: not-published"],
    ));
    registries.remove_documents("/nuget/flat/");
    table.push(package.published.expect(
        "nuget",
        "no such package",
        "unproven",
        &["published: not-published"],
    ));
    registries.set_document("/nuget/index.json", "application/json", b"{}".to_vec());
    table.push(package.published.expect("nuget", "no service index", "unproven", &["not the expected JSON"]));
    print_note(&table.join("\n"));
}

/// A recorded audit is repeated without a request; an interrupted one goes on, and asks for nothing twice.
#[test]
fn recorded_audits_of_nuget_are_repeated() {
    let mut package = NugetPackage::publish(ATTESTING_WORKFLOW);
    let built = package.package.clone();
    package.attest(&built);
    let folder = package.published.bed.home.path().join("recording");
    let folder = folder.to_str().unwrap();
    package.published.registries.refuse(".nupkg", 429, Vec::new(), 1);
    let interrupted = package.published.audit("nuget", &["--save", folder]);
    assert_eq!(unproven(&interrupted).0, "unproven");
    drop(package.published.registries.take_requests());
    let saved = package.published.audit("nuget", &["--save", folder]);
    assert_eq!(unproven(&saved), ("proven".to_owned(), Vec::new()));
    let requests = package.published.registries.take_requests();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let repeated = package.published.audit("nuget", &["--from", folder]);
    assert_eq!(unproven(&repeated), ("proven".to_owned(), Vec::new()));
    assert_eq!(package.published.registries.take_requests(), Vec::new());
}
