//! The real `gh` with the emulated GitHub, and with a release that the suite published there.

use std::path::Path;
use std::process::Command;

use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run};
use crate::support::test_bed::{TAG, TOKEN, TestBed, expect_no_secret};

/// `gh`, isolated from its user's configuration. It speaks plain HTTP to `github.localhost`. Its proxy is the emulated
/// GitHub itself.
struct GhCli<'a> {
    program: std::path::PathBuf,
    bed: &'a TestBed,
}

impl GhCli<'_> {
    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = hermetic_command(&self.program, self.bed.home.path());
        command
            .current_dir(folder)
            .env("GH_HOST", "github.localhost")
            .env("GH_TOKEN", TOKEN)
            .env("GH_CONFIG_DIR", self.bed.home.path().join("gh"))
            .env("XDG_CACHE_HOME", self.bed.home.path().join("gh-cache"))
            .env("HTTP_PROXY", self.bed.github.api_url())
            .env("GH_NO_UPDATE_NOTIFIER", "1")
            .args(arguments)
            .args(["-R", "github.localhost/acme/widgets"]);
        command
    }

    #[track_caller]
    fn run(&self, folder: &Path, arguments: &[&str]) -> CapturedOutput {
        expect_no_secret(run(&mut self.command(folder, arguments)))
    }
}

#[test]
fn gh_manages_releases_on_the_emulator() {
    let Some(program) = fetched_tool("gh-2.103.3/bin/gh", "gh_manages_releases_on_the_emulator") else {
        return;
    };
    let bed = TestBed::new();
    let gh = GhCli { program, bed: &bed };
    let folder = bed.clone.path();
    for (name, text) in [("one.txt", "first\n"), ("two.txt", "second\n")] {
        bed.clone.write_file(name, text.as_bytes());
    }
    gh.run(
        folder,
        &[
            "release",
            "create",
            "server/v0.1.0",
            "one.txt",
            "--verify-tag",
            "--title",
            "First",
            "--notes",
            "hello",
        ],
    )
    .ok();
    let release = bed.only_release();
    assert_eq!((release["draft"].as_bool(), release["name"].as_str()), (Some(false), Some("First")));
    let seen = gh
        .run(folder, &["release", "view", "server/v0.1.0", "--json", "tagName,isDraft,assets,body"])
        .ok()
        .json();
    assert_eq!(
        (&seen["tagName"], &seen["isDraft"], &seen["body"]),
        (&"server/v0.1.0".into(), &false.into(), &"hello".into())
    );
    assert_eq!(seen["assets"][0]["name"], "one.txt");
    gh.run(folder, &["release", "upload", "server/v0.1.0", "two.txt"]).ok();
    let again = gh.run(folder, &["release", "upload", "server/v0.1.0", "two.txt"]);
    assert_ne!(again.code, 0, "two assets have one name");
    gh.run(folder, &["release", "edit", "server/v0.1.0", "--notes", "changed", "--prerelease"]).ok();
    let release = bed.only_release();
    assert_eq!((release["body"].as_str(), release["prerelease"].as_bool()), (Some("changed"), Some(true)));
    let out = bed.home.path().join("got");
    std::fs::create_dir(&out).unwrap();
    gh.run(&out, &["release", "download", "server/v0.1.0"]).ok();
    assert_eq!(std::fs::read(out.join("one.txt")).unwrap(), b"first\n");
    assert_eq!(std::fs::read(out.join("two.txt")).unwrap(), b"second\n");
    let missing = gh.run(folder, &["release", "view", "server/v9.9.9"]);
    assert!(missing.code != 0 && missing.stderr.contains("not found"), "{}", missing.stderr);
    let unknown = gh.run(folder, &["release", "create", "server/v9.9.9", "--verify-tag", "--notes", "x"]);
    assert!(unknown.code != 0 && unknown.stderr.contains("doesn't exist"), "{}", unknown.stderr);
}

#[test]
fn gh_downloads_the_published_release() {
    let Some(program) = fetched_tool("gh-2.103.3/bin/gh", "gh_downloads_what_we_published") else { return };
    let bed = TestBed::new();
    let done = bed.publish().ok().json();
    let gh = GhCli { program, bed: &bed };
    let out = tempfile::tempdir().unwrap();
    gh.run(out.path(), &["release", "download", TAG]).ok();
    run(Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(out.path())).ok();
    for file in done["receipt"]["files"].as_array().unwrap().iter().take(2) {
        let path = Path::new(file["path"].as_str().unwrap());
        let got = std::fs::read(out.path().join(path.file_name().unwrap())).unwrap();
        assert_eq!(got, std::fs::read(path).unwrap());
    }
    let seen =
        gh.run(out.path(), &["release", "view", TAG, "--json", "isDraft,isPrerelease,name,body"]).ok().json();
    assert_eq!(seen["isDraft"], false);
    assert_eq!(seen["name"], "OpenSandbox Server v0.1.1");
    assert_eq!(seen["body"], done["notes"]);
    let folder = TestRepository::new();
    let mut anonymous = gh.command(folder.path(), &["release", "download", TAG]);
    let refused = run(anonymous.env("GH_TOKEN", "some-other-token"));
    assert!(refused.code != 0 && refused.stderr.contains("401"), "{}", refused.stderr);
}
