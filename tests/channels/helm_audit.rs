//! The audit of charts in a release on the emulated GitHub.

use crate::channels::helm_package::{FILE, HelmPackage, provenance_text};
use crate::channels::maven_package::GpgKey;
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW, unproven};
use crate::support::published_release::sha256_hex;
use crate::support::repository::print_note;

#[test]
fn attested_charts_are_proven() {
    let mut package = HelmPackage::publish(ATTESTING_WORKFLOW);
    package.published.expect("helm", "no attestation", "unproven", &["attestation: missing"]);
    let chart = package.chart.clone();
    package.attest(&chart);
    let output = package.published.audit("helm", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    assert!(output.stdout.contains("as the release states"), "{}", output.stdout);
}

#[test]
fn changed_charts_are_refuted_even_with_valid_attestations() {
    let mut package = HelmPackage::publish(ATTESTING_WORKFLOW);
    let mut table = Vec::new();
    for (attack, operation, text) in [
        ("a changed file", "set opensandbox/values.yaml evil", "values.yaml: differs"),
        ("a file more", "set opensandbox/templates/evil.yaml x", "evil.yaml: not in"),
        ("a file less", "remove opensandbox/values.yaml", "values.yaml: missing"),
    ] {
        let words: Vec<&str> = operation.splitn(3, ' ').collect();
        let changed = std::fs::read(package.published.packages.edited(&package.path, &words)).unwrap();
        package.release(&[(FILE, &changed)]);
        package.published.bed.github.clear_attestations();
        package.attest(&changed);
        table.push(package.published.expect("helm", attack, "refuted", &[text]));
    }
    let chart = package.chart.clone();
    package.attest(&chart);
    package.release(&[(FILE, &chart), ("opensandbox-1.2.4.tgz", &chart)]);
    table.push(package.published.expect("helm", "a second chart", "refuted", &["files: unexpected-file"]));
    package.release(&[("opensandbox-1.2.3.zip", &chart)]);
    table.push(package.published.expect("helm", "no chart", "unproven", &["published: not-published"]));
    package.release(&[(FILE, &chart)]);
    package.published.expect_proven("helm");
    print_note(&table.join("\n"));
}

/// A provenance file is checked if there is one: its signature, and the digest of the chart in it.
#[test]
fn provenance_files_are_checked() {
    let package = HelmPackage::publish(PLAIN_WORKFLOW);
    package.published.expect("helm", "nothing proves the origin", "unproven", &["attestation: not-owed"]);
    let key = GpgKey::new();
    let registries = &package.published.registries;
    registries.upload_key(&key.fingerprints, &key.public);
    let configuration = registries.configuration().unwrap();
    package.published.configure(&format!("{configuration}openpgp_keys = [{:?}]\n", key.fingerprint));
    let chart = package.chart.clone();
    let signed = |text: &str| {
        let file = key.home().join("text");
        std::fs::write(&file, text).unwrap();
        key.gpg(&["--clearsign", "--digest-algo", "SHA512", "--output", "-", file.to_str().unwrap()])
            .into_bytes()
    };
    let provenance = format!("{FILE}.prov");
    let good = signed(&provenance_text(&sha256_hex(&chart)));
    let mut broken = good.clone();
    let at = broken.windows(6).position(|it| it == b"sha256").unwrap() + 8;
    broken[at] = if broken[at] == b'0' { b'1' } else { b'0' };
    let mut table = Vec::new();
    for (attack, file, reason) in [
        ("another digest", signed(&provenance_text(&"0".repeat(64))), "digest: stated-digest"),
        ("another file", signed("name: x\n\n...\nfiles:\n  x.tgz: sha256:0\n"), "does not list the chart"),
        ("a changed text", broken, "signature: signature"),
        ("not signed", provenance_text(&sha256_hex(&chart)).into_bytes(), "signature: signature"),
    ] {
        package.release(&[(FILE, &chart), (&provenance, &file)]);
        table.push(package.published.expect("helm", attack, "refuted", &[reason]));
    }
    package.release(&[(FILE, &chart), (&provenance, &good)]);
    // The signature of a pinned key proves the origin, although the workflow attests nothing.
    package.published.expect_proven("helm");
    package.published.configure(&configuration);
    table.push(package.published.expect(
        "helm",
        "no key is pinned",
        "unproven",
        &["signature: unpinned-key"],
    ));
    print_note(&table.join("\n"));
}

/// A recorded audit is repeated without a request.
#[test]
fn recorded_audits_of_charts_are_repeated() {
    let mut package = HelmPackage::publish(ATTESTING_WORKFLOW);
    let chart = package.chart.clone();
    package.attest(&chart);
    let folder = package.published.bed.home.path().join("recording");
    let folder = folder.to_str().unwrap();
    let saved = package.published.audit("helm", &["--save", folder]);
    assert_eq!(unproven(&saved), ("proven".to_owned(), Vec::new()));
    package.published.bed.github.clear_log();
    let repeated = package.published.audit("helm", &["--from", folder]);
    assert_eq!(unproven(&repeated), ("proven".to_owned(), Vec::new()));
    assert!(package.published.bed.github.exchanges().is_empty());
}
