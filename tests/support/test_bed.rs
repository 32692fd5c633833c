//! A release world for tests: a clone, its origin behind HTTP, and a GitHub on loopback.

use std::path::Path;
use std::process::Command;

use emulators::{GitHub, GitHubSettings, UserAccount};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

/// The token that may do everything. Invented, and looked for in everything that is ever printed.
pub(crate) const TOKEN: &str = "invented-token-7f3a";
/// The tag that is released.
pub(crate) const TAG: &str = "server/v0.1.1";
/// What `GITHUB_TOKEN` and every other way to a secret has, in the form of basic credentials.
const ENCODED_TOKEN: &str = "aW52ZW50ZWQtdG9rZW4tN2YzY";

/// Everything that a release needs and touches.
pub(crate) struct TestBed {
    pub(crate) github: GitHub,
    pub(crate) clone: TestRepository,
    pub(crate) home: TempDir,
}

impl Drop for TestBed {
    /// Looks for the token in everything that a run could have written: reports, logs, caches, archives, the repository.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let found = [files_with_token(self.home.path()), files_with_token(self.clone.path())].concat();
            assert!(found.is_empty(), "a secret was written to {found:?}");
        }
    }
}

/// The files below a folder that hold the token. Git's own configuration is where the tests put it.
pub(crate) fn files_with_token(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file()
                && !path.to_string_lossy().ends_with(".git/config")
                && !path.ends_with("bin/gh")
            {
                let bytes = std::fs::read(&path).unwrap();
                let has = |secret: &str| bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
                if has(TOKEN) || has(ENCODED_TOKEN) {
                    found.push(path);
                }
            }
        }
    }
    found
}

impl TestBed {
    /// A released server, with a fix since; origin has it all.
    pub(crate) fn new() -> Self {
        Self::with_clone(TestRepository::with_release())
    }

    /// The same around a clone.
    pub(crate) fn with_clone(clone: TestRepository) -> Self {
        let bed = Self::with_empty_origin(clone);
        bed.clone.git(["push", "-q", "origin", "main", "--tags"]);
        bed.github.clear_log();
        bed
    }

    /// The same with an origin that has nothing yet.
    pub(crate) fn with_empty_origin(clone: TestRepository) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut settings = GitHubSettings::new("acme", "widgets", TOKEN, 1_700_002_000);
        settings
            .accounts
            .push(UserAccount { login: "ada-example".to_owned(), email: "ada@example.com".to_owned() });
        let github = GitHub::start(home.path(), settings).unwrap();
        let bed = Self { github, clone, home };
        bed.clone.git([
            "config",
            "credential.helper",
            &format!("!f() {{ echo username=x; echo password={TOKEN}; }}; f"),
        ]);
        bed.clone.git(["remote", "set-url", "origin", &bed.github.clone_url()]);
        bed
    }

    /// `cargo xtask`, as it would be typed in the clone.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = xtask(self.clone.path());
        command
            .env("HOME", self.home.path())
            .env("GITHUB_API_URL", self.github.api_url())
            .env("GH_TOKEN", TOKEN)
            .env("RELEASE_HTTP_TIMEOUT", "20")
            .args(["-R", "acme/widgets"])
            .args(arguments);
        command
    }

    /// The same, run. No secret is in what it says.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> CapturedOutput {
        expect_no_secret(run(&mut self.command(arguments)))
    }

    /// A release that is published.
    #[track_caller]
    pub(crate) fn publish(&self) -> CapturedOutput {
        self.run(&["release", TAG, "--push", "--format", "json"])
    }

    /// What a dry run says against it; the run itself must say the same and change nothing.
    #[track_caller]
    pub(crate) fn expect_refused(&self, arguments: &[&str], check: &str, reason: &str) {
        let all = [&["release", TAG, "--push", "--format", "json"], arguments].concat();
        let reasons = |output: &CapturedOutput| -> Vec<(String, String)> {
            assert_eq!(output.code, 1, "it is not refused:\n{}\n{}", output.stdout, output.stderr);
            let all = output.json()["refusals"].as_array().unwrap().clone();
            assert!(all.iter().all(|it| it["hint"] != "" && it["evidence"] != ""), "{all:#?}");
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            all.iter().map(|it| (text(&it["check"]), text(&it["reason"]))).collect()
        };
        let before = self.remote_state();
        let planned = reasons(&self.run(&[&all[..], &["--dry-run"]].concat()));
        assert_eq!(planned, [(check.to_owned(), reason.to_owned())]);
        assert_eq!(reasons(&self.run(&all)), planned, "the dry run said something else");
        assert_eq!(self.remote_state(), before, "a refused run changed something");
    }

    /// Everything that the world sees of the repository.
    pub(crate) fn remote_state(&self) -> (Vec<Value>, String) {
        (self.github.releases(), self.clone.git(["ls-remote", "origin"]))
    }

    /// Asks the API as somebody who may do everything, and gives the answer.
    #[track_caller]
    pub(crate) fn rest_request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let address = self.github.api_url();
        rest_request(&address, method, path, body)
    }

    /// A release of the tag that somebody else made.
    pub(crate) fn create_release(&self, draft: bool) -> u64 {
        let body = serde_json::json!({ "tag_name": TAG, "name": "by hand", "draft": draft });
        self.rest_request("POST", "/releases", Some(&body))["id"].as_u64().unwrap()
    }

    /// Puts an asset there by hand.
    pub(crate) fn upload_asset(&self, release: u64, name: &str, bytes: &[u8]) {
        let file = self.home.path().join("asset");
        std::fs::write(&file, bytes).unwrap();
        let to = format!(
            "{}/api/uploads/repos/acme/widgets/releases/{release}/assets?name={name}",
            self.github.api_url()
        );
        let mut curl = hermetic_command("curl", self.home.path());
        curl.args(["-sS", "-f", "-X", "POST", "-H", &format!("Authorization: Bearer {TOKEN}")]);
        curl.args(["-H", "Content-Type: application/octet-stream", "-T"]).arg(&file).arg(to);
        run(&mut curl).ok();
    }

    /// The one release that there is.
    #[track_caller]
    pub(crate) fn only_release(&self) -> Value {
        let mut all = self.github.releases();
        assert_eq!(all.len(), 1, "not one release: {all:#?}");
        all.remove(0)
    }

    /// The published release, without what differs from run to run: numbers, addresses and times.
    #[track_caller]
    pub(crate) fn release_summary(&self) -> Vec<String> {
        let release = self.only_release();
        let mut parts: Vec<String> = ["tag_name", "name", "body", "draft", "prerelease", "immutable"]
            .iter()
            .map(|it| format!("{it}: {}", release[*it]))
            .collect();
        for asset in release["assets"].as_array().unwrap() {
            let bytes = self.github.asset_bytes(asset["id"].as_u64().unwrap()).unwrap();
            assert_eq!(bytes.len() as u64, asset["size"].as_u64().unwrap());
            parts.push(format!("{} {} {} {}", asset["name"], asset["state"], asset["digest"], asset["size"]));
        }
        parts.push(self.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}*")]));
        parts
    }
}

/// Asks the API at an address.
#[track_caller]
pub(crate) fn rest_request(address: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
    let mut curl = hermetic_command("curl", Path::new("/"));
    curl.args(["-sS", "-X", method, "-H", &format!("Authorization: Bearer {TOKEN}")]);
    if let Some(body) = body {
        curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
    }
    let output = run(curl.arg(format!("{address}/repos/acme/widgets{path}"))).ok();
    serde_json::from_str(&output.stdout).unwrap_or(Value::Null)
}

/// What ran, if no secret is in it.
#[track_caller]
pub(crate) fn expect_no_secret(output: CapturedOutput) -> CapturedOutput {
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(TOKEN) && !text.contains(ENCODED_TOKEN), "a secret was told:\n{text}");
    }
    output
}
