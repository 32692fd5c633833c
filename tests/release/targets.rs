//! The built-in catalog, and catalogs of others.

use std::process::Command;

use crate::support::repository::{Fixture, run};

#[test]
fn the_22_targets_and_their_newest_tags() {
    let fixture = Fixture::released();
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
fn a_catalog_at_the_root_takes_the_place_of_the_built_in_one() {
    let fixture = Fixture::released();
    let catalog = include_str!("../../release.toml")
        .replace("latest = \"server\"\n", "")
        .replace("id = \"server\"", "id = \"service\"");
    fixture.write("release.toml", catalog.as_bytes());
    assert_eq!(fixture.xtask(["release", "server/v0.1.1", "--dry-run"]).code, 2);
    fixture.xtask(["notes", "service/v0.1.1", "--initial-release"]).ok();
    fixture.write("release.toml", catalog.replace("paths = [\"cli\"]", "paths = [\"cli/*\"]").as_bytes());
    let ran = fixture.xtask(["targets"]);
    assert_eq!(ran.code, 2);
    let line = catalog.lines().position(|it| it == "paths = [\"cli\"]").unwrap() + 1;
    let expected = format!(
        "release.toml:{line}: 'cli/*' is not a plain path inside the repository: wildcards are not plain"
    );
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    let ran = fixture.xtask(["targets", "--config", "nowhere.toml"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot read nowhere.toml"), "{}", ran.stderr);
}

#[test]
fn a_pipe_that_closes_is_no_error() {
    let fixture = Fixture::released();
    let script = format!("{} targets 2>err | head -1", env!("CARGO_BIN_EXE_xtask"));
    let ran = run(Command::new("bash").args(["-o", "pipefail", "-c", &script]).current_dir(fixture.path()));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn completions_and_the_manual_page() {
    let fixture = Fixture::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(fixture.xtask(["completions", shell]).ok().stdout.contains("dry-run"));
    }
    assert!(fixture.xtask(["man"]).ok().stdout.starts_with(".ie"));
}
