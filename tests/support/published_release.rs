//! A release that somebody published, right or wrong, and what an audit makes of it.

use std::io::Write as _;
use std::process::Stdio;

use emulators::{ActionsRun, Sigstore};
use serde_json::{Value, json};

use crate::support::attested_file::{NOW, release_run};
use crate::support::repository::{Ran, hermetic};
use crate::support::test_bed::{TAG, World};

/// The name of the source archive.
pub(crate) const ARCHIVE: &str = "opensandbox-server-v0.1.1.tar.gz";
/// The folder in it.
pub(crate) const FOLDER: &str = "opensandbox-server-v0.1.1";

/// A world with a tag on origin, and a Sigstore instance.
pub(crate) struct Released {
    pub(crate) world: World,
    pub(crate) sigstore: Sigstore,
    /// The tag's commit.
    pub(crate) commit: String,
}

/// Runs a program over bytes.
pub(crate) fn filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = hermetic(program, std::path::Path::new("/"));
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program} failed");
    output.stdout
}

/// The SHA-256 of bytes, as `sha256sum` tells it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&filter("sha256sum", &[], bytes))[..64].to_owned()
}

/// The sums that fit an archive.
pub(crate) fn sums(archive: &[u8]) -> String {
    format!("{}  {ARCHIVE}\n", sha256(archive))
}

impl Released {
    /// The tag is on origin, at the newest commit; nothing is released.
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.github.configure(|it| it.now = NOW);
        world.clone.git(["tag", "-a", "-m", "release", TAG]);
        world.clone.git(["push", "-q", "origin", TAG]);
        let commit = world.clone.git(["rev-parse", "HEAD"]);
        let sigstore = Sigstore::new(NOW).unwrap();
        std::fs::write(world.home.path().join("root.json"), sigstore.trusted_root().unwrap().to_string())
            .unwrap();
        Self { world, sigstore, commit }
    }

    /// The tar stream that git makes of the tag.
    pub(crate) fn tar(&self) -> Vec<u8> {
        self.tar_of(FOLDER, TAG)
    }

    /// The one that it makes of something, below a folder.
    pub(crate) fn tar_of(&self, folder: &str, revision: &str) -> Vec<u8> {
        let mut command = hermetic("git", self.world.home.path());
        command.arg("-C").arg(self.world.clone.path()).args(["-c", "tar.umask=0002", "archive"]);
        command.args(["--format=tar", &format!("--prefix={folder}/"), revision]).output().unwrap().stdout
    }

    /// The same, compressed by gzip.
    pub(crate) fn archive(&self) -> Vec<u8> {
        filter("gzip", &["-n"], &self.tar())
    }

    /// The run of the release workflow that has the tag's commit.
    pub(crate) fn run(&self) -> ActionsRun {
        ActionsRun { commit: self.commit.clone(), ..release_run() }
    }

    /// Publishes an archive, sums that fit it, and attestations of both.
    pub(crate) fn publish(&mut self, archive: &[u8]) {
        let sums = sums(archive);
        self.publish_as(archive, sums.as_bytes());
        self.attest(&[(ARCHIVE, archive), ("SHA256SUMS", sums.as_bytes())], &self.run());
    }

    /// Publishes these, and attests nothing. What was released before is gone.
    pub(crate) fn publish_as(&self, archive: &[u8], sums: &[u8]) {
        for release in self.world.github.releases() {
            self.world.rest("DELETE", &format!("/releases/{}", release["id"]), None);
        }
        let body = json!({ "tag_name": TAG, "name": "OpenSandbox Server v0.1.1", "draft": true });
        let id = self.world.rest("POST", "/releases", Some(&body))["id"].as_u64().unwrap();
        self.world.put(id, ARCHIVE, archive);
        self.world.put(id, "SHA256SUMS", sums);
        let done = self.world.rest("PATCH", &format!("/releases/{id}"), Some(&json!({ "draft": false })));
        assert_eq!(done["draft"], false, "{done:#}");
    }

    /// Attests files by a run of a workflow.
    pub(crate) fn attest(&mut self, files: &[(&str, &[u8])], run: &ActionsRun) {
        let digests: Vec<(&str, String)> = files.iter().map(|(name, bytes)| (*name, sha256(bytes))).collect();
        let subjects: Vec<(&str, &str)> = digests.iter().map(|(name, hex)| (*name, hex.as_str())).collect();
        let bundle = self.sigstore.attest(&run.claims(), &run.provenance(&subjects)).unwrap();
        self.world.github.add_attestation(&bundle.to_string(), false).unwrap();
    }

    /// `audit` of the tag. Anonymous callers have sixty requests an hour, and this one has a new hour each time.
    pub(crate) fn audit(&self, arguments: &[&str]) -> Ran {
        self.world.github.reset_rate_limit();
        let root = self.world.home.path().join("root.json");
        let all = ["audit", TAG, "--format", "json", "--trusted-root", root.to_str().unwrap()];
        self.world.run(&[&all[..], arguments].concat())
    }
}

/// The verdict of an audit, and everything that is not proven, as `check: reason`.
#[track_caller]
pub(crate) fn open(ran: &Ran) -> (String, Vec<String>) {
    let (document, verdict) = ran.verdict();
    let findings = document["findings"].as_array().unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let bad = findings.iter().filter(|it| it["verdict"] != "proven");
    (verdict, bad.map(|it| format!("{}: {}", text(&it["check"]), text(&it["reason"]))).collect())
}
