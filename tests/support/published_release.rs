//! A published release, valid or tampered with, and the `audit` command for it.

use std::io::Write as _;
use std::process::Stdio;

use emulators::{ActionsRun, Sigstore};
use serde_json::{Value, json};

use crate::support::attested_file::{SIGNING_TIME, release_workflow_run};
use crate::support::repository::{CapturedOutput, hermetic_command};
use crate::support::test_bed::{TAG, TestBed};

/// Name of the source archive.
pub(crate) const ARCHIVE_NAME: &str = "opensandbox-server-v0.1.1.tar.gz";
/// Name of the top directory in the archive.
pub(crate) const ARCHIVE_FOLDER: &str = "opensandbox-server-v0.1.1";

/// A test bed whose remote has the tag, and an emulated Sigstore instance.
pub(crate) struct PublishedRelease {
    pub(crate) bed: TestBed,
    pub(crate) sigstore: Sigstore,
    /// The commit of the tag.
    pub(crate) commit: String,
}

/// Runs a program with `input` on stdin and returns its stdout.
pub(crate) fn run_filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = hermetic_command(program, std::path::Path::new("/"));
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A thread writes stdin, so that neither side blocks on a full pipe. A program may exit before it has read all.
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program} failed");
    output.stdout
}

/// Returns the SHA-256 of bytes in hexadecimal digits, computed by `sha256sum`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&run_filter("sha256sum", &[], bytes))[..64].to_owned()
}

/// Returns a `SHA256SUMS` file that matches the archive.
pub(crate) fn checksum_file(archive: &[u8]) -> String {
    format!("{}  {ARCHIVE_NAME}\n", sha256_hex(archive))
}

impl PublishedRelease {
    /// Creates and pushes the annotated tag at the newest commit. No release exists yet.
    pub(crate) fn new() -> Self {
        Self::with_bed(TestBed::new())
    }

    /// As [`Self::new`], with this release workflow in the tag's tree.
    pub(crate) fn with_workflow(workflow: &str) -> Self {
        let mut bed = TestBed::new();
        bed.clone.commit("ci: release", &[(".github/workflows/release-generic.yml", workflow)]);
        bed.clone.git(["push", "-q", "origin", "main"]);
        Self::with_bed(bed)
    }

    fn with_bed(bed: TestBed) -> Self {
        bed.github.configure(|it| it.now = SIGNING_TIME);
        bed.clone.git(["tag", "-a", "-m", "release", TAG]);
        bed.clone.git(["push", "-q", "origin", TAG]);
        let commit = bed.clone.git(["rev-parse", "HEAD"]);
        let sigstore = Sigstore::new(SIGNING_TIME).unwrap();
        std::fs::write(bed.home.path().join("root.json"), sigstore.trusted_root().unwrap().to_string())
            .unwrap();
        Self { bed, sigstore, commit }
    }

    /// Returns the tar stream of the tag, written by `git archive`.
    pub(crate) fn tar(&self) -> Vec<u8> {
        self.tar_of(ARCHIVE_FOLDER, TAG)
    }

    /// Returns the tar stream of any revision, below the top directory `folder`.
    pub(crate) fn tar_of(&self, folder: &str, revision: &str) -> Vec<u8> {
        let mut command = hermetic_command("git", self.bed.home.path());
        command.arg("-C").arg(self.bed.clone.path()).args(["-c", "tar.umask=0002", "archive"]);
        command.args(["--format=tar", &format!("--prefix={folder}/"), revision]).output().unwrap().stdout
    }

    /// Returns the tar stream of the tag, compressed by `gzip -n`.
    pub(crate) fn archive(&self) -> Vec<u8> {
        run_filter("gzip", &["-n"], &self.tar())
    }

    /// Returns the run of the release workflow on the commit of the tag.
    pub(crate) fn workflow_run(&self) -> ActionsRun {
        ActionsRun { commit: self.commit.clone(), ..release_workflow_run() }
    }

    /// Publishes an archive with a matching `SHA256SUMS`, and attestations of both files.
    pub(crate) fn publish_attested(&mut self, archive: &[u8]) {
        let sums = checksum_file(archive);
        self.publish_unattested(archive, sums.as_bytes());
        self.attest(&[(ARCHIVE_NAME, archive), ("SHA256SUMS", sums.as_bytes())], &self.workflow_run());
    }

    /// Publishes these two files without attestations. Deletes all earlier releases.
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

    /// Stores one attestation on the emulated GitHub: signed by a workflow run, with all `files` as subjects.
    pub(crate) fn attest(&mut self, files: &[(&str, &[u8])], run: &ActionsRun) {
        let digests: Vec<(&str, String)> =
            files.iter().map(|(name, bytes)| (*name, sha256_hex(bytes))).collect();
        let subjects: Vec<(&str, &str)> = digests.iter().map(|(name, hex)| (*name, hex.as_str())).collect();
        let bundle = self.sigstore.attest(&run.claims(), &run.provenance(&subjects)).unwrap();
        self.bed.github.add_attestation(&bundle.to_string(), false).unwrap();
    }

    /// Runs `audit` on the tag. Resets the rate limit first: GitHub allows anonymous clients 60 requests per hour.
    pub(crate) fn audit(&self, arguments: &[&str]) -> CapturedOutput {
        self.bed.github.reset_rate_limit();
        let root = self.bed.home.path().join("root.json");
        let all = [
            "audit",
            TAG,
            "--channel",
            "source",
            "--format",
            "json",
            "--trusted-root",
            root.to_str().unwrap(),
        ];
        self.bed.run(&[&all[..], arguments].concat())
    }
}

/// Returns the verdict of an audit, and every finding that is not proven as `check: reason`.
#[track_caller]
pub(crate) fn unproven_findings(output: &CapturedOutput) -> (String, Vec<String>) {
    let (document, verdict) = output.verdict();
    let findings = document["findings"].as_array().unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let unproven = findings.iter().filter(|it| it["verdict"] != "proven");
    (verdict, unproven.map(|it| format!("{}: {}", text(&it["check"]), text(&it["reason"]))).collect())
}
