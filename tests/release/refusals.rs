//! Everything that speaks against a release is told at once; each check has a twin that differs only in the fault.

use serde_json::Value;

use crate::support::repository::{Fixture, run, xtask};

/// The reasons of a dry run's refusals, by check.
#[track_caller]
fn refusals(fixture: &Fixture, arguments: &[&str]) -> Vec<(String, String)> {
    let all = [&["release"], arguments, &["--dry-run", "--format", "json"]].concat();
    let ran = fixture.xtask(all);
    let document = ran.json();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let refused: Vec<(String, String)> = document["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "check"), text(it, "reason")))
        .collect();
    assert_eq!(ran.code, i32::from(!refused.is_empty()), "{}", ran.stdout);
    for it in document["refusals"].as_array().unwrap() {
        assert!(!text(it, "evidence").is_empty() && !text(it, "hint").is_empty(), "{it}");
    }
    refused
}

#[track_caller]
fn refused(fixture: &Fixture, arguments: &[&str], check: &str, reason: &str) {
    assert_eq!(refusals(fixture, arguments), [(check.to_owned(), reason.to_owned())]);
}

#[track_caller]
fn accepted(fixture: &Fixture, arguments: &[&str]) {
    assert_eq!(refusals(fixture, arguments), []);
}

#[test]
fn a_changed_file() {
    let fixture = Fixture::released();
    accepted(&fixture, &["server/v0.1.1"]);
    fixture.write("untracked", b"x");
    accepted(&fixture, &["server/v0.1.1"]);
    fixture.write("README.md", b"changed\n");
    refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty");
    accepted(&fixture, &["server/v0.1.1", "--allow", "clean-tree"]);
    fixture.git(["add", "-A"]);
    refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty");
}

#[test]
fn a_sparse_checkout_is_clean() {
    let fixture = Fixture::released();
    fixture.git(["sparse-checkout", "set", "--no-cone", "/*", "!/server/"]);
    assert!(!fixture.path().join("server").exists());
    accepted(&fixture, &["server/v0.1.1"]);
    std::fs::remove_file(fixture.path().join("README.md")).unwrap();
    refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty");
}

#[test]
fn a_commit_that_is_not_on_the_default_branch() {
    let mut fixture = Fixture::released();
    fixture.commit("fix(server): not pushed", &[("server/b", "1")]);
    refused(&fixture, &["server/v0.1.1"], "default-branch", "not-on-branch");
    accepted(&fixture, &["server/v0.1.1", "--allow", "default-branch"]);
    fixture.pushed();
    accepted(&fixture, &["server/v0.1.1"]);
    fixture.git(["remote", "set-head", "origin", "-d"]);
    accepted(&fixture, &["server/v0.1.1"]);
    fixture.git(["remote", "rm", "origin"]);
    refused(&fixture, &["server/v0.1.1"], "default-branch", "unknown-branch");
}

#[test]
fn a_tag_that_is_elsewhere_and_one_that_is_here() {
    let mut fixture = Fixture::released();
    fixture.git(["tag", "server/v0.1.1", "HEAD~1"]);
    refused(&fixture, &["server/v0.1.1"], "tag", "exists-elsewhere");
    accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.1"]);
    accepted(&fixture, &["server/v0.1.1", "--commit", "HEAD~1"]);
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    let tree = fixture.git(["rev-parse", "HEAD^{tree}"]);
    fixture.git(["tag", "server/v0.1.1", &tree]);
    refused(&fixture, &["server/v0.1.1"], "tag", "exists-elsewhere");
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    fixture.git(["tag", "-a", "-m", "x", "server/v0.1.1"]);
    accepted(&fixture, &["server/v0.1.1"]);
    // A higher release came later: going on with this one is no new release, and is not refused for its version.
    fixture.commit("fix(server): later", &[("server/b", "1")]);
    fixture.pushed();
    fixture.git(["tag", "server/v0.1.2"]);
    accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.1"]);
}

#[test]
fn versions_that_are_none_and_forms_that_a_target_does_not_use() {
    let fixture = Fixture::released();
    for (tag, word) in [
        ("server/latest", "is not a PEP 440 version"),
        ("server/v", "is not a PEP 440 version"),
        ("server/0.1", "want server/v1.2.3"),
        ("server/v1.2.3(", "has '(' in it"),
        ("docker/execd/1.2", "is not a SemVer version"),
        ("docker/execd/vv1.2.3", "want docker/execd/1.2.3"),
        ("server", "names the target but no version: want server/v1.2.3"),
        ("sevrer/v1.0.0", "no target is called 'sevrer'; did you mean 'server'?"),
        ("python/v1.0.0", "no target is called 'python'"),
        ("../x/v1.0.0", "no target is called"),
    ] {
        let ran = fixture.xtask(["release", tag, "--dry-run"]);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{tag}: {}", ran.stderr);
    }
    let tag_of = |spelling: &[&str]| {
        fixture.xtask([&["release", "--dry-run", "--format", "json"], spelling].concat()).json()["tag"]
            .clone()
    };
    for spelling in [
        &["server/0.1.1"][..],
        &["server/v0.1.1"],
        &["--target", "server", "--version", "v0.1.1"],
        &["--target", "server", "--version", "0.1.1"],
    ] {
        assert_eq!(tag_of(spelling), "server/v0.1.1");
    }
    assert_eq!(tag_of(&["helm/0.1.0"]), "helm/opensandbox/0.1.0");
    assert_eq!(tag_of(&["helm/opensandbox-server/0.1.0"]), "helm/opensandbox-server/0.1.0");
    assert_eq!(tag_of(&["go/sandbox/v1.0.0"]), "sdks/sandbox/go/v1.0.0");
}

#[test]
fn the_form_is_that_of_the_targets_history() {
    let mut fixture = Fixture::released();
    fixture.commit("feat: execd", &[("components/execd/a", "1")]);
    fixture.git(["tag", "docker/execd/1.0.0"]);
    fixture.commit("fix: execd", &[("components/execd/a", "2")]);
    fixture.pushed();
    refused(&fixture, &["docker/execd/v1.0.1"], "tag-form", "other-form");
    accepted(&fixture, &["docker/execd/1.0.1"]);
    fixture.git(["tag", "docker/execd/v1.0.1", "HEAD~1"]);
    refused(&fixture, &["docker/execd/1.0.2"], "tag-form", "other-form");
    accepted(&fixture, &["docker/execd/v1.0.2"]);
    accepted(&fixture, &["docker/ingress/1.0.0", "--initial-release", "--allow", "empty-notes"]);
}

#[test]
fn versions_that_are_not_above_their_line() {
    let mut fixture = Fixture::released();
    fixture.git(["tag", "server/v0.1.5", "HEAD~2"]);
    fixture.git(["tag", "server/v0.3.0", "HEAD~2"]);
    refused(&fixture, &["server/v0.1.4"], "version", "not-above");
    refused(&fixture, &["server/v0.3.0rc1"], "version", "not-above");
    refused(&fixture, &["server/v0.1.5+local"], "version", "same-precedence");
    accepted(&fixture, &["server/v0.1.6"]);
    accepted(&fixture, &["server/v0.2.0"]);
    accepted(&fixture, &["server/v0.4.0"]);
    fixture.git(["tag", "js/sandbox/v1.0.0+one", "HEAD~1"]);
    fixture.commit("feat: js", &[("sdks/sandbox/javascript/package.json", "{\"version\": \"1.0.0+two\"}")]);
    fixture.pushed();
    refused(&fixture, &["js/sandbox/v1.0.0+two", "--initial-release"], "version", "same-precedence");
}

#[test]
fn the_previous_release_is_the_highest_below_that_is_an_ancestor() {
    let mut fixture = Fixture::released();
    let previous = |fixture: &Fixture, tag: &str| {
        fixture.xtask(["release", tag, "--dry-run", "--format", "json", "--allow", "default-branch"]).json()["previous"].clone()
    };
    assert_eq!(previous(&fixture, "server/v0.1.1"), "server/v0.1.0");
    fixture.git(["tag", "server/v0.2.0rc1", "HEAD~1"]);
    fixture.git(["checkout", "-q", "-b", "0.1", "HEAD~1"]);
    fixture.commit("fix(server): on the old line", &[("server/old", "1")]);
    fixture.git(["tag", "server/v0.1.1"]);
    fixture.git(["checkout", "-q", "main"]);
    assert_eq!(previous(&fixture, "server/v0.1.9"), "server/v0.1.0", "0.1.1 is on another branch");
    assert_eq!(
        previous(&fixture, "server/v0.2.0"),
        "server/v0.1.0",
        "a final release goes back to the last final one"
    );
    assert_eq!(
        previous(&fixture, "server/v0.2.0rc2"),
        "server/v0.2.0rc1",
        "a prerelease to whatever came before"
    );
    fixture.git(["tag", "server/v0.3.0", "HEAD~1"]);
    assert_eq!(previous(&fixture, "server/v0.2.0"), "server/v0.1.0", "not the highest of all");
    fixture.git(["checkout", "-q", "0.1"]);
    fixture.commit("fix(server): again on the old line", &[("server/old", "2")]);
    assert_eq!(previous(&fixture, "server/v0.1.2"), "server/v0.1.1");
}

#[test]
fn no_previous_release_and_a_start_that_is_no_ancestor() {
    let mut fixture = Fixture::released();
    refused(&fixture, &["cli/v0.1.0"], "previous", "no-previous");
    fixture.commit("feat: cli", &[("cli/a", "1")]);
    fixture.pushed();
    accepted(&fixture, &["cli/v0.1.0", "--initial-release"]);
    accepted(&fixture, &["cli/v0.1.0", "--from-tag", "server/v0.1.0"]);
    let ran = fixture.xtask(["release", "cli/v0.1.0", "--from-tag", "nowhere", "--dry-run"]);
    assert!(ran.code == 1 && ran.stderr.contains("there is no tag 'nowhere'"), "{}", ran.stderr);
    fixture.git(["checkout", "-q", "-b", "side", "HEAD~1"]);
    fixture.commit("fix: aside", &[("cli/b", "1")]);
    fixture.git(["tag", "aside"]);
    fixture.git(["checkout", "-q", "main"]);
    refused(&fixture, &["cli/v0.1.0", "--from-tag", "aside"], "previous", "not-an-ancestor");
    accepted(&fixture, &["cli/v0.1.0", "--from-tag", "aside", "--allow", "previous"]);
}

#[test]
fn paths_that_name_nothing() {
    let mut fixture = Fixture::released();
    refused(&fixture, &["server/v0.1.1", "--path", "sever"], "paths", "unknown-path");
    accepted(&fixture, &["server/v0.1.1", "--path", "README.md"]);
    std::fs::remove_file(fixture.path().join("README.md")).unwrap();
    fixture.commit("docs: gone", &[]);
    fixture.pushed();
    accepted(&fixture, &["server/v0.1.1", "--path", "README.md"]);
    for path in ["*.py", "/etc", "../x", ":(top)x"] {
        let ran = fixture.xtask(["release", "server/v0.1.1", "--dry-run", "--path", path]);
        assert!(
            ran.code == 2 && ran.stderr.contains("is not a plain path inside the repository"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn version_sources_that_disagree() {
    let mut fixture = Fixture::released();
    fixture.commit("feat: js", &[("sdks/sandbox/javascript/package.json", "{\"version\": \"0.1.8\"}")]);
    fixture.pushed();
    refused(&fixture, &["js/sandbox/v9.9.9", "--initial-release"], "version-source", "version-differs");
    accepted(&fixture, &["js/sandbox/v0.1.8", "--initial-release"]);
    accepted(&fixture, &["js/sandbox/v9.9.9", "--initial-release", "--allow", "version-source"]);
    fixture.commit("feat: c#", &[("sdks/sandbox/csharp/a", "1"), ("sdks/Directory.Build.props",
        "<Project><PropertyGroup><OpenSandboxPackageVersion>0.1.2</OpenSandboxPackageVersion></PropertyGroup></Project>")]);
    fixture.pushed();
    accepted(&fixture, &["csharp/sandbox/v0.9.0", "--initial-release"]);
    let ran = fixture.xtask(["release", "csharp/sandbox/v0.9.0", "--initial-release", "--dry-run"]);
    assert!(
        ran.stdout.contains("note     version-source")
            && ran.stdout.contains("OpenSandboxPackageVersion = 0.1.2"),
        "{}",
        ran.stdout
    );
    refused(
        &fixture,
        &["java/sandbox/v1.0.0", "--initial-release", "--allow", "empty-notes"],
        "version-source",
        "no-source",
    );
}

#[test]
fn empty_notes_no_name_and_no_key() {
    let fixture = Fixture::released();
    refused(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.0"], "empty-notes", "empty");
    accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.0", "--allow", "empty-notes"]);
    let mut nameless = xtask(fixture.path());
    for name in ["GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"] {
        nameless.env_remove(name);
    }
    fixture.git(["config", "user.useConfigOnly", "true"]);
    let ran = run(nameless.args(["release", "server/v0.1.1", "--dry-run"]));
    assert!(ran.code == 1 && ran.stdout.contains("REFUSED  tagger"), "{}", ran.stdout);
    refused(&fixture, &["server/v0.1.1", "--sign-tag"], "signing", "no-key");
    fixture.git(["tag", "server/v0.1.1"]);
    refused(&fixture, &["server/v0.1.1", "--sign-tag"], "signing", "exists-unsigned");
}

#[test]
fn all_reasons_are_told_at_once_and_nothing_is_made() {
    let mut fixture = Fixture::released();
    fixture.commit("fix(server): not pushed", &[("server/b", "1")]);
    fixture.write("README.md", b"changed\n");
    fixture.git(["tag", "server/v0.1.1", "HEAD~1"]);
    let checks: Vec<String> =
        refusals(&fixture, &["server/v0.1.1", "--path", "none"]).into_iter().map(|it| it.0).collect();
    assert_eq!(checks, ["clean-tree", "default-branch", "tag", "paths"]);
    let ran = fixture.xtask(["release", "server/v0.1.1", "--path", "none"]);
    assert!(
        ran.code == 1 && ran.stdout.contains("Refused for 4 reasons; nothing was changed."),
        "{}",
        ran.stdout
    );
    assert!(!fixture.path().join("dist").exists());
    let ran = fixture.xtask(["release", "server/v0.1.1", "--allow", "tag"]);
    assert!(ran.code == 2 && ran.stderr.contains("'tag' cannot be allowed"), "{}", ran.stderr);
    let ran = fixture.xtask(["release", "server/v0.1.1", "--allow", "everything"]);
    assert!(ran.code == 2 && ran.stderr.contains("no check is called 'everything'"), "{}", ran.stderr);
}

#[test]
fn doctor_shows_the_checks_alone() {
    let fixture = Fixture::released();
    let ran = fixture.xtask(["doctor", "server/v0.1.1"]).ok();
    assert_eq!(ran.stdout.matches("  ok       ").count(), 13, "{}", ran.stdout);
    let ran = fixture.xtask(["doctor"]).ok();
    assert!(
        ran.stdout.contains("Ada Example <ada@example.com>") && ran.stdout.contains("catalog: 22 targets"),
        "{}",
        ran.stdout
    );
    fixture.write("README.md", b"changed\n");
    assert_eq!(fixture.xtask(["doctor"]).code, 1);
    assert_eq!(fixture.xtask(["doctor", "server/v0.1.1"]).code, 1);
}
