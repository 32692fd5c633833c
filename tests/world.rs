//! A release world for tests: a clone, its origin behind HTTP, and a GitHub on loopback.

use std::process::Command;

use rehearsal::{GitHub, Settings, User};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Fixture, Ran, run, xtask};

/// The token that may do everything. Invented, and looked for in everything that is ever printed.
pub(crate) const TOKEN: &str = "invented-token-7f3a";
/// The tag that is released.
pub(crate) const TAG: &str = "server/v0.1.1";
/// What `GITHUB_TOKEN` and every other way to a secret has, in the form of basic credentials.
const ENCODED: &str = "aW52ZW50ZWQtdG9rZW4tN2YzY";

/// Everything that a release needs and touches.
pub(crate) struct World {
    pub(crate) github: GitHub,
    pub(crate) clone: Fixture,
    pub(crate) home: TempDir,
}

impl World {
    /// A released server, with a fix since; origin has it all.
    pub(crate) fn new() -> Self {
        Self::of(Fixture::released())
    }

    /// The same around a clone.
    pub(crate) fn of(clone: Fixture) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("acme", "widgets", TOKEN, 1_700_002_000);
        settings.users.push(User { login: "ada-example".to_owned(), email: "ada@example.com".to_owned() });
        let github = GitHub::start(home.path(), settings).unwrap();
        let world = Self { github, clone, home };
        world.clone.git([
            "config",
            "credential.helper",
            &format!("!f() {{ echo username=x; echo password={TOKEN}; }}; f"),
        ]);
        world.clone.git(["remote", "set-url", "origin", &world.github.clone_url()]);
        world.clone.git(["push", "-q", "origin", "main", "--tags"]);
        world.github.forget();
        world
    }

    /// `cargo xtask`, as it would be typed in the clone.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = xtask(self.clone.path());
        command
            .env("HOME", self.home.path())
            .env("GITHUB_API_URL", self.github.api())
            .env("GH_TOKEN", TOKEN)
            .env("RELEASE_HTTP_TIMEOUT", "1")
            .args(["-R", "acme/widgets"])
            .args(arguments);
        command
    }

    /// The same, run. No secret is in what it says.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        without_secret(run(&mut self.command(arguments)))
    }

    /// A release that is published.
    #[track_caller]
    pub(crate) fn publish(&self) -> Ran {
        self.run(&["release", TAG, "--push", "--format", "json"])
    }

    /// The one release that there is.
    #[track_caller]
    pub(crate) fn release(&self) -> Value {
        let mut all = self.github.releases();
        assert_eq!(all.len(), 1, "not one release: {all:#?}");
        all.remove(0)
    }

    /// The published release, without what differs from run to run: numbers, addresses and times.
    #[track_caller]
    pub(crate) fn published(&self) -> Vec<String> {
        let release = self.release();
        let mut parts: Vec<String> = ["tag_name", "name", "body", "draft", "prerelease", "immutable"]
            .iter()
            .map(|it| format!("{it}: {}", release[*it]))
            .collect();
        for asset in release["assets"].as_array().unwrap() {
            let bytes = self.github.asset(asset["id"].as_u64().unwrap()).unwrap();
            assert_eq!(bytes.len() as u64, asset["size"].as_u64().unwrap());
            parts.push(format!("{} {} {} {}", asset["name"], asset["state"], asset["digest"], asset["size"]));
        }
        parts.push(self.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}*")]));
        parts
    }
}

/// What ran, if no secret is in it.
#[track_caller]
pub(crate) fn without_secret(ran: Ran) -> Ran {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(TOKEN) && !text.contains(ENCODED), "a secret was told:\n{text}");
    }
    ran
}
