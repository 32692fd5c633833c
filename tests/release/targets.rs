//! The built-in release configuration, and a `release.toml` that replaces it.

use std::process::Command;

use crate::support::repository::{TestRepository, run};

#[test]
fn every_target_is_listed_with_its_newest_tag() {
    let fixture = TestRepository::with_release();
    let document = fixture.xtask(["targets", "--format", "json"]).ok().json();
    assert_eq!(document["schema"], "opensandbox-release/targets/1");
    let targets = document["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 22);
    let keys = [
        "id",
        "aliases",
        "display_name",
        "tag_form",
        "workflow",
        "paths",
        "version_source",
        "channels",
        "newest_tag",
    ];
    for target in targets {
        assert!(keys.iter().all(|key| target.get(key).is_some()), "{target}");
        assert_eq!(target.as_object().unwrap().len(), keys.len(), "{target}");
    }
    let server = targets.iter().find(|it| it["id"] == "server").unwrap();
    assert_eq!(server["newest_tag"], "server/v0.1.0");
    assert_eq!(
        server["channels"],
        serde_json::json!([{ "pypi": "opensandbox-server" }, { "image": "server" }])
    );
    let text = fixture.xtask(["targets"]).ok().stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn repository_catalog_replaces_the_built_in_one() {
    let fixture = TestRepository::with_release();
    let catalog = include_str!("../../release.toml")
        .replace("latest = \"server\"\n", "")
        .replace("id = \"server\"", "id = \"service\"");
    fixture.write_file("release.toml", catalog.as_bytes());
    assert_eq!(fixture.xtask(["release", "server/v0.1.1", "--dry-run"]).code, 2);
    fixture.xtask(["notes", "service/v0.1.1", "--initial-release"]).ok();
    fixture
        .write_file("release.toml", catalog.replace("paths = [\"cli\"]", "paths = [\"cli/*\"]").as_bytes());
    let output = fixture.xtask(["targets"]);
    assert_eq!(output.code, 2);
    let line = catalog.lines().position(|it| it == "paths = [\"cli\"]").unwrap() + 1;
    let expected =
        format!("release.toml:{line}: 'cli/*' is not a plain path inside the repository: it has wildcards");
    assert!(output.stderr.contains(&expected), "{}", output.stderr);
    let output = fixture.xtask(["targets", "--config", "nowhere.toml"]);
    assert!(output.code == 2 && output.stderr.contains("cannot read nowhere.toml"), "{}", output.stderr);
}

#[test]
fn closed_pipe_is_not_an_error() {
    let fixture = TestRepository::with_release();
    let script = format!("{} targets 2>err | head -1", env!("CARGO_BIN_EXE_xtask"));
    let output =
        run(Command::new("bash").args(["-o", "pipefail", "-c", &script]).current_dir(fixture.path()));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
}

#[test]
fn completions_and_man_page_are_generated() {
    let fixture = TestRepository::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(fixture.xtask(["completions", shell]).ok().stdout.contains("dry-run"));
    }
    assert!(fixture.xtask(["man"]).ok().stdout.starts_with(".ie"));
}
