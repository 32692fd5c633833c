//! Pre-flight checks: all refusals are reported at once. Each refused release has an accepted twin without the fault.

use serde_json::Value;

use crate::support::repository::{TestRepository, run, xtask};

/// Returns check and reason of every refusal of a dry run. The exit code must be 1 if there are any, and each refusal
/// must have evidence and a hint.
#[track_caller]
fn dry_run_refusals(fixture: &TestRepository, arguments: &[&str]) -> Vec<(String, String)> {
    let all = [&["release"], arguments, &["--dry-run", "--format", "json"]].concat();
    let output = fixture.xtask(all);
    let document = output.json();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let refused: Vec<(String, String)> = document["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "check"), text(it, "reason")))
        .collect();
    assert_eq!(output.code, i32::from(!refused.is_empty()), "{}", output.stdout);
    for refusal in document["refusals"].as_array().unwrap() {
        assert!(!text(refusal, "evidence").is_empty() && !text(refusal, "hint").is_empty(), "{refusal}");
    }
    refused
}

#[track_caller]
fn expect_refused(fixture: &TestRepository, arguments: &[&str], check: &str, reason: &str) {
    assert_eq!(dry_run_refusals(fixture, arguments), [(check.to_owned(), reason.to_owned())]);
}

#[track_caller]
fn expect_accepted(fixture: &TestRepository, arguments: &[&str]) {
    assert_eq!(dry_run_refusals(fixture, arguments), []);
}

#[test]
fn changed_file_is_refused() {
    let fixture = TestRepository::with_release();
    expect_accepted(&fixture, &["server/v0.1.1"]);
    fixture.write_file("untracked", b"x");
    expect_accepted(&fixture, &["server/v0.1.1"]);
    fixture.write_file("README.md", b"changed\n");
    expect_refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty-tree");
    expect_accepted(&fixture, &["server/v0.1.1", "--allow", "clean-tree"]);
    fixture.git(["add", "-A"]);
    expect_refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty-tree");
}

#[test]
fn sparse_checkout_is_clean() {
    let fixture = TestRepository::with_release();
    fixture.git(["sparse-checkout", "set", "--no-cone", "/*", "!/server/"]);
    assert!(!fixture.path().join("server").exists());
    expect_accepted(&fixture, &["server/v0.1.1"]);
    std::fs::remove_file(fixture.path().join("README.md")).unwrap();
    expect_refused(&fixture, &["server/v0.1.1"], "clean-tree", "dirty-tree");
}

#[test]
fn commit_outside_the_default_branch_is_refused() {
    let mut fixture = TestRepository::with_release();
    fixture.commit("fix(server): not pushed", &[("server/b", "1")]);
    expect_refused(&fixture, &["server/v0.1.1"], "default-branch", "not-on-branch");
    expect_accepted(&fixture, &["server/v0.1.1", "--allow", "default-branch"]);
    fixture.push_main();
    expect_accepted(&fixture, &["server/v0.1.1"]);
    fixture.git(["remote", "set-head", "origin", "-d"]);
    expect_accepted(&fixture, &["server/v0.1.1"]);
    fixture.git(["remote", "rm", "origin"]);
    expect_refused(&fixture, &["server/v0.1.1"], "default-branch", "unknown-branch");
}

#[test]
fn tag_at_another_commit_is_refused() {
    let mut fixture = TestRepository::with_release();
    fixture.git(["tag", "server/v0.1.1", "HEAD~1"]);
    expect_refused(&fixture, &["server/v0.1.1"], "tag", "tag-at-other-commit");
    expect_accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.1"]);
    expect_accepted(&fixture, &["server/v0.1.1", "--commit", "HEAD~1"]);
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    let tree = fixture.git(["rev-parse", "HEAD^{tree}"]);
    fixture.git(["tag", "server/v0.1.1", &tree]);
    expect_refused(&fixture, &["server/v0.1.1"], "tag", "tag-at-other-commit");
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    fixture.git(["tag", "-a", "-m", "x", "server/v0.1.1"]);
    expect_accepted(&fixture, &["server/v0.1.1"]);
    // Resuming a release that is already tagged is accepted, although a higher version was tagged later.
    fixture.commit("fix(server): later", &[("server/b", "1")]);
    fixture.push_main();
    fixture.git(["tag", "server/v0.1.2"]);
    expect_accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.1"]);
}

#[test]
fn malformed_tags_are_usage_errors() {
    let fixture = TestRepository::with_release();
    for (tag, word) in [
        ("server/latest", "is not a PEP 440 version"),
        ("server/v", "is not a PEP 440 version"),
        ("server/0.1", "expected server/v1.2.3"),
        ("server/v1.2.3(", "invalid character '('"),
        ("docker/execd/1.2", "is not a SemVer version"),
        ("docker/execd/vv1.2.3", "expected docker/execd/1.2.3"),
        ("server", "'server' has no version: expected server/v1.2.3"),
        ("v1.2.3", "'v1.2.3' has no target: expected TARGET/v1.2.3"),
        ("sevrer/v1.0.0", "unknown target 'sevrer'; did you mean 'server'?"),
        ("python/v1.0.0", "unknown target 'python'"),
        ("../x/v1.0.0", "unknown target"),
    ] {
        let output = fixture.xtask(["release", tag, "--dry-run"]);
        assert!(output.code == 2 && output.stderr.contains(word), "{tag}: {}", output.stderr);
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
fn tag_form_must_match_earlier_tags() {
    let mut fixture = TestRepository::with_release();
    fixture.commit("feat: execd", &[("components/execd/a", "1")]);
    fixture.git(["tag", "docker/execd/1.0.0"]);
    fixture.commit("fix: execd", &[("components/execd/a", "2")]);
    fixture.push_main();
    expect_refused(&fixture, &["docker/execd/v1.0.1"], "tag-form", "tag-form-differs");
    expect_accepted(&fixture, &["docker/execd/1.0.1"]);
    fixture.git(["tag", "docker/execd/v1.0.1", "HEAD~1"]);
    expect_refused(&fixture, &["docker/execd/1.0.2"], "tag-form", "tag-form-differs");
    expect_accepted(&fixture, &["docker/execd/v1.0.2"]);
    expect_accepted(&fixture, &["docker/ingress/1.0.0", "--initial-release", "--allow", "empty-notes"]);
}

#[test]
fn version_must_be_above_its_release_line() {
    let mut fixture = TestRepository::with_release();
    fixture.git(["tag", "server/v0.1.5", "HEAD~2"]);
    fixture.git(["tag", "server/v0.3.0", "HEAD~2"]);
    expect_refused(&fixture, &["server/v0.1.4"], "version", "not-above");
    expect_refused(&fixture, &["server/v0.3.0rc1"], "version", "not-above");
    expect_refused(&fixture, &["server/v0.1.5+local"], "version", "same-precedence");
    expect_accepted(&fixture, &["server/v0.1.6"]);
    expect_accepted(&fixture, &["server/v0.2.0"]);
    expect_accepted(&fixture, &["server/v0.4.0"]);
    fixture.git(["tag", "js/sandbox/v1.0.0+one", "HEAD~1"]);
    fixture.commit("feat: js", &[("sdks/sandbox/javascript/package.json", "{\"version\": \"1.0.0+two\"}")]);
    fixture.push_main();
    expect_refused(&fixture, &["js/sandbox/v1.0.0+two", "--initial-release"], "version", "same-precedence");
}

#[test]
fn previous_release_is_the_highest_lower_ancestor() {
    let mut fixture = TestRepository::with_release();
    let previous = |fixture: &TestRepository, tag: &str| {
        fixture.xtask(["release", tag, "--dry-run", "--format", "json", "--allow", "default-branch"]).json()["previous"].clone()
    };
    assert_eq!(previous(&fixture, "server/v0.1.1"), "server/v0.1.0");
    fixture.git(["tag", "server/v0.2.0rc1", "HEAD~1"]);
    fixture.git(["checkout", "-q", "-b", "0.1", "HEAD~1"]);
    fixture.commit("fix(server): on the old line", &[("server/old", "1")]);
    fixture.git(["tag", "server/v0.1.1"]);
    fixture.git(["checkout", "-q", "main"]);
    assert_eq!(previous(&fixture, "server/v0.1.9"), "server/v0.1.0", "v0.1.1 is on another branch");
    assert_eq!(
        previous(&fixture, "server/v0.2.0"),
        "server/v0.1.0",
        "the previous release of a final release is a final release"
    );
    assert_eq!(
        previous(&fixture, "server/v0.2.0rc2"),
        "server/v0.2.0rc1",
        "the previous release of a pre-release may be a pre-release"
    );
    fixture.git(["tag", "server/v0.3.0", "HEAD~1"]);
    assert_eq!(
        previous(&fixture, "server/v0.2.0"),
        "server/v0.1.0",
        "the previous release is below the new version"
    );
    fixture.git(["checkout", "-q", "0.1"]);
    fixture.commit("fix(server): again on the old line", &[("server/old", "2")]);
    assert_eq!(previous(&fixture, "server/v0.1.2"), "server/v0.1.1");
}

#[test]
fn notes_start_must_be_an_ancestor() {
    let mut fixture = TestRepository::with_release();
    expect_refused(&fixture, &["cli/v0.1.0"], "previous", "no-previous");
    fixture.commit("feat: cli", &[("cli/a", "1")]);
    fixture.push_main();
    expect_accepted(&fixture, &["cli/v0.1.0", "--initial-release"]);
    expect_accepted(&fixture, &["cli/v0.1.0", "--from-tag", "server/v0.1.0"]);
    let output = fixture.xtask(["release", "cli/v0.1.0", "--from-tag", "nowhere", "--dry-run"]);
    assert!(output.code == 1 && output.stderr.contains("clone has no tag 'nowhere'"), "{}", output.stderr);
    fixture.git(["checkout", "-q", "-b", "side", "HEAD~1"]);
    fixture.commit("fix: aside", &[("cli/b", "1")]);
    fixture.git(["tag", "aside"]);
    fixture.git(["checkout", "-q", "main"]);
    expect_refused(&fixture, &["cli/v0.1.0", "--from-tag", "aside"], "previous", "not-an-ancestor");
    expect_accepted(&fixture, &["cli/v0.1.0", "--from-tag", "aside", "--allow", "previous"]);
}

#[test]
fn unknown_paths_are_refused() {
    let mut fixture = TestRepository::with_release();
    expect_refused(&fixture, &["server/v0.1.1", "--path", "sever"], "paths", "unknown-path");
    expect_accepted(&fixture, &["server/v0.1.1", "--path", "README.md"]);
    std::fs::remove_file(fixture.path().join("README.md")).unwrap();
    fixture.commit("docs: gone", &[]);
    fixture.push_main();
    expect_accepted(&fixture, &["server/v0.1.1", "--path", "README.md"]);
    for path in ["*.py", "/etc", "../x", ":(top)x"] {
        let output = fixture.xtask(["release", "server/v0.1.1", "--dry-run", "--path", path]);
        assert!(
            output.code == 2 && output.stderr.contains("is not a plain path inside the repository"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn version_file_mismatch_is_refused() {
    let mut fixture = TestRepository::with_release();
    fixture.commit("feat: js", &[("sdks/sandbox/javascript/package.json", "{\"version\": \"0.1.8\"}")]);
    fixture.push_main();
    expect_refused(
        &fixture,
        &["js/sandbox/v9.9.9", "--initial-release"],
        "version-source",
        "version-differs",
    );
    expect_accepted(&fixture, &["js/sandbox/v0.1.8", "--initial-release"]);
    expect_accepted(&fixture, &["js/sandbox/v9.9.9", "--initial-release", "--allow", "version-source"]);
    fixture.commit("feat: c#", &[("sdks/sandbox/csharp/a", "1"), ("sdks/Directory.Build.props",
        "<Project><PropertyGroup><OpenSandboxPackageVersion>0.1.2</OpenSandboxPackageVersion></PropertyGroup></Project>")]);
    fixture.push_main();
    expect_accepted(&fixture, &["csharp/sandbox/v0.9.0", "--initial-release"]);
    let output = fixture.xtask(["release", "csharp/sandbox/v0.9.0", "--initial-release", "--dry-run"]);
    assert!(
        output.stdout.contains("warning  version-source")
            && output.stdout.contains("OpenSandboxPackageVersion = 0.1.2"),
        "{}",
        output.stdout
    );
    expect_refused(
        &fixture,
        &["java/sandbox/v1.0.0", "--initial-release", "--allow", "empty-notes"],
        "version-source",
        "version-file-missing",
    );
}

#[test]
fn missing_notes_tagger_or_key_is_refused() {
    let fixture = TestRepository::with_release();
    expect_refused(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.0"], "empty-notes", "no-commits");
    expect_accepted(&fixture, &["server/v0.1.1", "--commit", "server/v0.1.0", "--allow", "empty-notes"]);
    let mut nameless = xtask(fixture.path());
    for name in ["GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"] {
        nameless.env_remove(name);
    }
    fixture.git(["config", "user.useConfigOnly", "true"]);
    let output = run(nameless.args(["release", "server/v0.1.1", "--dry-run"]));
    assert!(output.code == 1 && output.stdout.contains("FAILED   tagger"), "{}", output.stdout);
    expect_refused(&fixture, &["server/v0.1.1", "--sign-tag"], "signing", "no-signing-key");
    fixture.git(["tag", "server/v0.1.1"]);
    expect_refused(&fixture, &["server/v0.1.1", "--sign-tag"], "signing", "tag-not-signed");
}

#[test]
fn all_refusals_are_reported_at_once() {
    let mut fixture = TestRepository::with_release();
    fixture.commit("fix(server): not pushed", &[("server/b", "1")]);
    fixture.write_file("README.md", b"changed\n");
    fixture.git(["tag", "server/v0.1.1", "HEAD~1"]);
    let checks: Vec<String> =
        dry_run_refusals(&fixture, &["server/v0.1.1", "--path", "none"]).into_iter().map(|it| it.0).collect();
    assert_eq!(checks, ["clean-tree", "default-branch", "tag", "paths"]);
    let output = fixture.xtask(["release", "server/v0.1.1", "--path", "none"]);
    assert!(
        output.code == 1 && output.stdout.contains("Refused: 4 checks failed; nothing was changed."),
        "{}",
        output.stdout
    );
    assert!(!fixture.path().join("dist").exists());
    let output = fixture.xtask(["release", "server/v0.1.1", "--allow", "tag"]);
    assert!(output.code == 2 && output.stderr.contains("'tag' cannot be allowed"), "{}", output.stderr);
    let output = fixture.xtask(["release", "server/v0.1.1", "--allow", "everything"]);
    assert!(output.code == 2 && output.stderr.contains("unknown check 'everything'"), "{}", output.stderr);
}

#[test]
fn doctor_only_runs_the_checks() {
    let fixture = TestRepository::with_release();
    let output = fixture.xtask(["doctor", "server/v0.1.1"]).ok();
    assert_eq!(output.stdout.matches("  ok       ").count(), 14, "{}", output.stdout);
    let output = fixture.xtask(["doctor"]).ok();
    assert!(
        output.stdout.contains("Ada Example <ada@example.com>")
            && output.stdout.contains("release configuration: 22 targets"),
        "{}",
        output.stdout
    );
    fixture.write_file("README.md", b"changed\n");
    assert_eq!(fixture.xtask(["doctor"]).code, 1);
    assert_eq!(fixture.xtask(["doctor", "server/v0.1.1"]).code, 1);
}
