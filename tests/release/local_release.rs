//! `release`: a dry run changes nothing, a real one makes what was planned, and again comes to the same end.

use std::fmt::Write as _;
use std::process::Command;

use crate::support::repository::{Fixture, everything, hermetic, run, xtask};

#[test]
fn a_dry_run_changes_nothing() {
    let fixture = Fixture::released();
    let home = tempfile::tempdir().unwrap();
    let (repository, outside) = (everything(fixture.path()), everything(home.path()));
    let remote = fixture.git(["ls-remote", "origin"]);
    let mut command = xtask(fixture.path());
    command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
    let ran = run(command.args(["release", "server/v0.1.1", "--dry-run"])).ok();
    assert!(ran.stdout.contains("- fix(server): do not fall over (#2)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("13 of 14 passed"), "{}", ran.stdout);
    assert_eq!(everything(fixture.path()), repository, "the repository or its origin was touched");
    assert_eq!(everything(home.path()), outside, "the home was touched");
    assert_eq!(fixture.git(["ls-remote", "origin"]), remote);
    run(xtask(fixture.path()).args(["release", "server/v0.1.1"])).ok();
    assert_ne!(everything(fixture.path()), repository, "the comparison sees nothing");
}

#[test]
fn a_release_makes_what_the_dry_run_planned_and_again_comes_to_the_same_end() {
    let fixture = Fixture::released();
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
    assert_eq!(
        fixture.git(["ls-remote", "--tags", "origin", "server/v0.1.1"]),
        "",
        "something left the machine"
    );
}

#[test]
fn the_legacy_script_forwards_its_flags() {
    let fixture = Fixture::released();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/release/create-release.sh");
    let outputs = fixture.path().join(".git/outputs");
    let legacy = |arguments: &[&str]| {
        let mut command = hermetic("bash", fixture.path());
        command.arg(script).args(arguments).current_dir(fixture.path());
        command.env("GITHUB_OUTPUT", &outputs).env("CARGO_XTASK", env!("CARGO_BIN_EXE_xtask"));
        run(&mut command)
    };
    let ran = legacy(&["--target", "server", "--version", "0.1.1", "--dry-run"]).ok();
    assert_eq!(ran.stdout, fixture.xtask(["release", "server/v0.1.1", "--dry-run"]).ok().stdout);
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
    let ran = legacy(&all).ok();
    assert!(
        ran.stdout.contains("paths     README.md\n") && ran.stdout.contains("- docs: say so\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(legacy(&["--target", "server"]).code, 2);
    assert!(legacy(&["--help"]).ok().stdout.contains("--sign-tag"));
}

#[test]
fn github_actions_gets_outputs_a_summary_and_annotations() {
    let fixture = Fixture::released();
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
    let ran =
        run(command.env("GITHUB_ACTIONS", "true").args(["notes", "server/v0.1.1", "--commit", "no\nwhere"]));
    assert!(ran.stderr.contains("::error::'no%0Awhere' leads to no commit"), "{}", ran.stderr);
}

#[test]
fn a_template_of_ones_own_is_used_and_its_errors_name_file_and_line() {
    let fixture = Fixture::released();
    let template = |text: &str| {
        fixture.write(".git/own.j2", text.as_bytes());
        fixture.xtask(["notes", "server/v0.1.1", "--template", ".git/own.j2"])
    };
    let good = "{{ title }} since {{ since }}: {{ sections[1].lines[0] }}\n";
    assert_eq!(
        template(good).ok().stdout,
        "OpenSandbox Server v0.1.1 since `server/v0.1.0`: fix(server): do not fall over (#2)\n"
    );
    let ran = template("one\n{{ titel }}\n");
    assert!(ran.code == 1 && ran.stderr.contains("error: .git/own.j2:2: undefined value"), "{}", ran.stderr);
    let ran = template("one\ntwo\n{% if %}\n");
    assert!(ran.code == 1 && ran.stderr.contains("error: .git/own.j2:3: syntax error"), "{}", ran.stderr);
    let ran = fixture.xtask(["notes", "server/v0.1.1", "--template", "nowhere.j2"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot read nowhere.j2"), "{}", ran.stderr);
}

#[test]
fn notes_of_a_past_release_are_those_of_its_tag() {
    let mut fixture = Fixture::released();
    fixture.xtask(["release", "server/v0.1.1"]).ok();
    let then = fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout;
    fixture.commit("feat(server): later (#3)", &[("server/main.py", "serve(3)\n")]);
    assert_eq!(
        fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout,
        then,
        "a later commit got into past notes"
    );
    assert!(fixture.xtask(["notes", "server/v0.1.2"]).ok().stdout.contains("later (#3)"));
}

#[test]
fn notes_that_are_too_long_lose_whole_entries_and_say_how_many() {
    let fixture = Fixture::new();
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
    fixture.import(stream.as_bytes());
    let markdown = fixture.xtask(["notes", "server/v0.1.0", "--initial-release"]).ok().stdout;
    let length = markdown.chars().count();
    assert!((124_000..=125_000).contains(&length), "{length} characters");
    let shown = markdown.matches("- chore: ünremarkable").count();
    let rest = 2_000 - shown;
    assert!(
        markdown.contains(&format!("- … and {rest} older, left out for length: [all changes](https://")),
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
