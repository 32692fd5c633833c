//! What GitHub says of an artifact's attestations, in every way in which it can say it; and where trust begins.

use std::time::Duration;

use emulators::{Fault, FaultKind, FaultTiming, GitHub, GitHubSettings, Tuf};
use serde_json::{Value, json};

use crate::support::attested_file::{Minted, NOW, POLICY, release_run, verdict};
use crate::support::repository::{Ran, run, xtask};
use crate::support::test_bed::{TOKEN, without_secret};

/// A GitHub, and a file that it may keep attestations for.
struct Kept {
    github: GitHub,
    minted: Minted,
}

impl Kept {
    fn new() -> Self {
        let minted = Minted::new();
        let settings = GitHubSettings::new("acme", "widgets", TOKEN, NOW);
        Self { github: GitHub::start(minted.folder.path(), settings).unwrap(), minted }
    }

    /// The same with the attestation of a release.
    fn attested() -> Self {
        let mut kept = Self::new();
        let bundle = kept.minted.bundle();
        kept.github.add_attestation(&bundle.to_string(), false).unwrap();
        kept
    }

    fn verify(&self, arguments: &[&str]) -> Ran {
        let mut command = xtask(self.minted.folder.path());
        command.env("GITHUB_API_URL", self.github.api_url());
        command
            .env("RELEASE_HTTP_TRIES", "2")
            .env("RELEASE_HTTP_TIMEOUT", "5")
            .env("RELEASE_HTTP_LONGEST_WAIT", "1");
        command.env("XDG_CACHE_HOME", self.minted.path("cache"));
        command.args(["verify", &self.minted.file(), "-R", "acme/widgets", "--format", "json"]);
        if !arguments.contains(&"--tuf-url") {
            command.arg("--trusted-root").arg(self.minted.path("root.json"));
        }
        without_secret(run(command.args(POLICY).args(arguments)))
    }

    #[track_caller]
    fn expect(&self, wanted: &str, reason: &str) {
        assert_eq!(verdict(&self.verify(&[])), (wanted.to_owned(), reason.to_owned()));
    }

    fn answers(&self, path: &str, status: u16, body: &Value) {
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
fn what_github_keeps_is_found_by_anybody_and_no_token_goes_to_its_storage() {
    let kept = Kept::attested();
    kept.expect("proven", "ok");
    let asked = kept.github.exchanges();
    assert!(asked.iter().any(|it| it.path.starts_with("storage:/bundles/")), "{asked:#?}");
    assert!(asked.iter().all(|it| !it.authorized), "a token was sent where none is needed");
    // Older servers have the bundle in the list.
    kept.github.configure(|it| it.inline_bundles = true);
    kept.expect("proven", "ok");
    // The digest alone is enough, and another digest has nothing.
    let by_digest = |hex: &str| {
        let mut command = xtask(kept.minted.folder.path());
        command
            .env("GITHUB_API_URL", kept.github.api_url())
            .arg("--trusted-root")
            .arg(kept.minted.path("root.json"));
        let mut command = xtask(kept.minted.folder.path());
        command.env("GITHUB_API_URL", kept.github.api_url());
        command.args(["verify", &format!("sha256:{hex}"), "-R", "acme/widgets", "--format", "json"]);
        verdict(&run(command.args(POLICY).arg("--trusted-root").arg(kept.minted.path("root.json"))))
    };
    assert_eq!(by_digest(&kept.minted.hex).0, "proven");
    assert_eq!(by_digest(&"00".repeat(32)), ("unproven".to_owned(), "missing".to_owned()));
}

#[test]
fn every_answer_of_github_is_told_apart() {
    let kept = Kept::attested();
    let list = "/attestations/";
    // Case 33: an empty list, no such digest, refused, broken, and neither bundle nor address.
    kept.answers(list, 200, &json!({ "attestations": [] }));
    kept.expect("unproven", "missing");
    let kept = Kept::new();
    kept.expect("unproven", "missing");
    for status in [401, 403, 429, 500, 502] {
        let kept = Kept::attested();
        kept.answers(list, status, &json!({ "message": "no" }));
        kept.expect("unproven", "unreachable");
    }
    let kept = Kept::attested();
    let empty = json!({ "attestations": [{ "bundle": null, "bundle_url": null, "repository_id": 1 }] });
    kept.answers(list, 200, &empty);
    kept.expect("unproven", "unreachable");
    // A repository that nobody sees is not one without attestations.
    let kept = Kept::attested();
    kept.github.configure(|it| "elsewhere".clone_into(&mut it.name));
    kept.expect("unproven", "unreachable");
    let kept = Kept::attested();
    kept.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", list, FaultKind::DelayResponse(Duration::from_secs(30)))
    });
    let ran = run(xtask(kept.minted.folder.path())
        .env("GITHUB_API_URL", kept.github.api_url())
        .env("RELEASE_HTTP_TRIES", "1")
        .env("RELEASE_HTTP_TIMEOUT", "0.3")
        .args(["verify", &kept.minted.file(), "-R", "acme/widgets", "--format", "json", "--trusted-root"])
        .arg(kept.minted.path("root.json")));
    assert_eq!(verdict(&ran), ("unproven".to_owned(), "unreachable".to_owned()));
}

#[test]
fn bundles_that_lead_elsewhere_are_not_fetched() {
    // Case 34: plain http, another place, a redirect, a bomb, and a repository's bundle that GitHub keeps for another.
    let kept = Kept::attested();
    for address in ["ftp://127.0.0.1/bundle", "http://example.invalid/bundle", "file:///etc/passwd"] {
        let listed =
            json!({ "attestations": [{ "bundle": null, "bundle_url": address, "repository_id": 1 }] });
        kept.github.inject(Fault::once(
            "GET",
            "/attestations/",
            FaultKind::CannedResponse {
                status: 200,
                headers: Vec::new(),
                body: listed.to_string(),
                timing: FaultTiming::Before,
            },
        ));
        kept.expect("unproven", "unreachable");
    }
    let kept = Kept::attested();
    let there = kept.github.host_file("bundle", b"{}".to_vec());
    let headers = vec![("location", there)];
    let body = String::new();
    kept.github.inject(Fault::once(
        "GET",
        "/bundles/",
        FaultKind::CannedResponse { status: 302, headers, body, timing: FaultTiming::Before },
    ));
    kept.expect("unproven", "unreachable");
    let asked = kept.github.exchanges();
    assert!(asked.iter().all(|it| !it.path.contains("/files/")), "it went where the redirect leads");
    kept.expect("proven", "ok");
    let at =
        kept.github.host_file("other", kept.minted.sigstore.trusted_root().unwrap().to_string().into_bytes());
    kept.answers(
        "/attestations/",
        200,
        &json!({ "attestations": [{ "bundle_url": at, "repository_id": 1 }] }),
    );
    kept.expect("refuted", "parse");
}

#[test]
fn a_bundle_that_is_kept_for_another_repository_is_refused() {
    let mut kept = Kept::attested();
    let bundle = kept.minted.bundle().to_string();
    let address = kept.github.host_file("bundle", bundle.into_bytes());
    let listed = |id: u64| json!({ "attestations": [{ "bundle_url": address, "repository_id": id }] });
    kept.github.inject(Fault::once(
        "GET",
        "/attestations/",
        FaultKind::CannedResponse {
            status: 200,
            headers: Vec::new(),
            body: listed(7).to_string(),
            timing: FaultTiming::Before,
        },
    ));
    kept.expect("refuted", "repo-id");
    kept.answers("/attestations/", 200, &listed(424_242));
    kept.expect("proven", "ok");
}

#[test]
fn many_attestations_are_read_page_by_page() {
    let mut kept = Kept::new();
    let mut other = release_run();
    other.workflow = "ci.yml".to_owned();
    let statement = other.provenance(&[("widgets-server-v0.1.1.tar.gz", &kept.minted.hex)]);
    for _ in 0..120 {
        let bundle = kept.minted.attest(&other.claims(), &statement);
        kept.github.add_attestation(&bundle.to_string(), false).unwrap();
    }
    kept.expect("refuted", "workflow");
    let bundle = kept.minted.bundle();
    kept.github.add_attestation(&bundle.to_string(), false).unwrap();
    let told = kept.verify(&[]).ok().json();
    assert_eq!(told["subjects"][0]["bundles"].as_array().unwrap().len(), 121);
}

#[test]
fn trusted_roots_are_fetched_over_tuf_and_never_taken_back() {
    let kept = Kept::attested();
    let tuf = Tuf::new().unwrap();
    let root = kept.minted.sigstore.trusted_root().unwrap().to_string();
    let publish = |version: u32, expires: &str| {
        let mut first = String::new();
        for (path, bytes) in tuf.files(version, &root, expires) {
            if path == "1.root.json" {
                std::fs::write(kept.minted.path("tuf-root.json"), &bytes).unwrap();
            }
            first = kept.github.host_file(&format!("tuf/{path}"), bytes);
        }
        first.split("/targets/").next().unwrap().to_owned()
    };
    let later = "2099-01-01T00:00:00Z";
    let url = publish(2, later);
    let path = kept.minted.path("tuf-root.json");
    let arguments = ["--tuf-url", &url, "--tuf-root", path.to_str().unwrap()];
    let ran = kept.verify(&arguments).ok();
    assert!(ran.json()["trusted_root"].as_str().unwrap().contains("fetched over TUF just now"));
    // Case 35: rolled back, expired, of another root: unproven. Where nobody can be asked, what was fetched before counts.
    publish(1, later);
    let unproven = ("unproven".to_owned(), "trust-root".to_owned());
    assert_eq!(verdict(&kept.verify(&arguments)), unproven);
    publish(2, later);
    kept.github.inject(Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before)));
    let told = kept.verify(&arguments).ok().json();
    let roots = told["trusted_root"].as_str().unwrap();
    assert!(roots.contains("fetched over TUF before") && roots.contains("cannot reach"), "{roots}");
    let fresh = kept.minted.path("cache");
    std::fs::remove_dir_all(&fresh).unwrap();
    publish(3, "2026-01-01T00:00:00Z");
    let ran = kept.verify(&arguments);
    assert_eq!(verdict(&ran), unproven);
    let finding = &ran.json()["subjects"][0]["findings"][0];
    assert!(finding["evidence"].as_str().unwrap().contains("expired"), "{finding:#}");
    assert!(finding["hint"].as_str().unwrap().contains("--trusted-root"), "{finding:#}");
    publish(4, later);
    kept.verify(&arguments).ok();
    let other = Tuf::new().unwrap();
    let (_, bytes) = other.files(1, &root, later).remove(0);
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_dir_all(&fresh).unwrap();
    assert_eq!(verdict(&kept.verify(&arguments)), unproven, "another root of trust was taken");
}
