//! Case 97: broken, expired or rolled back TUF metadata in the cache. Also tests the commands of `trusted-root`.

use std::path::PathBuf;

use emulators::{Fault, FaultKind, FaultTiming, GitHub, GitHubSettings, Tuf};

use super::record_case;
use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS, SIGNING_TIME, verify_verdict};
use crate::support::repository::{CapturedOutput, run, xtask};
use crate::support::test_bed::TOKEN;

const FAR_EXPIRY: &str = "2099-01-01T00:00:00Z";

/// An attested file, and a TUF repository that publishes the trusted root.
struct TufTestBed {
    attested_file: AttestedFile,
    github: GitHub,
    tuf: Tuf,
    tuf_url: String,
}

impl TufTestBed {
    fn new() -> Self {
        let attested_file = AttestedFile::new();
        let github = GitHub::start(
            attested_file.folder.path(),
            GitHubSettings::new("acme", "widgets", TOKEN, SIGNING_TIME),
        )
        .unwrap();
        let mut this = Self { attested_file, github, tuf: Tuf::new().unwrap(), tuf_url: String::new() };
        let bundle = this.attested_file.bundle().to_string();
        std::fs::write(this.attested_file.path("bundle.json"), bundle).unwrap();
        this.publish_metadata(1, FAR_EXPIRY);
        this
    }

    fn publish_metadata(&mut self, version: u32, expires: &str) {
        let root = self.attested_file.sigstore.trusted_root().unwrap().to_string();
        for (path, bytes) in self.tuf.files(version, &root, expires) {
            if path == "1.root.json" {
                std::fs::write(self.attested_file.path("tuf-root.json"), &bytes).unwrap();
            }
            let address = self.github.host_file(&format!("tuf/{path}"), bytes);
            self.tuf_url = address.split("/tuf/").next().unwrap().to_owned() + "/tuf";
        }
    }

    fn run(&self, arguments: &[&str]) -> CapturedOutput {
        let mut command = xtask(self.attested_file.folder.path());
        command.env("XDG_CACHE_HOME", self.attested_file.path("cache")).env("RELEASE_HTTP_TIMEOUT", "5");
        run(command.args(arguments).args(["--tuf-url", &self.tuf_url, "--tuf-root", "tuf-root.json"]))
    }

    /// Runs `verify` with or without the network. Returns verdict and reason.
    fn verify(&self, online: bool) -> (String, String) {
        let file = self.attested_file.file_path();
        let base = ["verify", &file, "-R", "acme/widgets", "--format", "json", "--bundle", "bundle.json"];
        let offline: &[&str] = if online { &[] } else { &["--offline"] };
        verify_verdict(&self.run(&[&base[..], &RELEASE_POLICY_FLAGS, offline].concat()))
    }

    /// Returns the folder of the only TUF repository in the cache.
    fn cache_folder(&self) -> PathBuf {
        let folder = self.attested_file.path("cache/opensandbox-release/tuf");
        std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }
}

fn trust_root_unproven() -> (String, String) {
    ("unproven".to_owned(), "trust-root".to_owned())
}

fn proven_ok() -> (String, String) {
    ("proven".to_owned(), "ok".to_owned())
}

#[test]
fn case_97_invalid_tuf_cache_is_unproven() {
    // Broken: every file in turn is truncated, emptied, replaced or extended.
    let mut tuf_bed = TufTestBed::new();
    assert_eq!(tuf_bed.verify(true), proven_ok());
    assert_eq!(tuf_bed.verify(false), proven_ok());
    let mut broken = 0;
    for name in ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/trusted_root.json"]
    {
        let file = tuf_bed.cache_folder().join(name);
        let good = std::fs::read(&file).unwrap();
        for bad in [&good[..good.len() / 2], b"", b"{}", &[&good[..], b" "].concat()] {
            if name == "root.json" && bad.ends_with(b" ") {
                continue;
            }
            std::fs::write(&file, bad).unwrap();
            // A space after a signed document does not change the signed content.
            if !bad.ends_with(b" ") || name.starts_with("targets/") {
                assert_eq!(tuf_bed.verify(false), trust_root_unproven(), "{name} {}", bad.len());
                broken += 1;
            }
            std::fs::write(&file, &good).unwrap();
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(tuf_bed.verify(false), trust_root_unproven(), "{name} is a folder");
        std::fs::remove_dir(&file).unwrap();
        std::fs::write(&file, &good).unwrap();
    }
    assert_eq!(tuf_bed.verify(false), proven_ok());
    // Rolled back: an older timestamp, which names older files that are still cached.
    let older = std::fs::read(tuf_bed.cache_folder().join("timestamp.json")).unwrap();
    tuf_bed.publish_metadata(2, FAR_EXPIRY);
    assert_eq!(tuf_bed.verify(true), proven_ok());
    let newer = std::fs::read(tuf_bed.cache_folder().join("timestamp.json")).unwrap();
    std::fs::write(tuf_bed.cache_folder().join("timestamp.json"), older).unwrap();
    assert_eq!(tuf_bed.verify(false), trust_root_unproven(), "rolled back");
    // The verdict is the same if the repository cannot be reached.
    tuf_bed.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before))
    });
    assert_eq!(tuf_bed.verify(true), trust_root_unproven(), "rolled back, and unreachable");
    std::fs::write(tuf_bed.cache_folder().join("timestamp.json"), newer).unwrap();
    assert_eq!(tuf_bed.verify(false), proven_ok());
    // Expired metadata.
    let mut tuf_bed = TufTestBed::new();
    tuf_bed.publish_metadata(1, "2026-01-01T00:00:00Z");
    let bytes = tuf_bed.tuf.files(1, "{}", "2026-01-01T00:00:00Z");
    assert!(bytes.len() > 4);
    assert_eq!(tuf_bed.verify(true), trust_root_unproven(), "expired");
    record_case(
        97,
        "broken, expired, rolled back TUF metadata",
        &format!("unproven (trust-root), {broken} broken files"),
        "proven, offline too",
    );
}

#[test]
fn built_in_root_is_used_only_without_a_cache() {
    let tuf_bed = TufTestBed::new();
    let offline = |cache: &str| {
        let mut command = xtask(tuf_bed.attested_file.folder.path());
        command.env("XDG_CACHE_HOME", tuf_bed.attested_file.path(cache));
        let output = run(command.args(["trusted-root", "show", "--format", "json"]));
        (output.code, format!("{}{}", output.stdout, output.stderr))
    };
    let (code, text) = offline("none");
    assert!(code == 0 && text.contains("the built-in trusted roots (offline)"), "{text}");
    // A cache of Sigstore's public repository with metadata that does not verify.
    let name = crate::support::published_release::sha256_hex(b"https://tuf-repo-cdn.sigstore.dev");
    let folder = tuf_bed.attested_file.path(&format!("own/opensandbox-release/tuf/{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("timestamp.json"), "{}").unwrap();
    let (code, text) = offline("own");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("cached TUF metadata of https://tuf-repo-cdn.sigstore.dev is not valid"), "{text}");
}

#[test]
fn exported_trusted_root_verifies() {
    let tuf_bed = TufTestBed::new();
    let shown = tuf_bed.run(&["trusted-root", "show"]);
    assert_eq!(shown.code, 1, "nothing was fetched yet: {}", shown.stdout);
    let refreshed = tuf_bed.run(&["trusted-root", "refresh"]).ok().stdout;
    assert!(refreshed.contains("fetched over TUF just now"), "{refreshed}");
    let shown = tuf_bed.run(&["trusted-root", "show", "--format", "json"]).ok().json();
    assert_eq!(shown["roots"][0]["expires"], FAR_EXPIRY);
    assert_eq!(shown["roots"][0]["logs"][0]["name"], "https://rekor.rehearsal.invalid");
    let text = tuf_bed.run(&["trusted-root", "show"]).ok().stdout;
    assert!(text.contains("metadata expires 2099-01-01T00:00:00Z") && text.contains("days old"), "{text}");
    // The exported file verifies the bundle without TUF.
    tuf_bed.run(&["trusted-root", "export", "exported.jsonl"]).ok();
    let mut command = xtask(tuf_bed.attested_file.folder.path());
    command.args([
        "verify",
        &tuf_bed.attested_file.file_path(),
        "-R",
        "acme/widgets",
        "--bundle",
        "bundle.json",
    ]);
    run(command.args(RELEASE_POLICY_FLAGS).args(["--offline", "--trusted-root", "exported.jsonl"])).ok();
    // An existing link is not followed.
    std::os::unix::fs::symlink("exported.jsonl", tuf_bed.attested_file.path("link.jsonl")).unwrap();
    let output = tuf_bed.run(&["trusted-root", "export", "link.jsonl"]);
    assert!(output.code == 1 && output.stderr.contains("link.jsonl is a symbolic link"), "{}", output.stderr);
    // If the repository cannot be reached, `refresh` fails.
    tuf_bed.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before))
    });
    let output = tuf_bed.run(&["trusted-root", "refresh"]);
    assert!(output.code == 1 && output.stderr.contains("not fetched"), "{}", output.stderr);
}
