//! Attestations from GitHub's API, with every form and failure of the response, and trusted roots fetched over TUF.

use std::time::Duration;

use emulators::{Fault, FaultKind, FaultTiming, GitHub, GitHubSettings, Tuf};
use serde_json::{Value, json};

use crate::support::attested_file::{
    AttestedFile, RELEASE_POLICY_FLAGS, SIGNING_TIME, release_workflow_run, verify_verdict,
};
use crate::support::repository::{CapturedOutput, run, xtask};
use crate::support::test_bed::{TOKEN, expect_no_secret};

/// An emulated GitHub, and a file that it may have attestations for.
struct AttestationHost {
    github: GitHub,
    attested_file: AttestedFile,
}

impl AttestationHost {
    fn new() -> Self {
        let attested_file = AttestedFile::new();
        let settings = GitHubSettings::new("acme", "widgets", TOKEN, SIGNING_TIME);
        Self { github: GitHub::start(attested_file.folder.path(), settings).unwrap(), attested_file }
    }

    /// The same, with a valid attestation of the file.
    fn with_attestation() -> Self {
        let mut host = Self::new();
        let bundle = host.attested_file.bundle();
        host.github.add_attestation(&bundle.to_string(), false).unwrap();
        host
    }

    fn verify(&self, arguments: &[&str]) -> CapturedOutput {
        let mut command = xtask(self.attested_file.folder.path());
        command.env("GITHUB_API_URL", self.github.api_url());
        command
            .env("RELEASE_HTTP_TRIES", "2")
            .env("RELEASE_HTTP_TIMEOUT", "5")
            .env("RELEASE_HTTP_LONGEST_WAIT", "1");
        command.env("XDG_CACHE_HOME", self.attested_file.path("cache"));
        command.args(["verify", &self.attested_file.file_path(), "-R", "acme/widgets", "--format", "json"]);
        if !arguments.contains(&"--tuf-url") {
            command.arg("--trusted-root").arg(self.attested_file.path("root.json"));
        }
        expect_no_secret(run(command.args(RELEASE_POLICY_FLAGS).args(arguments)))
    }

    #[track_caller]
    fn expect_verdict(&self, expected: &str, reason: &str) {
        assert_eq!(verify_verdict(&self.verify(&[])), (expected.to_owned(), reason.to_owned()));
    }

    fn respond_with(&self, path: &str, status: u16, body: &Value) {
        let what = FaultKind::CannedResponse {
            status,
            headers: Vec::new(),
            body: body.to_string(),
            timing: FaultTiming::Before,
        };
        self.github.inject(Fault { times: 9, ..Fault::once("GET", path, what) });
    }
}

#[test]
fn github_attestations_are_fetched_without_a_token() {
    let host = AttestationHost::with_attestation();
    host.expect_verdict("proven", "ok");
    let exchanges = host.github.exchanges();
    assert!(exchanges.iter().any(|it| it.path.starts_with("storage:/bundles/")), "{exchanges:#?}");
    assert!(exchanges.iter().all(|it| !it.authorized), "a token was sent, but none is needed");
    // Older servers return the bundle itself in the list.
    host.github.configure(|it| it.inline_bundles = true);
    host.expect_verdict("proven", "ok");
    // The digest alone finds the attestations. Another digest has none.
    let by_digest = |hex: &str| {
        let mut command = xtask(host.attested_file.folder.path());
        command
            .env("GITHUB_API_URL", host.github.api_url())
            .arg("--trusted-root")
            .arg(host.attested_file.path("root.json"));
        let mut command = xtask(host.attested_file.folder.path());
        command.env("GITHUB_API_URL", host.github.api_url());
        command.args(["verify", &format!("sha256:{hex}"), "-R", "acme/widgets", "--format", "json"]);
        verify_verdict(&run(command
            .args(RELEASE_POLICY_FLAGS)
            .arg("--trusted-root")
            .arg(host.attested_file.path("root.json"))))
    };
    assert_eq!(by_digest(&host.attested_file.sha256_hex).0, "proven");
    assert_eq!(by_digest(&"00".repeat(32)), ("unproven".to_owned(), "missing".to_owned()));
}

#[test]
fn failed_attestation_lookup_is_not_a_missing_attestation() {
    let host = AttestationHost::with_attestation();
    let list = "/attestations/";
    // Case 33: an empty list, an unknown digest, denied and failed requests, and an entry with neither bundle nor URL.
    host.respond_with(list, 200, &json!({ "attestations": [] }));
    host.expect_verdict("unproven", "missing");
    let host = AttestationHost::new();
    host.expect_verdict("unproven", "missing");
    for status in [401, 403, 429, 500, 502] {
        let host = AttestationHost::with_attestation();
        host.respond_with(list, status, &json!({ "message": "no" }));
        host.expect_verdict("unproven", "unreachable");
    }
    let host = AttestationHost::with_attestation();
    let empty = json!({ "attestations": [{ "bundle": null, "bundle_url": null, "repository_id": 1 }] });
    host.respond_with(list, 200, &empty);
    host.expect_verdict("unproven", "unreachable");
    // A repository that is not visible is not the same as one without attestations.
    let host = AttestationHost::with_attestation();
    host.github.configure(|it| "elsewhere".clone_into(&mut it.name));
    host.expect_verdict("unproven", "unreachable");
    let host = AttestationHost::with_attestation();
    host.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", list, FaultKind::DelayResponse(Duration::from_secs(30)))
    });
    let output = run(xtask(host.attested_file.folder.path())
        .env("GITHUB_API_URL", host.github.api_url())
        .env("RELEASE_HTTP_TRIES", "1")
        .env("RELEASE_HTTP_TIMEOUT", "0.3")
        .args([
            "verify",
            &host.attested_file.file_path(),
            "-R",
            "acme/widgets",
            "--format",
            "json",
            "--trusted-root",
        ])
        .arg(host.attested_file.path("root.json")));
    assert_eq!(verify_verdict(&output), ("unproven".to_owned(), "unreachable".to_owned()));
}

#[test]
fn bundle_urls_on_other_hosts_are_not_fetched() {
    // Case 34: another scheme, plain HTTP to another host, a redirect, and a URL that serves no bundle. `limits` has
    // the decompression bomb, and the next test the bundle of another repository.
    let host = AttestationHost::with_attestation();
    for address in ["ftp://127.0.0.1/bundle", "http://example.invalid/bundle", "file:///etc/passwd"] {
        let listed =
            json!({ "attestations": [{ "bundle": null, "bundle_url": address, "repository_id": 1 }] });
        host.github.inject(Fault::once(
            "GET",
            "/attestations/",
            FaultKind::CannedResponse {
                status: 200,
                headers: Vec::new(),
                body: listed.to_string(),
                timing: FaultTiming::Before,
            },
        ));
        host.expect_verdict("unproven", "unreachable");
    }
    let host = AttestationHost::with_attestation();
    let redirect_target = host.github.host_file("bundle", b"{}".to_vec());
    let headers = vec![("location", redirect_target)];
    let body = String::new();
    host.github.inject(Fault::once(
        "GET",
        "/bundles/",
        FaultKind::CannedResponse { status: 302, headers, body, timing: FaultTiming::Before },
    ));
    host.expect_verdict("unproven", "unreachable");
    let exchanges = host.github.exchanges();
    assert!(exchanges.iter().all(|it| !it.path.contains("/files/")), "the redirect was followed");
    host.expect_verdict("proven", "ok");
    let bundle_url = host
        .github
        .host_file("other", host.attested_file.sigstore.trusted_root().unwrap().to_string().into_bytes());
    host.respond_with(
        "/attestations/",
        200,
        &json!({ "attestations": [{ "bundle_url": bundle_url, "repository_id": 1 }] }),
    );
    host.expect_verdict("refuted", "parse");
}

#[test]
fn bundle_with_another_repository_id_is_refuted() {
    let mut host = AttestationHost::with_attestation();
    let bundle = host.attested_file.bundle().to_string();
    let address = host.github.host_file("bundle", bundle.into_bytes());
    let listed = |id: u64| json!({ "attestations": [{ "bundle_url": address, "repository_id": id }] });
    host.github.inject(Fault::once(
        "GET",
        "/attestations/",
        FaultKind::CannedResponse {
            status: 200,
            headers: Vec::new(),
            body: listed(7).to_string(),
            timing: FaultTiming::Before,
        },
    ));
    host.expect_verdict("refuted", "repo-id");
    host.respond_with("/attestations/", 200, &listed(424_242));
    host.expect_verdict("proven", "ok");
}

#[test]
fn attestation_list_pages_are_followed() {
    let mut host = AttestationHost::new();
    let mut other = release_workflow_run();
    other.workflow = "ci.yml".to_owned();
    let statement = other.provenance(&[("widgets-server-v0.1.1.tar.gz", &host.attested_file.sha256_hex)]);
    for _ in 0..120 {
        let bundle = host.attested_file.attest(&other.claims(), &statement);
        host.github.add_attestation(&bundle.to_string(), false).unwrap();
    }
    host.expect_verdict("refuted", "workflow");
    let bundle = host.attested_file.bundle();
    host.github.add_attestation(&bundle.to_string(), false).unwrap();
    let document = host.verify(&[]).ok().json();
    assert_eq!(document["subjects"][0]["bundles"].as_array().unwrap().len(), 121);
}

#[test]
fn rolled_back_tuf_metadata_is_unproven() {
    let host = AttestationHost::with_attestation();
    let tuf = Tuf::new().unwrap();
    let root = host.attested_file.sigstore.trusted_root().unwrap().to_string();
    let publish = |version: u32, expires: &str| {
        let mut first = String::new();
        for (path, bytes) in tuf.files(version, &root, expires) {
            if path == "1.root.json" {
                std::fs::write(host.attested_file.path("tuf-root.json"), &bytes).unwrap();
            }
            first = host.github.host_file(&format!("tuf/{path}"), bytes);
        }
        first.split("/targets/").next().unwrap().to_owned()
    };
    let later = "2099-01-01T00:00:00Z";
    let url = publish(2, later);
    let path = host.attested_file.path("tuf-root.json");
    let arguments = ["--tuf-url", &url, "--tuf-root", path.to_str().unwrap()];
    let output = host.verify(&arguments).ok();
    assert!(output.json()["trusted_root"].as_str().unwrap().contains("fetched over TUF just now"));
    // Case 35: metadata that is rolled back, expired or signed by another root is unproven. If the repository cannot be
    // reached, the cached metadata is used.
    publish(1, later);
    let unproven = ("unproven".to_owned(), "trust-root".to_owned());
    assert_eq!(verify_verdict(&host.verify(&arguments)), unproven);
    publish(2, later);
    host.github.inject(Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before)));
    let document = host.verify(&arguments).ok().json();
    let roots = document["trusted_root"].as_str().unwrap();
    assert!(roots.contains("fetched over TUF before") && roots.contains("cannot reach"), "{roots}");
    let fresh = host.attested_file.path("cache");
    std::fs::remove_dir_all(&fresh).unwrap();
    publish(3, "2026-01-01T00:00:00Z");
    let output = host.verify(&arguments);
    assert_eq!(verify_verdict(&output), unproven);
    let finding = &output.json()["subjects"][0]["findings"][0];
    assert!(finding["evidence"].as_str().unwrap().contains("expired"), "{finding:#}");
    assert!(finding["hint"].as_str().unwrap().contains("--trusted-root"), "{finding:#}");
    publish(4, later);
    host.verify(&arguments).ok();
    let other = Tuf::new().unwrap();
    let (_, bytes) = other.files(1, &root, later).remove(0);
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_dir_all(&fresh).unwrap();
    assert_eq!(verify_verdict(&host.verify(&arguments)), unproven, "another TUF root was accepted");
}
