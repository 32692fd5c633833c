//! The commits of a release are those of `git log --no-merges`, in that order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use crate::support::repository::{Fixture, hermetic, run, xtask};

/// The paths that the built-in catalog gives to `server`, and one that it does not.
const PATHS: [&str; 3] = ["server/a.py", "specs/sandbox-lifecycle.yml", "other/file"];

/// What one generated commit does.
#[derive(Debug, Clone)]
struct Step {
    /// How far back its parents are; the second only for merges.
    parents: (usize, Option<usize>),
    /// Which of the paths it changes, and to which of a few contents.
    change: Option<(usize, u8)>,
    /// For merges: which paths come from the second parent.
    from_second: [bool; 3],
    /// Seconds since the commit before; clocks go backwards too.
    seconds: i64,
}

fn step() -> impl Strategy<Value = Step> {
    let second = prop_oneof![3 => Just(None), 2 => (1usize..6).prop_map(Some)];
    let change = prop_oneof![1 => Just(None), 4 => (0usize..3, 0u8..3).prop_map(Some)];
    let seconds = prop_oneof![6 => 1i64..1000, 2 => Just(0i64), 1 => -5000i64..0];
    ((1usize..4, second), change, any::<[bool; 3]>(), seconds)
        .prop_map(|(parents, change, from_second, seconds)| Step { parents, change, from_second, seconds })
}

/// A stream for `git fast-import` that makes the history, its last commit on `main`.
fn stream(steps: &[Step]) -> String {
    let mut stream = String::new();
    let mut states: Vec<BTreeMap<usize, u8>> = vec![BTreeMap::new()];
    let mut time = 1_700_000_000;
    for (index, step) in steps.iter().enumerate() {
        let mark = index + 1;
        time += step.seconds;
        let parent = |back: usize| mark.saturating_sub(back);
        let first = parent(step.parents.0);
        let second = step.parents.1.map(parent).filter(|it| *it > 0 && *it != first && first > 0);
        let mut state = states[first].clone();
        if let Some(second) = second {
            for (path, from_second) in step.from_second.iter().enumerate() {
                if *from_second {
                    state.remove(&path);
                    state.extend(states[second].get(&path).map(|it| (path, *it)));
                }
            }
        }
        if let Some((path, content)) = step.change {
            state.insert(path, content);
        }
        let kind = if second.is_some() { "Merge pull request #7 from acme/branch" } else { "fix: change" };
        let message = format!("{kind} {mark}");
        // Without `from`, a commit on an existing branch would follow its tip: roots in the middle start anew.
        if first == 0 && index > 0 {
            writeln!(stream, "reset refs/heads/main\n").unwrap();
        }
        writeln!(stream, "commit refs/heads/main\nmark :{mark}").unwrap();
        writeln!(stream, "author A <a@example.com> {time} +0000\ncommitter A <a@example.com> {time} +0000")
            .unwrap();
        writeln!(stream, "data {}\n{message}", message.len()).unwrap();
        if first > 0 {
            writeln!(stream, "from :{first}").unwrap();
        }
        if let Some(second) = second {
            writeln!(stream, "merge :{second}").unwrap();
        }
        writeln!(stream, "deleteall").unwrap();
        for (path, content) in &state {
            writeln!(stream, "M 100644 inline {}\ndata 1\n{content}", PATHS[*path]).unwrap();
        }
        states.push(state);
    }
    stream
}

/// What ours lists, newest first.
fn ours(fixture: &Fixture, arguments: &[&str]) -> Vec<String> {
    let mut command = xtask(fixture.path());
    command.args(["notes", "server/v9.0.0", "--format", "json"]).args(arguments);
    let document = run(&mut command).ok().json();
    let sections = document["sections"].as_array().unwrap();
    let entries = sections.iter().flat_map(|it| it["entries"].as_array().unwrap());
    let listed: Vec<String> = entries.map(|it| it["commit"].as_str().unwrap().to_owned()).collect();
    listed
}

/// The commits of `git log --no-merges`, newest first.
fn gits(fixture: &Fixture, arguments: &[&str]) -> Vec<String> {
    let mut command = hermetic("git", fixture.path());
    command.arg("-C").arg(fixture.path()).args(["log", "--no-merges", "--format=%H"]).args(arguments);
    run(&mut command).ok().stdout.lines().map(str::to_owned).collect()
}

/// The catalog of these tests: every generated commit is a fix, so the one section keeps git's order.
fn check(steps: &[Step], tagged: usize) {
    let fixture = Fixture::new();
    let tag = format!("reset refs/tags/server/v1.0.0\nfrom :{tagged}\n\n");
    fixture.import(format!("{}{tag}", stream(steps)).as_bytes());
    let filtered = ["--", "server", "specs/sandbox-lifecycle.yml"];
    let since = ["server/v1.0.0..main"];
    assert_eq!(
        ours(&fixture, &["--from-tag", "server/v1.0.0"]),
        gits(&fixture, &[&since[..], &filtered].concat())
    );
    assert_eq!(
        ours(&fixture, &["--from-tag", "server/v1.0.0", "--no-path-filter"]),
        gits(&fixture, &since),
        "without path filters"
    );
    fixture.git(["tag", "-d", "server/v1.0.0"]);
    assert_eq!(
        ours(&fixture, &["--initial-release"]),
        gits(&fixture, &[&["main"][..], &filtered].concat()),
        "from the beginning"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn generated_histories_are_listed_as_git_does(steps in proptest::collection::vec(step(), 2..40), at in 0usize..100) {
        check(&steps, at % steps.len() + 1);
    }
}

#[test]
fn a_folder_a_file_and_a_trailing_slash_mean_what_git_means() {
    let mut fixture = Fixture::new();
    fixture.commit("fix: a file", &[("cli", "1")]);
    std::fs::remove_file(fixture.path().join("cli")).unwrap();
    fixture.commit("fix: a folder", &[("cli/a", "1")]);
    fixture.commit("fix: a neighbour", &[("client/a", "1")]);
    fixture.commit("fix: deeper", &[("cli/b/c/d", "1")]);
    for path in ["cli", "cli/", "cli/b", "cli/b/c/d", "cli/b/c/d/", "client"] {
        assert_eq!(
            ours(&fixture, &["--initial-release", "--no-path-filter", "--path", path]),
            gits(&fixture, &["main", "--", path]),
            "{path}"
        );
    }
}

#[test]
fn a_shallow_clone_is_refused_and_not_listed_short() {
    let fixture = Fixture::released();
    let shallow = fixture.path().join("shallow");
    let url = format!("file://{}", fixture.path().display());
    fixture.git(["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let ran = run(xtask(&shallow).args(["notes", "server/v0.1.1", "--initial-release"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("history is cut off") && ran.stderr.contains("git fetch --unshallow"),
        "{}",
        ran.stderr
    );
    let ran = run(xtask(&shallow).args(["release", "server/v0.1.1", "--initial-release", "--dry-run"]));
    assert!(ran.code == 1 && ran.stdout.contains("REFUSED  shallow"), "{}", ran.stdout);
    run(xtask(fixture.path()).args(["notes", "server/v0.1.1"])).ok();
}

#[test]
fn a_missing_object_is_named() {
    let mut fixture = Fixture::released();
    fixture.commit("fix: more", &[("server/main.py", "serve(2)\n")]);
    let lost = fixture.git(["rev-parse", "HEAD~1^{tree}"]);
    let file = fixture.path().join(".git/objects").join(&lost[..2]).join(&lost[2..]);
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let ran = fixture.xtask(["notes", "server/v0.1.1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains(&format!("object {lost} is missing from the clone")), "{}", ran.stderr);
    std::fs::write(&file, kept).unwrap();
    fixture.xtask(["notes", "server/v0.1.1"]).ok();
}

#[test]
fn an_unborn_branch_a_wrong_revision_and_no_repository_are_told() {
    let fixture = Fixture::new();
    let ran = fixture.xtask(["release", "server/v0.1.0", "--dry-run"]);
    assert!(ran.code == 1 && ran.stderr.contains("has no commit yet"), "{}", ran.stderr);
    let fixture = Fixture::released();
    let ran = fixture.xtask(["release", "server/v0.1.1", "--dry-run", "--commit", "nowhere"]);
    assert!(ran.code == 1 && ran.stderr.contains("'nowhere' leads to no commit"), "{}", ran.stderr);
    let empty = tempfile::tempdir().unwrap();
    let ran = run(xtask(empty.path()).args(["release", "server/v0.1.1", "--dry-run"]));
    assert!(ran.code == 1 && ran.stderr.contains("no git repository at ."), "{}", ran.stderr);
}

#[test]
fn bare_clones_worktrees_and_submodules_list_the_same() {
    let fixture = Fixture::released();
    let expected = fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout;
    let bare = fixture.path().join("bare.git");
    fixture.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let linked = fixture.path().join("linked");
    fixture.git(["worktree", "add", "-q", "--detach", linked.to_str().unwrap()]);
    let outer = Fixture::new();
    let inside = fixture.path().to_str().unwrap();
    outer.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inside, "inner"]);
    outer.git(["-C", "inner", "fetch", "-q", "--tags"]);
    for folder in [bare, linked, outer.path().join("inner/server")] {
        assert_eq!(
            run(xtask(&folder).args(["notes", "server/v0.1.1"])).ok().stdout,
            expected,
            "{}",
            folder.display()
        );
    }
    let ran =
        run(xtask(&fixture.path().join("bare.git")).args(["release", "server/v0.1.1", "--dry-run"])).ok();
    assert!(ran.stdout.contains("13 of 14 passed"), "{}", ran.stdout);
}
