//! Test bed for releases: a clone, its remote served over HTTP, and the emulated GitHub.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use emulators::{GitHub, GitHubSettings, UserAccount};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::file_tree::FileTree;
use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

/// Token with all permissions. Invented; every output and every written file is searched for it.
pub(crate) const TOKEN: &str = "invented-token-7f3a";
/// The tag to release.
pub(crate) const TAG: &str = "server/v0.1.1";
/// Start of [`TOKEN`] in base64, as in the Basic credentials of `x-access-token:TOKEN`. The user name and its colon
/// have 15 bytes, a multiple of 3, so the encoding of the token does not depend on them.
const ENCODED_TOKEN: &str = "aW52ZW50ZWQtdG9rZW4tN2YzY";

/// Everything that a release reads and writes.
pub(crate) struct TestBed {
    pub(crate) github: GitHub,
    pub(crate) clone: TestRepository,
    pub(crate) home: TempDir,
}

impl Drop for TestBed {
    /// Searches every file that a run may have written for the token: reports, logs, caches, archives, the repository.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let found = [files_with_token(self.home.path()), files_with_token(self.clone.path())].concat();
            assert!(found.is_empty(), "the token was written to {found:?}");
        }
    }
}

/// Returns the files below a folder that contain the token. Skips `.git/config` and `bin/gh`: the tests write the token
/// there.
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
                let has = |secret: &str| memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
                if has(TOKEN) || has(ENCODED_TOKEN) {
                    found.push(path);
                }
            }
        }
    }
    found
}

impl TestBed {
    /// Creates a test bed around [`TestRepository::with_release`]. The remote has all commits and tags.
    pub(crate) fn new() -> Self {
        // What a push of all commits and tags leaves on the remote.
        static REMOTE: OnceLock<FileTree> = OnceLock::new();
        let remote = REMOTE.get_or_init(|| {
            let pushed = Self::with_clone(TestRepository::with_release());
            FileTree::read(pushed.github.git_dir())
        });
        let bed = Self::with_empty_origin(TestRepository::with_release());
        remote.write(bed.github.git_dir());
        bed
    }

    /// Creates a test bed around a clone, and pushes its `main` and tags to the emulated GitHub.
    pub(crate) fn with_clone(clone: TestRepository) -> Self {
        let bed = Self::with_empty_origin(clone);
        bed.clone.git(["push", "-q", "origin", "main", "--tags"]);
        bed.github.clear_log();
        bed
    }

    /// Creates a test bed around a clone. The remote is empty.
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

    /// Returns `cargo xtask -R acme/widgets`, run in the clone with the API URL and the token of the emulated GitHub.
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

    /// Runs [`Self::command`]. Panics if the output contains the token.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> CapturedOutput {
        expect_no_secret(run(&mut self.command(arguments)))
    }

    /// Runs `release TAG --push`, which publishes the release.
    #[track_caller]
    pub(crate) fn publish(&self) -> CapturedOutput {
        self.run(&["release", TAG, "--push", "--format", "json"])
    }

    /// Asserts that this check alone refuses a dry run, for this reason. The run without `--dry-run` must be refused in
    /// the same way and change nothing on the remote.
    #[track_caller]
    pub(crate) fn expect_refused(&self, arguments: &[&str], check: &str, reason: &str) {
        let all = [&["release", TAG, "--push", "--format", "json"], arguments].concat();
        let reasons = |output: &CapturedOutput| -> Vec<(String, String)> {
            assert_eq!(output.code, 1, "not refused:\n{}\n{}", output.stdout, output.stderr);
            let all = output.json()["refusals"].as_array().unwrap().clone();
            assert!(all.iter().all(|it| it["hint"] != "" && it["evidence"] != ""), "{all:#?}");
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            all.iter().map(|it| (text(&it["check"]), text(&it["reason"]))).collect()
        };
        let before = self.remote_state();
        let planned = reasons(&self.run(&[&all[..], &["--dry-run"]].concat()));
        assert_eq!(planned, [(check.to_owned(), reason.to_owned())]);
        assert_eq!(reasons(&self.run(&all)), planned, "the dry run reported other refusals");
        assert_eq!(self.remote_state(), before, "a refused run changed something");
    }

    /// Returns all releases and remote refs, to compare before and after a run.
    pub(crate) fn remote_state(&self) -> (Vec<Value>, String) {
        (self.github.releases(), self.clone.git(["ls-remote", "origin"]))
    }

    /// Sends a REST request with the token and returns the response; `null` if it is not JSON. See [`rest_request`].
    #[track_caller]
    pub(crate) fn rest_request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let address = self.github.api_url();
        rest_request(&address, method, path, body)
    }

    /// Creates a release of the tag in place of another person, and returns its id.
    pub(crate) fn create_release(&self, draft: bool) -> u64 {
        let body = serde_json::json!({ "tag_name": TAG, "name": "by hand", "draft": draft });
        self.rest_request("POST", "/releases", Some(&body))["id"].as_u64().unwrap()
    }

    /// Uploads an asset with curl, not with the suite.
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

    /// Returns the only release. Panics if there is none or more than one.
    #[track_caller]
    pub(crate) fn only_release(&self) -> Value {
        let mut all = self.github.releases();
        assert_eq!(all.len(), 1, "expected 1 release, found {all:#?}");
        all.remove(0)
    }

    /// Returns what must be equal however the release was published: texts, flags, assets with digests, remote tag.
    /// Ids, URLs and times differ between runs and are left out.
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

/// Sends a REST request with curl to the repository `acme/widgets` at an API URL.
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

/// Returns the output. Panics if it contains the token.
#[track_caller]
pub(crate) fn expect_no_secret(output: CapturedOutput) -> CapturedOutput {
    for text in [&output.stdout, &output.stderr] {
        assert!(
            !text.contains(TOKEN) && !text.contains(ENCODED_TOKEN),
            "the output contains the token:\n{text}"
        );
    }
    output
}
