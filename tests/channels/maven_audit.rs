//! The audit of Maven artifacts on an emulated repository, with signatures of the real gpg.

use serde_json::{Value, json};

use crate::channels::maven_package::{GpgKey, LIBRARY, MavenPackage};
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW, edited_json, unproven};
use crate::support::repository::print_note;

const METADATA: &str = "/maven/com/alibaba/opensandbox/code-interpreter/maven-metadata.xml";

/// A signature by a pinned key proves the origin, although the workflow attests nothing.
#[test]
fn artifacts_signed_by_a_pinned_key_are_proven() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    drop(package.published.registries.take_requests());
    let output = package.published.audit("maven", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    let mut requests: Vec<String> =
        package.published.registries.take_requests().into_iter().map(|it| it.0).collect();
    print_note(&format!("{} requests", requests.len()));
    let all = requests.len();
    requests.sort();
    requests.dedup();
    assert_eq!(requests.len(), all, "a request was sent twice: {requests:#?}");
    let keys: Vec<&String> = requests.iter().filter(|it| it.starts_with("/keys/")).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
}

#[test]
fn a_workflow_that_attests_owes_an_attestation_too() {
    let package = MavenPackage::publish(ATTESTING_WORKFLOW);
    package.published.expect("maven", "no attestation", "unproven", &["attestation: missing"]);
}

/// Case 66: without a pinned key nothing is proven, and the report names the primary key that signed.
#[test]
fn case_66_keys_that_are_not_pinned_prove_nothing() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let key = package.key.fingerprint.clone();
    package.pin(&[]);
    let row =
        package.published.expect("maven", "no key is pinned", "unproven", &["signature: unpinned-key", &key]);
    let text = package.published.audit("maven", &[]).stdout;
    assert!(text.contains(&format!("if {key} is the publisher's key, add it to openpgp_keys")), "{text}");
    // Gradle's signatures name only the id of the key, which the key server knows, too.
    let without = package.key.sign(package.content(".jar"), &[]);
    package.set_signature(".jar", without);
    let mut table = vec![row];
    let other = GpgKey::new();
    package.published.registries.upload_key(&other.fingerprints, &other.public);
    package.pin(&[&other.fingerprint]);
    table.push(package.published.expect(
        "maven",
        "another key is pinned",
        "refuted",
        &["signature: unpinned-key"],
    ));
    // Without its public key, a signature could be by a new subkey of the pinned key.
    package.published.registries.remove_documents("/keys/");
    package.published.registries.upload_key(&other.fingerprints, &other.public);
    table.push(package.published.expect(
        "maven",
        "another key is pinned, and the signer's is unknown",
        "unproven",
        &["signature: unpinned-key"],
    ));
    package.pin(&[]);
    package.published.registries.remove_documents("/keys/");
    table.push(package.published.expect(
        "maven",
        "an unknown key",
        "unproven",
        &["whose public key was not found"],
    ));
    print_note(&table.join("\n"));
}

/// Cases 63 and 65: signatures that gpg or its exit code accepts, and their twin.
#[test]
fn case_63_signatures_are_judged_strictly() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let jar = package.content(".jar").to_vec();
    let good = package.key.sign(&jar, &[]);
    let other_file = package.key.sign(b"other", &[]);
    let expired =
        package.key.sign(&jar, &["--faked-system-time", "20260101T000000!", "--default-sig-expire", "1d"]);
    let text_mode = package.key.sign(&jar, &["--textmode"]);
    let sha1 = package.key.sign(&jar, &["--digest-algo", "SHA1", "--allow-weak-digest-algos"]);
    let twice = [good.clone(), good.clone()].concat();
    let clear = {
        let file = package.key.home().join("jar");
        std::fs::write(&file, &jar).unwrap();
        package.key.gpg(&["--clearsign", "--output", "-", file.to_str().unwrap()]).into_bytes()
    };
    let mut flipped = good.clone();
    let at = flipped.len() / 2;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let mut table = Vec::new();
    for (attack, signature, verdict, text) in [
        ("the twin", good.clone(), "proven", ""),
        ("65: of another file", other_file, "refuted", "signature: signature"),
        ("63: an expired signature", expired, "refuted", "signature: signature"),
        ("65: over a text", text_mode, "refuted", "over a text or a key"),
        ("65: with SHA-1", sha1, "refuted", "signature: weak-hash"),
        ("65: two signatures", twice, "refuted", "not one armored, detached signature"),
        ("65: clearsigned", clear, "refuted", "not one armored, detached signature"),
        ("65: a changed signature", flipped, "refuted", "signature: signature"),
        ("65: not armored", b"x".to_vec(), "refuted", "not one armored, detached signature"),
        ("the twin again", good.clone(), "proven", ""),
    ] {
        package.set_signature(".jar", signature);
        if text.is_empty() {
            package.published.expect_proven("maven");
        } else {
            table.push(package.published.expect("maven", attack, verdict, &[text]));
        }
    }
    package.published.registries.remove_documents(&MavenPackage::path(".jar.asc"));
    table.push(package.published.expect(
        "maven",
        "no signature",
        "unproven",
        &["signature: signature-missing"],
    ));
    print_note(&table.join("\n"));
}

/// Cases 63 and 64: a key that has expired since, and one that is revoked. gpg exits with 0 for both.
#[test]
fn case_64_keys_are_judged_strictly() {
    let mut package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let mut table = Vec::new();
    let fingerprint = package.key.fingerprint.clone();
    package.key.gpg(&["--quick-set-expire", &fingerprint, "20260602T000000"]);
    package.key.read_public();
    package.published.registries.upload_key(&package.key.fingerprints, &package.key.public);
    table.push(package.published.expect("maven", "64: the key has expired", "refuted", &["signature: "]));
    package.key.gpg(&["--quick-set-expire", &fingerprint, "0"]);
    package.key.read_public();
    package.published.registries.upload_key(&package.key.fingerprints, &package.key.public);
    package.published.expect_proven("maven");
    let revocation = package.key.home().join(format!(".gnupg/openpgp-revocs.d/{fingerprint}.rev"));
    let revocation = if revocation.exists() {
        revocation
    } else {
        package.key.home().join(format!("openpgp-revocs.d/{fingerprint}.rev"))
    };
    let text = std::fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&revocation, text).unwrap();
    package.key.gpg(&["--import", revocation.to_str().unwrap()]);
    package.key.read_public();
    package.published.registries.upload_key(&package.key.fingerprints, &package.key.public);
    table.push(package.published.expect("maven", "63: a revoked key", "refuted", &["signature: revoked"]));
    print_note(&table.join("\n"));
}

/// Case 67: key servers without the key, with a key without a user id, or with limits; and a file of keys instead.
#[test]
fn case_67_missing_public_keys_are_unproven() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let registries = &package.published.registries;
    let mut table = Vec::new();
    registries.refuse("/keys/", 429, Vec::new(), 9);
    table.push(package.published.expect(
        "maven",
        "the key server has a limit",
        "unproven",
        &["signature: key-unavailable"],
    ));
    registries.accept_all();
    registries.remove_documents("/keys/");
    table.push(package.published.expect(
        "maven",
        "the key server lacks the key",
        "unproven",
        &["signature: key-unavailable"],
    ));
    registries.upload_key(&package.key.fingerprints, b"not a key");
    table.push(package.published.expect("maven", "no key", "unproven", &["could not import the key"]));
    let table_text = registries.configuration().unwrap();
    let server = format!("openpgp_keyserver = \"{}\"\n", registries.key_server());
    let pinned = format!("openpgp_keys = [{:?}]\n", package.key.fingerprint);
    let with_file = table_text.replace(&server, "openpgp_keyring = \"keys/maven.asc\"\n");
    package.published.configure(&format!("{with_file}{pinned}"));
    table.push(package.published.expect(
        "maven",
        "no file of keys",
        "unproven",
        &["signature: key-unavailable"],
    ));
    let folder = package.published.bed.home.path().join("keys");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("maven.asc"), &package.key.public).unwrap();
    package.published.expect_proven("maven");
    print_note(&table.join("\n"));
}

/// Case 85: digests that contradict each other, and files that are signed by different keys.
#[test]
fn case_85_contradictions_between_files_are_refuted() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let registries = &package.published.registries;
    let mut table = Vec::new();
    for (kind, digits) in [("md5", 32), ("sha1", 40), ("sha256", 64), ("sha512", 128)] {
        let path = MavenPackage::path(&format!(".jar.{kind}"));
        let good = registries.document(&path).unwrap();
        registries.set_document(&path, "text/plain", "0".repeat(digits).into_bytes());
        let attack = format!("another {kind} beside the jar");
        table.push(package.published.expect("maven", &attack, "refuted", &["digest: stated-digest"]));
        registries.set_document(&path, "text/plain", [&good[..], b"  a.jar\n"].concat());
        package.published.expect_proven("maven");
    }
    registries.set_document(&MavenPackage::path(".jar.md5"), "text/plain", b"<html>".to_vec());
    table.push(package.published.expect("maven", "a checksum that is none", "unproven", &["not readable"]));
    package.republish();
    let module = MavenPackage::path(".module");
    let good = registries.document(&module).unwrap();
    for (attack, edit, text) in [
        (
            "another sha256 in the module",
            &(|it: &mut Value| it["sha256"] = json!("0".repeat(64))) as &dyn Fn(&mut Value),
            "states sha256:000",
        ),
        ("another md5 in the module", &|it| it["md5"] = json!("0".repeat(32)), "states md5:000"),
        ("another size in the module", &|it| it["size"] = json!(1), "another size"),
    ] {
        let edited = edited_json(&good, |it| edit(&mut it["variants"][0]["files"][0]));
        let signature = package.key.sign(&edited, &[]);
        for kind in ["md5", "sha1", "sha256", "sha512"] {
            registries.remove_documents(&MavenPackage::path(&format!(".module.{kind}")));
        }
        registries.set_document(&module, "application/json", edited);
        package.set_signature(".module", signature);
        table.push(package.published.expect("maven", attack, "refuted", &["digest: stated-digest", text]));
    }
    package.republish();
    package.published.expect_proven("maven");
    let other = GpgKey::new();
    registries.upload_key(&other.fingerprints, &other.public);
    package.pin(&[&package.key.fingerprint, &other.fingerprint]);
    package.published.expect_proven("maven");
    package.set_signature(".jar", other.sign(package.content(".jar"), &[]));
    table.push(package.published.expect(
        "maven",
        "two keys, both pinned",
        "refuted",
        &["signature: several-keys"],
    ));
    print_note(&table.join("\n"));
}

/// A signature names no version: a repository could serve the jar of another version with its signature, and hide the
/// metadata that list the digest of this one.
#[test]
fn jars_of_other_versions_are_not_proven() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let registries = &package.published.registries;
    registries.remove_documents(&MavenPackage::path(".module"));
    let mut table = Vec::new();
    let mut expect = |attack: &str, texts: &[&str]| {
        table.push(package.published.expect("maven", attack, "unproven", texts));
    };
    expect("no metadata of the module", &["digest: unlisted"]);
    registries.remove_documents(&MavenPackage::path(".jar"));
    expect("no jar", &["metadata: stale-index", "which the repository does not serve"]);
    package.republish();
    package.published.expect_proven("maven");
    print_note(&table.join("\n"));
}

#[test]
fn changed_artifacts_are_refuted_even_with_valid_signatures() {
    let mut package = MavenPackage::publish(PLAIN_WORKFLOW);
    let bed = &package.published.packages;
    let sources = crate::channels::maven_package::built_file(bed, "-sources.jar");
    let changed = bed.edited(&sources, &["set", "com/acme/code/Interpreter.kt", "evil"]);
    let changed = std::fs::read(changed).unwrap();
    let position = package.library.iter().position(|it| it.0 == "-sources.jar").unwrap();
    package.library[position].1 = changed;
    let (classes, sources) = (package.content(".jar").to_vec(), package.content("-sources.jar").to_vec());
    let module =
        crate::channels::maven_package::module(LIBRARY, &[(".jar", &classes), ("-sources.jar", &sources)]);
    let position = package.library.iter().position(|it| it.0 == ".module").unwrap();
    package.library[position].1 = module.into_bytes();
    package.republish();
    package.published.expect("maven", "a changed source", "refuted", &["Interpreter.kt: differs"]);
}

#[test]
fn case_90_missing_answers_of_maven_are_unproven() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    package.published.expect_proven("maven");
    let registries = &package.published.registries;
    let mut table = Vec::new();
    for (status, reason) in [(403, "forbidden"), (429, "rate-limited"), (503, "unreachable")] {
        for part in [".jar", ".pom.asc", ".jar.sha1", "maven-metadata.xml"] {
            registries.refuse(part, status, Vec::new(), 1);
            let attack = format!("status {status} for {part}");
            table.push(package.published.expect("maven", &attack, "unproven", &[reason]));
            registries.accept_all();
        }
    }
    let metadata = registries.document(METADATA).unwrap();
    let text = String::from_utf8(metadata.clone()).unwrap();
    registries.set_document(METADATA, "text/xml", text.replace("1.2.3", "1.2.2").into_bytes());
    let warnings = package.published.expect_proven("maven");
    assert!(warnings.iter().any(|it| it.contains("does not list the version yet")), "{warnings:?}");
    registries.set_document(METADATA, "text/xml", text.replace(LIBRARY, "evil").into_bytes());
    table.push(package.published.expect(
        "maven",
        "metadata of another artifact",
        "refuted",
        &["published: metadata"],
    ));
    registries.set_document(METADATA, "text/xml", b"<html>".to_vec());
    table.push(package.published.expect(
        "maven",
        "metadata that are no XML",
        "unproven",
        &["invalid-answer"],
    ));
    registries.set_document(METADATA, "text/xml", metadata);
    registries.remove_documents("/code-interpreter/1.2.3/");
    table.push(package.published.expect("maven", "no files", "unproven", &["digest: unreachable"]));
    registries.remove_documents(METADATA);
    table.push(package.published.expect(
        "maven",
        "no such version",
        "unproven",
        &["published: not-published"],
    ));
    print_note(&table.join("\n"));
}

/// A recorded audit is repeated without a request.
#[test]
fn recorded_audits_of_maven_are_repeated() {
    let package = MavenPackage::publish(PLAIN_WORKFLOW);
    let folder = package.published.bed.home.path().join("recording");
    let folder = folder.to_str().unwrap();
    let saved = package.published.audit("maven", &["--save", folder]);
    assert_eq!(unproven(&saved), ("proven".to_owned(), Vec::new()));
    drop(package.published.registries.take_requests());
    let repeated = package.published.audit("maven", &["--from", folder]);
    assert_eq!(unproven(&repeated), ("proven".to_owned(), Vec::new()));
    assert_eq!(package.published.registries.take_requests(), Vec::new());
}
