//! `release` without `--push`: a dry run changes nothing, a run does what the dry run planned, and a rerun has the same
//! result.

use std::fmt::Write as _;
use std::process::Command;

use crate::support::repository::{TestRepository, directory_snapshot, hermetic_command, run, xtask};

#[test]
fn dry_run_changes_nothing() {
    let fixture = TestRepository::with_release();
    let home = tempfile::tempdir().unwrap();
    let (repository, outside) = (directory_snapshot(fixture.path()), directory_snapshot(home.path()));
    let remote = fixture.git(["ls-remote", "origin"]);
    let mut command = xtask(fixture.path());
    command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
    let output = run(command.args(["release", "server/v0.1.1", "--dry-run"])).ok();
    assert!(output.stdout.contains("- fix(server): do not fall over (#2)"), "{}", output.stdout);
    assert!(output.stdout.contains("14 of 15 passed"), "{}", output.stdout);
    assert_eq!(directory_snapshot(fixture.path()), repository, "the repository or its remote was changed");
    assert_eq!(directory_snapshot(home.path()), outside, "the home directory was changed");
    assert_eq!(fixture.git(["ls-remote", "origin"]), remote);
    run(xtask(fixture.path()).args(["release", "server/v0.1.1"])).ok();
    assert_ne!(directory_snapshot(fixture.path()), repository, "the snapshot does not detect changes");
}

#[test]
fn release_matches_its_dry_run() {
    let fixture = TestRepository::with_release();
    let planned = fixture.xtask(["release", "server/v0.1.1", "--dry-run", "--format", "json"]).ok().json();
    let first = fixture.xtask(["release", "server/v0.1.1", "--format", "json"]).ok().json();
    assert_eq!(planned["plan"], first["plan"]);
    assert_eq!(planned["receipt"], serde_json::Value::Null);
    let out = fixture.path().join("dist/server-v0.1.1");
    run(Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(&out)).ok();
    assert_eq!(std::fs::read_to_string(out.join("NOTES.md")).unwrap(), planned["notes"].as_str().unwrap());
    assert_eq!(fixture.git(["cat-file", "-t", "server/v0.1.1"]), "tag");
    assert_eq!(fixture.git(["rev-parse", "server/v0.1.1^{commit}"]), fixture.git(["rev-parse", "HEAD"]));
    assert_eq!(
        fixture.git(["tag", "-l", "--format=%(contents)|%(taggername) %(taggeremail)", "server/v0.1.1"]),
        "release: OpenSandbox Server v0.1.1\n|Ada Example <ada@example.com>"
    );
    fixture.git(["fsck", "--strict"]);
    let again = fixture.xtask(["release", "server/v0.1.1", "--format", "json"]).ok().json();
    assert_eq!(again["receipt"]["files"], first["receipt"]["files"]);
    assert_eq!(again["receipt"]["tag_object"]["object"], first["receipt"]["tag_object"]["object"]);
    assert_eq!(again["receipt"]["tag_object"]["existed"], true);
    let states: Vec<&str> =
        again["plan"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["again", "again", "again", "present"]);
    assert_eq!(fixture.git(["ls-remote", "--tags", "origin", "server/v0.1.1"]), "", "the tag was pushed");
}

#[test]
fn legacy_script_forwards_its_flags() {
    let fixture = TestRepository::with_release();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/release/create-release.sh");
    let outputs = fixture.path().join(".git/outputs");
    let legacy = |arguments: &[&str]| {
        let mut command = hermetic_command("bash", fixture.path());
        command.arg(script).args(arguments).current_dir(fixture.path());
        command.env("GITHUB_OUTPUT", &outputs).env("CARGO_XTASK", env!("CARGO_BIN_EXE_xtask"));
        run(&mut command)
    };
    let output = legacy(&["--target", "server", "--version", "0.1.1", "--dry-run"]).ok();
    assert_eq!(output.stdout, fixture.xtask(["release", "server/v0.1.1", "--dry-run"]).ok().stdout);
    assert_eq!(
        std::fs::read_to_string(&outputs).unwrap(),
        "tag=server/v0.1.1\ndisplay_name=OpenSandbox Server\nversion_label=v0.1.1\n"
    );
    let all = [
        "--target",
        "server",
        "--version",
        "v0.1.1",
        "--from-tag",
        "server/v0.1.0",
        "--path",
        "README.md",
        "--no-path-filter",
        "--initial-release",
        "--dry-run",
    ];
    let output = legacy(&all).ok();
    assert!(
        output.stdout.contains("paths     README.md\n") && output.stdout.contains("- docs: say so\n"),
        "{}",
        output.stdout
    );
    assert_eq!(legacy(&["--target", "server"]).code, 2);
    assert!(legacy(&["--help"]).ok().stdout.contains("--sign-tag"));
}

#[test]
fn github_actions_files_are_written() {
    let fixture = TestRepository::with_release();
    let (outputs, summary) = (fixture.path().join(".git/outputs"), fixture.path().join(".git/summary"));
    let mut command = xtask(fixture.path());
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).env("GITHUB_STEP_SUMMARY", &summary);
    run(command.args(["release", "server/v0.1.1"])).ok();
    let written = std::fs::read_to_string(&outputs).unwrap();
    let keys: Vec<&str> = written.lines().map(|it| it.split_once('=').unwrap().0).collect();
    assert_eq!(keys, ["tag", "display_name", "version_label", "archive", "checksums"]);
    for line in written.lines().skip(3) {
        assert!(std::path::Path::new(line.split_once('=').unwrap().1).is_file(), "{line}");
    }
    let notes = fixture.path().join("dist/server-v0.1.1/NOTES.md");
    assert_eq!(std::fs::read(&summary).unwrap(), std::fs::read(notes).unwrap());
    let mut command = xtask(fixture.path());
    let output =
        run(command.env("GITHUB_ACTIONS", "true").args(["notes", "server/v0.1.1", "--commit", "no\nwhere"]));
    assert!(output.stderr.contains("::error::'no%0Awhere' is not a commit"), "{}", output.stderr);
}

#[test]
fn template_error_names_its_line() {
    let fixture = TestRepository::with_release();
    let template = |text: &str| {
        fixture.write_file(".git/own.j2", text.as_bytes());
        fixture.xtask(["notes", "server/v0.1.1", "--template", ".git/own.j2"])
    };
    let good = "{{ title }} since {{ since }}: {{ sections[1].lines[0] }}\n";
    assert_eq!(
        template(good).ok().stdout,
        "OpenSandbox Server v0.1.1 since `server/v0.1.0`: fix(server): do not fall over (#2)\n"
    );
    let output = template("one\n{{ titel }}\n");
    assert!(
        output.code == 1 && output.stderr.contains("error: .git/own.j2:2: undefined value"),
        "{}",
        output.stderr
    );
    let output = template("one\ntwo\n{% if %}\n");
    assert!(
        output.code == 1 && output.stderr.contains("error: .git/own.j2:3: syntax error"),
        "{}",
        output.stderr
    );
    let output = fixture.xtask(["notes", "server/v0.1.1", "--template", "nowhere.j2"]);
    assert!(output.code == 2 && output.stderr.contains("cannot read nowhere.j2"), "{}", output.stderr);
}

#[test]
fn past_notes_use_the_commit_of_the_tag() {
    let mut fixture = TestRepository::with_release();
    fixture.xtask(["release", "server/v0.1.1"]).ok();
    let then = fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout;
    fixture.commit("feat(server): later (#3)", &[("server/main.py", "serve(3)\n")]);
    assert_eq!(
        fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout,
        then,
        "the notes of an existing tag contain a later commit"
    );
    assert!(fixture.xtask(["notes", "server/v0.1.2"]).ok().stdout.contains("later (#3)"));
}

#[test]
fn long_notes_omit_whole_entries() {
    let fixture = TestRepository::new();
    let mut stream = String::new();
    for index in 0..2_000 {
        let subject = format!("chore: ünremarkable {index} {}", "x".repeat(90));
        let file = format!("M 100644 inline server/a\ndata 4\n{index:04}\n");
        let time = 1_700_000_000 + index;
        writeln!(
            stream,
            "commit refs/heads/main\nauthor A <a@x> {time} +0000\ncommitter A <a@x> {time} +0000\ndata {}\n{subject}\n{file}",
            subject.len()
        )
        .unwrap();
    }
    fixture.fast_import(stream.as_bytes());
    let markdown = fixture.xtask(["notes", "server/v0.1.0", "--initial-release"]).ok().stdout;
    let length = markdown.chars().count();
    assert!((124_000..=125_000).contains(&length), "{length} characters");
    let shown = markdown.matches("- chore: ünremarkable").count();
    let rest = 2_000 - shown;
    assert!(
        markdown.contains(&format!("- … and {rest} older, omitted for length: [all changes](https://")),
        "{rest}"
    );
    assert!(
        markdown.contains("- chore: ünremarkable 1999 ") && !markdown.contains("- chore: ünremarkable 0 ")
    );
    assert!(
        markdown.contains("## 🔏 Verify this release")
            && markdown.lines().all(|it| !it.ends_with('\u{fffd}'))
    );
}
