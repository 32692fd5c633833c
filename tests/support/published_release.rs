//! A release that somebody published, right or wrong, and what an audit makes of it.

use std::io::Write as _;
use std::process::Stdio;

use emulators::{ActionsRun, Sigstore};
use serde_json::{Value, json};

use crate::support::attested_file::{SIGNING_TIME, release_workflow_run};
use crate::support::repository::{CapturedOutput, hermetic_command};
use crate::support::test_bed::{TAG, TestBed};

/// The name of the source archive.
pub(crate) const ARCHIVE_NAME: &str = "opensandbox-server-v0.1.1.tar.gz";
/// The folder in it.
pub(crate) const ARCHIVE_FOLDER: &str = "opensandbox-server-v0.1.1";

/// A world with a tag on origin, and a Sigstore instance.
pub(crate) struct PublishedRelease {
    pub(crate) bed: TestBed,
    pub(crate) sigstore: Sigstore,
    /// The tag's commit.
    pub(crate) commit: String,
}

/// Runs a program over bytes.
pub(crate) fn run_filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = hermetic_command(program, std::path::Path::new("/"));
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
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&run_filter("sha256sum", &[], bytes))[..64].to_owned()
}

/// The sums that fit an archive.
pub(crate) fn checksum_file(archive: &[u8]) -> String {
    format!("{}  {ARCHIVE_NAME}\n", sha256_hex(archive))
}

impl PublishedRelease {
    /// The tag is on origin, at the newest commit; nothing is released.
    pub(crate) fn new() -> Self {
        let bed = TestBed::new();
        bed.github.configure(|it| it.now = SIGNING_TIME);
        bed.clone.git(["tag", "-a", "-m", "release", TAG]);
        bed.clone.git(["push", "-q", "origin", TAG]);
        let commit = bed.clone.git(["rev-parse", "HEAD"]);
        let sigstore = Sigstore::new(SIGNING_TIME).unwrap();
        std::fs::write(bed.home.path().join("root.json"), sigstore.trusted_root().unwrap().to_string())
            .unwrap();
        Self { bed, sigstore, commit }
    }

    /// The tar stream that git makes of the tag.
    pub(crate) fn tar(&self) -> Vec<u8> {
        self.tar_of(ARCHIVE_FOLDER, TAG)
    }

    /// The one that it makes of something, below a folder.
    pub(crate) fn tar_of(&self, folder: &str, revision: &str) -> Vec<u8> {
        let mut command = hermetic_command("git", self.bed.home.path());
        command.arg("-C").arg(self.bed.clone.path()).args(["-c", "tar.umask=0002", "archive"]);
        command.args(["--format=tar", &format!("--prefix={folder}/"), revision]).output().unwrap().stdout
    }

    /// The same, compressed by gzip.
    pub(crate) fn archive(&self) -> Vec<u8> {
        run_filter("gzip", &["-n"], &self.tar())
    }

    /// The run of the release workflow that has the tag's commit.
    pub(crate) fn workflow_run(&self) -> ActionsRun {
        ActionsRun { commit: self.commit.clone(), ..release_workflow_run() }
    }

    /// Publishes an archive, sums that fit it, and attestations of both.
    pub(crate) fn publish_attested(&mut self, archive: &[u8]) {
        let sums = checksum_file(archive);
        self.publish_unattested(archive, sums.as_bytes());
        self.attest(&[(ARCHIVE_NAME, archive), ("SHA256SUMS", sums.as_bytes())], &self.workflow_run());
    }

    /// Publishes these, and attests nothing. What was released before is gone.
    pub(crate) fn publish_unattested(&self, archive: &[u8], sums: &[u8]) {
        for release in self.bed.github.releases() {
            self.bed.rest_request("DELETE", &format!("/releases/{}", release["id"]), None);
        }
        let body = json!({ "tag_name": TAG, "name": "OpenSandbox Server v0.1.1", "draft": true });
        let id = self.bed.rest_request("POST", "/releases", Some(&body))["id"].as_u64().unwrap();
        self.bed.upload_asset(id, ARCHIVE_NAME, archive);
        self.bed.upload_asset(id, "SHA256SUMS", sums);
        let done =
            self.bed.rest_request("PATCH", &format!("/releases/{id}"), Some(&json!({ "draft": false })));
        assert_eq!(done["draft"], false, "{done:#}");
    }

    /// Attests files by a run of a workflow.
    pub(crate) fn attest(&mut self, files: &[(&str, &[u8])], run: &ActionsRun) {
        let digests: Vec<(&str, String)> =
            files.iter().map(|(name, bytes)| (*name, sha256_hex(bytes))).collect();
        let subjects: Vec<(&str, &str)> = digests.iter().map(|(name, hex)| (*name, hex.as_str())).collect();
        let bundle = self.sigstore.attest(&run.claims(), &run.provenance(&subjects)).unwrap();
        self.bed.github.add_attestation(&bundle.to_string(), false).unwrap();
    }

    /// `audit` of the tag. Anonymous callers have sixty requests an hour, and this one has a new hour each time.
    pub(crate) fn audit(&self, arguments: &[&str]) -> CapturedOutput {
        self.bed.github.reset_rate_limit();
        let root = self.bed.home.path().join("root.json");
        let all = ["audit", TAG, "--format", "json", "--trusted-root", root.to_str().unwrap()];
        self.bed.run(&[&all[..], arguments].concat())
    }
}

/// The verdict of an audit, and everything that is not proven, as `check: reason`.
#[track_caller]
pub(crate) fn unproven_findings(output: &CapturedOutput) -> (String, Vec<String>) {
    let (document, verdict) = output.verdict();
    let findings = document["findings"].as_array().unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let unproven = findings.iter().filter(|it| it["verdict"] != "proven");
    (verdict, unproven.map(|it| format!("{}: {}", text(&it["check"]), text(&it["reason"]))).collect())
}
