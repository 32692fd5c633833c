//! Case 97: TUF metadata in the cache that is broken, expired or rolled back. And looking at what is trusted.

use std::path::PathBuf;

use emulators::{Fault, FaultKind, FaultTiming, GitHub, GitHubSettings, Tuf};

use super::record;
use crate::support::attested_file::{Minted, NOW, POLICY, verdict};
use crate::support::repository::{Ran, run, xtask};
use crate::support::test_bed::TOKEN;

const LATER: &str = "2099-01-01T00:00:00Z";

/// An attested file, and a TUF repository that publishes the trusted root.
struct Published {
    minted: Minted,
    github: GitHub,
    tuf: Tuf,
    address: String,
}

impl Published {
    fn new() -> Self {
        let minted = Minted::new();
        let github =
            GitHub::start(minted.folder.path(), GitHubSettings::new("acme", "widgets", TOKEN, NOW)).unwrap();
        let mut this = Self { minted, github, tuf: Tuf::new().unwrap(), address: String::new() };
        let bundle = this.minted.bundle().to_string();
        std::fs::write(this.minted.path("bundle.json"), bundle).unwrap();
        this.publish(1, LATER);
        this
    }

    fn publish(&mut self, version: u32, expires: &str) {
        let root = self.minted.sigstore.trusted_root().unwrap().to_string();
        for (path, bytes) in self.tuf.files(version, &root, expires) {
            if path == "1.root.json" {
                std::fs::write(self.minted.path("tuf-root.json"), &bytes).unwrap();
            }
            let address = self.github.host_file(&format!("tuf/{path}"), bytes);
            self.address = address.split("/tuf/").next().unwrap().to_owned() + "/tuf";
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = xtask(self.minted.folder.path());
        command.env("XDG_CACHE_HOME", self.minted.path("cache")).env("RELEASE_HTTP_TIMEOUT", "5");
        run(command.args(arguments).args(["--tuf-url", &self.address, "--tuf-root", "tuf-root.json"]))
    }

    /// `verify`, with the network or without.
    fn verify(&self, online: bool) -> (String, String) {
        let file = self.minted.file();
        let base = ["verify", &file, "-R", "acme/widgets", "--format", "json", "--bundle", "bundle.json"];
        let offline: &[&str] = if online { &[] } else { &["--offline"] };
        verdict(&self.run(&[&base[..], &POLICY, offline].concat()))
    }

    /// The folder of the cache.
    fn cache(&self) -> PathBuf {
        let folder = self.minted.path("cache/opensandbox-release/tuf");
        std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }
}

fn unproven() -> (String, String) {
    ("unproven".to_owned(), "trust-root".to_owned())
}

fn proven() -> (String, String) {
    ("proven".to_owned(), "ok".to_owned())
}

#[test]
fn case_97_a_cache_that_does_not_verify_is_unproven() {
    // Broken: every file in turn, cut short, emptied, or of another's.
    let mut published = Published::new();
    assert_eq!(published.verify(true), proven());
    assert_eq!(published.verify(false), proven());
    let mut broken = 0;
    for name in ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/trusted_root.json"]
    {
        let file = published.cache().join(name);
        let good = std::fs::read(&file).unwrap();
        for bad in [&good[..good.len() / 2], b"", b"{}", &[&good[..], b" "].concat()] {
            if name == "root.json" && bad.ends_with(b" ") {
                continue;
            }
            std::fs::write(&file, bad).unwrap();
            // A space behind a signed document changes nothing that is signed.
            if !bad.ends_with(b" ") || name.starts_with("targets/") {
                assert_eq!(published.verify(false), unproven(), "{name} {}", bad.len());
                broken += 1;
            }
            std::fs::write(&file, &good).unwrap();
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(published.verify(false), unproven(), "{name} is a folder");
        std::fs::remove_dir(&file).unwrap();
        std::fs::write(&file, &good).unwrap();
    }
    assert_eq!(published.verify(false), proven());
    // Rolled back: the older timestamp, which names older files that are still there.
    let older = std::fs::read(published.cache().join("timestamp.json")).unwrap();
    published.publish(2, LATER);
    assert_eq!(published.verify(true), proven());
    let newer = std::fs::read(published.cache().join("timestamp.json")).unwrap();
    std::fs::write(published.cache().join("timestamp.json"), older).unwrap();
    assert_eq!(published.verify(false), unproven(), "rolled back");
    // The same if the repository cannot be reached.
    published.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before))
    });
    assert_eq!(published.verify(true), unproven(), "rolled back, and unreachable");
    std::fs::write(published.cache().join("timestamp.json"), newer).unwrap();
    assert_eq!(published.verify(false), proven());
    // Expired.
    let mut published = Published::new();
    published.publish(1, "2026-01-01T00:00:00Z");
    let bytes = published.tuf.files(1, "{}", "2026-01-01T00:00:00Z");
    assert!(bytes.len() > 4);
    assert_eq!(published.verify(true), unproven(), "expired");
    record(
        97,
        "broken, expired, rolled back TUF metadata",
        &format!("unproven (trust-root), {broken} broken files"),
        "proven, offline too",
    );
}

#[test]
fn the_built_in_root_is_used_only_without_a_cache() {
    let published = Published::new();
    let offline = |cache: &str| {
        let mut command = xtask(published.minted.folder.path());
        command.env("XDG_CACHE_HOME", published.minted.path(cache));
        let ran = run(command.args(["trusted-root", "show", "--format", "json"]));
        (ran.code, format!("{}{}", ran.stdout, ran.stderr))
    };
    let (code, said) = offline("none");
    assert!(code == 0 && said.contains("the built-in trusted roots (offline)"), "{said}");
    // A cache of Sigstore's own repository with something in it that does not verify.
    let name = crate::support::published_release::sha256(b"https://tuf-repo-cdn.sigstore.dev");
    let folder = published.minted.path(&format!("own/opensandbox-release/tuf/{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("timestamp.json"), "{}").unwrap();
    let (code, said) = offline("own");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("cached TUF metadata of https://tuf-repo-cdn.sigstore.dev is not valid"), "{said}");
}

#[test]
fn what_is_trusted_can_be_shown_exported_and_refreshed() {
    let published = Published::new();
    let shown = published.run(&["trusted-root", "show"]);
    assert_eq!(shown.code, 1, "nothing was fetched yet: {}", shown.stdout);
    let refreshed = published.run(&["trusted-root", "refresh"]).ok().stdout;
    assert!(refreshed.contains("fetched over TUF just now"), "{refreshed}");
    let shown = published.run(&["trusted-root", "show", "--format", "json"]).ok().json();
    assert_eq!(shown["roots"][0]["expires"], LATER);
    assert_eq!(shown["roots"][0]["logs"][0]["name"], "https://rekor.rehearsal.invalid");
    let text = published.run(&["trusted-root", "show"]).ok().stdout;
    assert!(text.contains("metadata expires 2099-01-01T00:00:00Z") && text.contains("days old"), "{text}");
    // The file that is written is one that verifies, here and without TUF.
    published.run(&["trusted-root", "export", "exported.jsonl"]).ok();
    let mut command = xtask(published.minted.folder.path());
    command.args(["verify", &published.minted.file(), "-R", "acme/widgets", "--bundle", "bundle.json"]);
    run(command.args(POLICY).args(["--offline", "--trusted-root", "exported.jsonl"])).ok();
    // What is in the way is not written through.
    std::os::unix::fs::symlink("exported.jsonl", published.minted.path("link.jsonl")).unwrap();
    let ran = published.run(&["trusted-root", "export", "link.jsonl"]);
    assert!(ran.code == 1 && ran.stderr.contains("link.jsonl is a symbolic link"), "{}", ran.stderr);
    // Where nobody answers, refreshing says so.
    published.github.inject(Fault {
        times: 9,
        ..Fault::once("GET", "/files/tuf/", FaultKind::DropConnection(FaultTiming::Before))
    });
    let ran = published.run(&["trusted-root", "refresh"]);
    assert!(ran.code == 1 && ran.stderr.contains("not fetched"), "{}", ran.stderr);
}
