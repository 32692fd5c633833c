//! The audit of npm packages on an emulated registry, beside npm's own verification with `pacote`.

use serde_json::{Value, json};

use crate::channels::npm_package::{NpmPackage, PACKUMENT, PURL, VERSION, WORKFLOW};
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW, edited_json, unproven};
use crate::support::repository::print_note;

#[test]
fn signed_and_attested_packages_are_proven() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    package.published.expect("npm", "no attestation", "unproven", &["attestation: missing"]);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    drop(package.published.registries.take_requests());
    let output = package.published.audit("npm", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    let mut requests: Vec<(String, Vec<String>)> = package.published.registries.take_requests();
    print_note(&format!("requests: {requests:#?}"));
    let all = requests.len();
    requests.sort();
    requests.dedup();
    assert_eq!(requests.len(), all, "a request was sent twice");
    assert_eq!(package.verify_with_pacote(false), "ok");
    // 51: a deprecated version is a warning.
    package.edit_manifest(|it| it["deprecated"] = json!("use\u{1b} 1.2.4"));
    let warnings = package.published.expect_proven("npm");
    assert!(warnings.iter().any(|it| it.contains("deprecated: use\\u{1b} 1.2.4")), "{warnings:?}");
}

#[test]
fn case_77_a_packument_that_states_another_manifest_is_refuted() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    package.published.expect_proven("npm");
    let packument = package.published.registries.document(PACKUMENT).unwrap();
    let mut table = Vec::new();
    for (key, value) in [
        ("dependencies", json!({ "undici": "^7.25.0", "evil": "1" })),
        ("optionalDependencies", json!({ "evil": "1" })),
        ("peerDependencies", json!({ "evil": "1" })),
        ("bin", json!({ "sandbox": "src/evil.js" })),
        ("scripts", json!({ "build": "tsup", "postinstall": "evil" })),
        ("exports", json!({ ".": "./src/evil.js" })),
        ("engines", json!({ "node": ">=1" })),
    ] {
        package.edit_manifest(|it| it[key] = value);
        // pacote looks at the signature of the bytes only, so it accepts each of them.
        let pacote = package.verify_with_pacote(false);
        let row = package.published.expect("npm", key, "refuted", &["metadata: metadata", key]);
        table.push(format!("{row} (pacote: {pacote})"));
        package.published.registries.set_document(PACKUMENT, "application/json", packument.clone());
    }
    package.published.expect_proven("npm");
    print_note(&table.join("\n"));
}

/// npm's documents are read in two forms: npm asks for the full packument, pnpm for the abbreviated one.
#[test]
fn case_77_the_abbreviated_packument_counts_too() {
    const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    let packument = package.published.registries.document(PACKUMENT).unwrap();
    let mut table = Vec::new();
    for (attack, verdict, reason, dependencies) in [
        ("another dependency", "refuted", "abbreviated form: ", json!({ "undici": "^7", "evil": "1" })),
        (
            "dependencies as an array",
            "refuted",
            "abbreviated form: ",
            json!(["https://registry.example/evil.tgz"]),
        ),
    ] {
        let edited = edited_json(&packument, |it| it["versions"][VERSION]["dependencies"] = dependencies);
        package.published.registries.set_variant(PACKUMENT, ABBREVIATED, edited);
        table.push(package.published.expect("npm", attack, verdict, &[reason]));
    }
    let without = edited_json(&packument, |it| it["versions"] = json!({}));
    package.published.registries.set_variant(PACKUMENT, ABBREVIATED, without);
    table.push(package.published.expect("npm", "no version", "unproven", &["metadata: stale-index"]));
    let abbreviated = edited_json(&packument, |it| {
        let version = it["versions"][VERSION].as_object_mut().unwrap();
        version.retain(|key, _| !matches!(key.as_str(), "scripts" | "exports" | "license" | "files"));
    });
    package.published.registries.set_variant(PACKUMENT, ABBREVIATED, abbreviated);
    package.published.expect_proven("npm");
    print_note(&table.join("\n"));
}

#[test]
fn case_80_keys_of_the_registry_are_judged_as_npm_does() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    let configuration = package.published.registries.configuration().unwrap();
    let key_id = package.published.registries.npm_key_id().unwrap();
    let expire = |date: &str| package.published.registries.publish_npm_keys(Some(date)).unwrap();
    let mut table = vec![package.compare_with_pacote("a key without expiry", "proven", "", "ok")];
    expire("2026-06-02T00:00:00.000Z");
    table.push(package.compare_with_pacote("a key that expired later", "proven", "", "ok"));
    expire("2026-05-31T00:00:00.000Z");
    let reason = "registry-signature: registry-signature";
    table.push(package.compare_with_pacote("an expired key", "refuted", reason, "EEXPIREDSIGNATUREKEY"));
    expire("2016-01-01T00:00:00.000Z");
    package.edit_packument(|it| it["time"] = json!({}));
    table.push(package.compare_with_pacote("no time, key expired in 2016", "proven", "", "ok"));
    expire("2014-12-31T00:00:00.000Z");
    table.push(package.compare_with_pacote(
        "no time, key expired in 2014",
        "refuted",
        reason,
        "EEXPIREDSIGNATUREKEY",
    ));
    package.published.registries.publish_npm_keys(None).unwrap();
    let reason = "registry-signature: registry-key";
    package.published.configure(&configuration.replace(&key_id, "SHA256:other"));
    table.push(package.compare_with_pacote("a key not in release.toml", "unproven", reason, "ok"));
    package.published.configure(&configuration);
    package.edit_manifest(|it| it["dist"]["signatures"][0]["keyid"] = json!("SHA256:other"));
    table.push(package.compare_with_pacote("a key not listed", "unproven", reason, "EMISSINGSIGNATUREKEY"));
    package.published.registries.remove_documents("/npm/-/npm/v1/keys");
    table.push(package.published.expect("npm", "no list of keys", "unproven", &[reason]));
    print_note(&table.join("\n"));
}

#[test]
fn case_80_signatures_of_the_registry_are_judged_as_npm_does() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    let packument = package.published.registries.document(PACKUMENT).unwrap();
    package.replace(b"other bytes", Vec::new());
    let other = package.published.registries.document(PACKUMENT).unwrap();
    let other = serde_json::from_slice::<Value>(&other).unwrap()["versions"][VERSION]["dist"].clone();
    package.replace(&tarball, Vec::new());
    let reason = "registry-signature: registry-signature";
    let mut table = vec![package.compare_with_pacote("a good signature", "proven", "", "ok")];
    for (attack, edit) in [
        (
            "over another integrity",
            &(|it: &mut Value| it["signatures"] = other["signatures"].clone()) as &dyn Fn(&mut Value),
        ),
        ("no signature at all", &|it| it["signatures"][0]["sig"] = json!("AAAA")),
        ("a bad one beside a good one", &|it| {
            let mut second = it["signatures"][0].clone();
            second["sig"] = json!("AAAA");
            it["signatures"].as_array_mut().unwrap().push(second);
        }),
    ] {
        package.edit_manifest(|it| edit(&mut it["dist"]));
        table.push(package.compare_with_pacote(attack, "refuted", reason, "EINTEGRITYSIGNATURE"));
        package.published.registries.set_document(PACKUMENT, "application/json", packument.clone());
    }
    // pacote does not require a signature; the suite does.
    package.edit_manifest(|it| it["dist"]["signatures"] = json!([]));
    let reason = "registry-signature: registry-unsigned";
    table.push(package.compare_with_pacote("not signed", "unproven", reason, "ok"));
    print_note(&table.join("\n"));
}

#[test]
fn provenance_on_the_registry_proves_the_origin() {
    let mut package = NpmPackage::publish(PLAIN_WORKFLOW);
    let tarball = package.tarball.clone();
    package.published.expect("npm", "nothing proves the origin", "unproven", &["attestation: not-owed"]);
    let right = package.published.publish_run(WORKFLOW);
    let good = package.provenance(PURL, &tarball, &right);
    package.replace(&tarball, vec![good.clone()]);
    package.published.expect_proven("npm");
    assert_eq!(package.verify_with_pacote(true), "ok");
    let other_purl = package.provenance("pkg:npm/%40alibaba-group/other@1.2.3", &tarball, &right);
    let other_bytes = package.provenance(PURL, b"other bytes", &right);
    let mut fork = right.clone();
    fork.repository = "mallory/widgets".to_owned();
    let fork = package.provenance(PURL, &tarball, &fork);
    let mut branch = right.clone();
    branch.reference = "refs/heads/main".to_owned();
    let branch = package.provenance(PURL, &tarball, &branch);
    let changed = edited_json(good.to_string().as_bytes(), |it| {
        it["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA");
    });
    let changed = serde_json::from_slice(&changed).unwrap();
    let mut table = Vec::new();
    for (attack, bundle, reason, code) in [
        ("provenance of another package", other_purl, "attestation: subject-name", "EATTESTATIONSUBJECT"),
        ("provenance of other bytes", other_bytes, "attestation: subject-digest", "EATTESTATIONSUBJECT"),
        ("a changed signature", changed, "attestation: ", "EATTESTATIONVERIFY"),
        // npm asks neither for a repository nor for a tag.
        ("provenance by another repository", fork, "attestation: repo", "ok"),
        ("provenance by a branch", branch, "attestation: ref", "ok"),
    ] {
        package.replace(&tarball, vec![bundle]);
        let pacote = package.verify_with_pacote(true);
        assert!(pacote.starts_with(code), "{attack}: pacote says {pacote}");
        table.push(format!(
            "{} (pacote: {code})",
            package.published.expect("npm", attack, "refuted", &[reason])
        ));
    }
    // 89: an unreadable bundle beside a good one is listed, and hides nothing.
    let rotten = edited_json(good.to_string().as_bytes(), |it| it["mediaType"] = json!("x"));
    package.replace(&tarball, vec![serde_json::from_slice(&rotten).unwrap(), good]);
    let output = package.published.audit("npm", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    assert!(output.stdout.contains("1 other bundle is not proven"), "{}", output.stdout);
    print_note(&table.join("\n"));
}

#[test]
fn case_90_missing_answers_of_npm_are_unproven() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    let tarball = package.tarball.clone();
    package.attest(&tarball);
    package.published.expect_proven("npm");
    let packument = package.published.registries.document(PACKUMENT).unwrap();
    let registries = &package.published.registries;
    let mut table = Vec::new();
    for (status, reason) in
        [(403, "forbidden"), (401, "forbidden"), (429, "rate-limited"), (503, "unreachable")]
    {
        for part in ["%2f", ".tgz", "/keys"] {
            registries.refuse(part, status, Vec::new(), 1);
            let attack = format!("status {status} for {part}");
            table.push(package.published.expect("npm", &attack, "unproven", &[reason]));
        }
    }
    registries.remove_documents(".tgz");
    table.push(package.published.expect("npm", "no tarball", "unproven", &["digest: unreachable"]));
    package.edit_packument(|it| it["versions"] = json!({}));
    table.push(package.published.expect("npm", "no such version", "unproven", &["published: not-published"]));
    registries.remove_documents(PACKUMENT);
    table.push(package.published.expect("npm", "no such package", "unproven", &["published: not-published"]));
    registries.set_document(PACKUMENT, "application/json", packument[..packument.len() / 2].to_vec());
    table.push(package.published.expect("npm", "half a packument", "unproven", &["not the expected JSON"]));
    print_note(&table.join("\n"));
}

#[test]
fn changed_npm_packages_are_refuted_even_with_valid_proofs_of_origin() {
    let mut package = NpmPackage::publish(ATTESTING_WORKFLOW);
    for (attack, operation, text) in [
        ("a changed file", "set package/src/index.js evil();", "src/index.js: differs"),
        ("a file more", "set package/evil.js x", "evil.js: not in"),
        ("a file less", "remove package/src/index.js", "src/index.js: missing"),
    ] {
        let words: Vec<&str> = operation.splitn(3, ' ').collect();
        let changed = std::fs::read(package.published.packages.edited(&package.path, &words)).unwrap();
        package.replace(&changed, Vec::new());
        package.published.bed.github.clear_attestations();
        package.attest(&changed);
        assert_eq!(package.verify_with_pacote(false), "ok");
        print_note(&package.published.expect("npm", attack, "refuted", &[text]));
    }
    let tarball = package.tarball.clone();
    package.edit_manifest(|it| it["version"] = json!("1.2.4"));
    package.published.expect("npm", "another version", "refuted", &["published: metadata"]);
    package.replace(&tarball, Vec::new());
    package.attest(&tarball);
    package.published.expect_proven("npm");
    package.edit_manifest(|it| it["dist"]["integrity"] = json!(format!("sha512-{}==", "A".repeat(86))));
    package.published.expect("npm", "another digest", "refuted", &["digest: stated-digest"]);
    package.edit_manifest(|it| it["dist"]["integrity"] = json!("sha1-AAAA"));
    package.published.expect("npm", "no strong digest", "refuted", &["digest: no-stated-digest"]);
}
