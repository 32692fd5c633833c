//! Packages that emulated registries serve, and the `audit` command for them.

use std::path::PathBuf;

use emulators::{ActionsRun, RegistryServer, Sigstore};
use serde_json::{Value, json};

use crate::channels::package_bed::PackageBed;
use crate::support::attested_file::{SIGNING_TIME, release_workflow_run};
use crate::support::published_release::sha256_hex;
use crate::support::repository::{CapturedOutput, TestRepository, run};
use crate::support::test_bed::TestBed;

/// A workflow that attests what it publishes.
pub(crate) const ATTESTING_WORKFLOW: &str =
    "on: push\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/attest@v3\n";
/// A workflow that does not.
pub(crate) const PLAIN_WORKFLOW: &str =
    "on: push\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n      - run: uv publish\n";

/// A tagged repository on the emulated GitHub, its packages, and the registries that serve them.
pub(crate) struct PublishedPackages {
    pub(crate) bed: TestBed,
    pub(crate) registries: RegistryServer,
    pub(crate) sigstore: Sigstore,
    /// The commit of the tag.
    pub(crate) commit: String,
    tag: &'static str,
    config: PathBuf,
    /// Owns the repository and the packages.
    pub(crate) packages: PackageBed,
}

impl PublishedPackages {
    /// Pushes the tag of a repository. Nothing is published on a registry yet.
    pub(crate) fn new(packages: PackageBed) -> Self {
        packages.repository.git(["remote", "add", "origin", "https://example.com/placeholder"]);
        let bed = TestBed::with_clone(TestRepository::open(packages.repository.path().to_owned()));
        bed.github.configure(|it| it.now = SIGNING_TIME);
        let commit = bed.clone.git(["rev-parse", &format!("{}^{{commit}}", packages.tag)]);
        let sigstore = Sigstore::new(SIGNING_TIME).unwrap();
        let root = sigstore.trusted_root().unwrap().to_string();
        std::fs::write(bed.home.path().join("root.json"), root).unwrap();
        let registries = RegistryServer::start().unwrap();
        let config = bed.home.path().join("release.toml");
        let (tag, packages) = (packages.tag, packages);
        let published = Self { bed, registries, sigstore, commit, tag, config, packages };
        published.configure(&published.registries.configuration().unwrap());
        published
    }

    /// Replaces the table `[registries]` of the release configuration.
    pub(crate) fn configure(&self, table: &str) {
        let text = include_str!("../../release.toml");
        let (before, rest) = text.split_once("[registries]\n").unwrap();
        let (_, after) = rest.split_once("[contributors]\n").unwrap();
        std::fs::write(&self.config, format!("{before}{table}\n[contributors]\n{after}")).unwrap();
    }

    /// Returns the run of a publish workflow on the tag.
    pub(crate) fn publish_run(&self, workflow: &str) -> ActionsRun {
        ActionsRun {
            commit: self.commit.clone(),
            workflow: workflow.to_owned(),
            reference: format!("refs/tags/{}", self.tag),
            event: "push".to_owned(),
            ..release_workflow_run()
        }
    }

    /// Returns a bundle in which a run attests a file.
    pub(crate) fn bundle(&mut self, name: &str, bytes: &[u8], run: &ActionsRun) -> Value {
        self.sigstore.attest(&run.claims(), &run.provenance(&[(name, &sha256_hex(bytes))])).unwrap()
    }

    /// Stores an attestation of a file on GitHub.
    pub(crate) fn attest(&mut self, name: &str, bytes: &[u8], run: &ActionsRun) {
        let bundle = self.bundle(name, bytes, run);
        self.bed.github.add_attestation(&bundle.to_string(), false).unwrap();
    }

    /// Runs `audit TAG` for one channel, in JSON.
    #[track_caller]
    pub(crate) fn audit(&self, channel: &str, arguments: &[&str]) -> CapturedOutput {
        self.audit_subject(&[self.tag], channel, &[&["--format", "json"], arguments].concat())
    }

    /// Runs `audit` for a tag, or for what options select, and one channel.
    #[track_caller]
    pub(crate) fn audit_subject(
        &self,
        subject: &[&str],
        channel: &str,
        arguments: &[&str],
    ) -> CapturedOutput {
        self.bed.github.reset_rate_limit();
        let root = self.bed.home.path().join("root.json");
        let mut command = self.bed.command(&["audit", "--channel", channel, "--trusted-root"]);
        run(command
            .arg(root)
            .args(subject)
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .env("RELEASE_HTTP_TRIES", "1"))
    }

    /// Returns the verdict of an audit, and every finding that is not proven as `check: reason: evidence`.
    #[track_caller]
    pub(crate) fn unproven(&self, channel: &str) -> (String, Vec<String>) {
        unproven(&self.audit(channel, &[]))
    }

    /// Asserts that everything is proven, and returns the warnings.
    #[track_caller]
    pub(crate) fn expect_proven(&self, channel: &str) -> Vec<String> {
        let output = self.audit(channel, &[]);
        assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
        let warnings = output.json()["notes"].as_array().unwrap().clone();
        warnings.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    /// Asserts that an audit has this verdict, with one finding that contains each of the texts. Returns a row for a
    /// table.
    #[track_caller]
    pub(crate) fn expect(&self, channel: &str, attack: &str, verdict: &str, texts: &[&str]) -> String {
        let (found, findings) = self.unproven(channel);
        assert_eq!(found, verdict, "{attack}: {findings:#?}");
        for text in texts {
            assert!(findings.iter().any(|it| it.contains(text)), "{attack}: no '{text}' in {findings:#?}");
        }
        format!("{attack:<56} {verdict:<9} {}", findings.join(" | "))
    }
}

#[track_caller]
pub(crate) fn unproven(output: &CapturedOutput) -> (String, Vec<String>) {
    let (document, verdict) = output.verdict();
    let findings = document["findings"].as_array().unwrap().iter();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let unproven = findings
        .filter(|it| it["verdict"] != "proven")
        .map(|it| format!("{}: {}: {}", text(it, "check"), text(it, "reason"), text(it, "evidence")));
    (verdict, unproven.collect())
}

/// Returns the bytes of a JSON document after a change.
pub(crate) fn edited_json(bytes: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(bytes).unwrap_or(json!(null));
    edit(&mut value);
    value.to_string().into_bytes()
}
