//! Answers of an index that make installers use other files or metadata than an audit looks at. Every file that an
//! installer may choose for the version is audited.

use serde_json::{Value, json};

use crate::channels::published_packages::{ATTESTING_WORKFLOW, PublishedPackages, edited_json};
use crate::channels::pypi_audit::{INDEX, SDIST, WHEEL, attest, published};
use crate::support::repository::{hermetic_command, print_note, run};

const JSON_API: &str = "/pypi/opensandbox-server/1.2.3/json";

/// Returns a published and attested project, with its wheel and its index. `None` if hatchling is missing.
fn published_project(test: &str) -> Option<(PublishedPackages, Vec<u8>, Vec<u8>)> {
    let (mut project, wheel, sdist) = published(ATTESTING_WORKFLOW, test)?;
    attest(&mut project, &wheel, &sdist);
    let index = project.registries.document(INDEX).unwrap();
    Some((project, wheel, index))
}

fn set_index(project: &PublishedPackages, index: &[u8], edit: impl FnOnce(&mut Value)) {
    project.registries.set_document(INDEX, "application/vnd.pypi.simple.v1+json", edited_json(index, edit));
}

/// Adds a file to the index, with another name at the end of its URL if one is given. It contains the wheel.
fn add_file(project: &PublishedPackages, index: &[u8], wheel: &[u8], name: &str, in_url: Option<&str>) {
    let path = format!("/packages/{}", in_url.unwrap_or(name));
    project.registries.set_document(
        path.split('#').next().unwrap(),
        "application/octet-stream",
        wheel.to_vec(),
    );
    set_index(project, index, |it| {
        let mut file = it["files"][0].clone();
        file["filename"] = json!(name);
        file["url"] = json!(path.replace(' ', "%20"));
        it["files"].as_array_mut().unwrap().push(file);
    });
}

/// Returns whether pip would install this file for the version.
fn pip_chooses(project: &PublishedPackages, name: &str) -> bool {
    let home = tempfile::tempdir().unwrap();
    let mut pip = hermetic_command("python3", home.path());
    pip.args(["-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--dry-run", "--no-deps"]);
    pip.args(["--ignore-installed", "--no-cache-dir", "--report", "-", "--quiet", "--index-url"]);
    let output = run(pip.arg(project.registries.pypi_index()).arg("opensandbox-server==1.2.3"));
    output.stdout.contains(&format!("/{name}\""))
}

#[test]
fn files_that_installers_take_for_the_version_are_audited() {
    let Some((project, wheel, index)) = published_project("files_that_installers_take") else { return };
    let mut table = Vec::new();
    for name in [
        "opensandbox_server-1.2.3.0-9-py3-none-any.whl",
        "opensandbox_server-0!1.2.3-9-py3-none-any.whl",
        "opensandbox_server-v1.2.3-9-py3-none-any.whl",
        "opensandbox_server-1.2.3+evil-py3-none-any.whl",
        "OpenSandbox.Server-1.2.3-9-py3-none-any.whl",
        "opensandbox-server-1.2.3.0.0.tar.gz",
        "opensandbox_server-1.2.3.0.zip",
        "opensandbox_server- 1.2.3.tar.gz",
        "opensandbox_server-1.2.3.win-amd64.exe",
        "sitecustomize.whl",
    ] {
        add_file(&project, &index, &wheel, name, None);
        let pip = if pip_chooses(&project, name) { "pip installs it" } else { "" };
        let row = project.expect("pypi", name, "refuted", &["files: unexpected-file"]);
        table.push(format!("{row} {pip}"));
    }
    assert!(table.iter().filter(|it| it.ends_with("pip installs it")).count() >= 2, "{table:#?}");
    // Files of other versions have no effect.
    for name in ["opensandbox_server-1.2.4-py3-none-any.whl", "opensandbox_server-1.2.3rc1.tar.gz"] {
        add_file(&project, &index, &wheel, name, None);
        project.expect_proven("pypi");
    }
    print_note(&table.join("\n"));
}

#[test]
fn the_name_in_the_url_counts() {
    let Some((project, wheel, index)) = published_project("the_name_in_the_url_counts") else { return };
    for (name, in_url) in [
        ("other-9.9.tar.gz", "opensandbox_server-1.2.3-99-py3-none-any.whl"),
        ("opensandbox_server-1.2.4-py3-none-any.whl", "opensandbox_server-1.2.3-99-py3-none-any.whl"),
        ("opensandbox_server-1.2.4.tar.gz", "x.tar.gz#egg=opensandbox_server-1.2.3"),
    ] {
        add_file(&project, &index, &wheel, name, Some(in_url));
        print_note(&project.expect("pypi", in_url, "refuted", &["and its URL ends with"]));
    }
    set_index(&project, &index, |_| {});
    project.expect_proven("pypi");
}

#[test]
fn metadata_beside_a_wheel_must_be_those_in_it() {
    let Some((project, _, index)) = published_project("metadata_beside_a_wheel") else { return };
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
                  sys.stdout.write(z.read('opensandbox_server-1.2.3.dist-info/METADATA').decode())";
    let file = project.packages.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl"));
    let mut python = hermetic_command("python3", project.bed.home.path());
    let good = run(python.args(["-c", script]).arg(file.unwrap())).ok().stdout;
    let path = format!("/packages/{WHEEL}.metadata");
    for key in ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"] {
        set_index(&project, &index, |it| it["files"][0][key] = json!({ "sha256": "0" }));
        project.registries.remove_documents(".metadata");
        print_note(&project.expect("pypi", key, "unproven", &["metadata: stale-index"]));
        project.registries.set_document(&path, "text/plain", good.clone().into_bytes());
        project.expect_proven("pypi");
        let evil = good.replace("Version: 1.2.3\n", "Version: 1.2.3\nRequires-Dist: evil-dep\n");
        assert_ne!(evil, good);
        project.registries.set_document(&path, "text/plain", evil.into_bytes());
        print_note(&project.expect("pypi", key, "refuted", &["the index serves other metadata"]));
    }
    set_index(&project, &index, |it| it["files"][0]["core-metadata"] = json!(false));
    project.expect_proven("pypi");
}

#[test]
fn metadata_beside_a_source_distribution_must_be_those_in_it() {
    let Some((project, _, index)) = published_project("metadata_beside_a_source_distribution") else {
        return;
    };
    set_index(&project, &index, |it| {
        let file =
            it["files"].as_array_mut().unwrap().iter_mut().find(|it| it["filename"] == json!(SDIST)).unwrap();
        file["core-metadata"] = json!(true);
    });
    let path = format!("/packages/{SDIST}.metadata");
    project.registries.set_document(&path, "text/plain", b"Name: evil\n".to_vec());
    print_note(&project.expect("pypi", "other metadata", "refuted", &["the index serves other metadata"]));
    set_index(&project, &index, |it| it["files"][0]["requires-python"] = json!(">=99"));
    print_note(&project.expect(
        "pypi",
        "other Python versions",
        "refuted",
        &["the index states Python >=99"],
    ));
    set_index(&project, &index, |it| it["files"][0]["hashes"]["md5"] = json!("00"));
    print_note(&project.expect("pypi", "another kind of digest", "unproven", &["the index also states md5"]));
}

/// Installers resolve relative URLs against the index as it was served, after redirects.
#[test]
fn relative_urls_follow_redirects_of_the_index() {
    let Some((project, wheel, index)) = published_project("relative_urls_follow_redirects") else { return };
    let mirror = "/mirror/a/b/opensandbox-server/";
    let evil = project.packages.edited(
        project.packages.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl")).unwrap(),
        &["set", "opensandbox_server/evil.py", "x"],
    );
    let served = edited_json(&index, |it| it["files"][0]["url"] = json!(format!("../../f/{WHEEL}")));
    project.registries.set_document(mirror, "application/json", served);
    project.registries.set_document(&format!("/f/{WHEEL}"), "application/octet-stream", wheel.clone());
    let in_mirror = format!("/mirror/a/f/{WHEEL}");
    project.registries.set_document(&in_mirror, "application/octet-stream", std::fs::read(evil).unwrap());
    let address = project.registries.pypi_index().replace("/simple", mirror);
    project.registries.refuse("/simple/opensandbox-server/", 302, vec![("location", address)], 9);
    print_note(&project.expect("pypi", "a redirected index", "refuted", &["evil.py: not in"]));
    project.registries.set_document(&in_mirror, "application/octet-stream", wheel);
    project.expect_proven("pypi");
}

#[test]
fn limits_and_contradictions_of_the_index_are_unproven() {
    let Some((project, wheel, index)) = published_project("limits_of_the_index") else { return };
    let mut table = Vec::new();
    set_index(&project, &index, |it| {
        let file = it["files"][0].clone();
        it["files"].as_array_mut().unwrap().extend(std::iter::repeat_n(file, 100));
    });
    table.push(project.expect("pypi", "102 files", "unproven", &["published: limit"]));
    set_index(&project, &index, |it| it["meta"]["api-version"] = json!("2.0"));
    table.push(project.expect(
        "pypi",
        "another major version",
        "unproven",
        &["version 2.0 of the simple API"],
    ));
    // A name without end takes no time.
    add_file(&project, &index, &wheel, &"-".repeat(1 << 20), Some("x"));
    table.push(project.expect("pypi", "a name of a MiB", "refuted", &["unexpected-file"])[..200].to_owned());
    set_index(&project, &index, |it| it["files"][0]["hashes"]["sha512"] = json!("0".repeat(128)));
    table.push(project.expect("pypi", "a wrong SHA-512", "refuted", &["digest: stated-digest"]));
    set_index(&project, &index, |it| it["files"].as_array_mut().unwrap().truncate(1));
    table.push(project.expect("pypi", "a file less in the index", "unproven", &["published: stale-index"]));
    let json_api = project.registries.document(JSON_API).unwrap();
    project.registries.set_document(
        JSON_API,
        "application/json",
        edited_json(&json_api, |it| it["urls"] = json!([])),
    );
    project.expect_proven("pypi");
    print_note(&table.join("\n"));
}

#[test]
fn addresses_with_a_query_are_refused() {
    let Some((project, ..)) = published_project("addresses_with_a_query") else { return };
    for ending in ["?token=s3cret-invented", "#s3cret-invented"] {
        let index = format!("{}{ending}", project.registries.pypi_index());
        project.configure(&format!("[registries]\npypi = \"{index}\"\n"));
        let output = project.audit("pypi", &[]);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains("has a query or a fragment"), "{}", output.stderr);
        assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
    }
}
