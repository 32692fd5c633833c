//! The notes list the commits of `git log --no-merges` in the same order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use crate::support::repository::{TestRepository, hermetic_command, run, xtask};

/// Two paths of target `server` in the built-in release configuration, and one outside it.
const CHANGED_PATHS: [&str; 3] = ["server/a.py", "specs/sandbox-lifecycle.yml", "other/file"];

/// One commit of a generated history.
#[derive(Debug, Clone)]
struct GeneratedCommit {
    /// Distance to the parents, in commits. The second is for merges only; `None` for other commits.
    parents: (usize, Option<usize>),
    /// Index of the changed path in [`CHANGED_PATHS`], and its new content. `None` for an empty commit.
    change: Option<(usize, u8)>,
    /// For merges: whether each path is taken from the second parent.
    from_second: [bool; 3],
    /// Seconds since the previous commit. May be negative, as with a wrong clock.
    seconds: i64,
}

fn generated_commit() -> impl Strategy<Value = GeneratedCommit> {
    let second = prop_oneof![3 => Just(None), 2 => (1usize..6).prop_map(Some)];
    let change = prop_oneof![1 => Just(None), 4 => (0usize..3, 0u8..3).prop_map(Some)];
    let seconds = prop_oneof![6 => 1i64..1000, 2 => Just(0i64), 1 => -5000i64..0];
    ((1usize..4, second), change, any::<[bool; 3]>(), seconds).prop_map(
        |(parents, change, from_second, seconds)| GeneratedCommit { parents, change, from_second, seconds },
    )
}

/// Returns a stream for `git fast-import` that creates the history. Its last commit is on `main`.
fn fast_import_stream(steps: &[GeneratedCommit]) -> String {
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
        // A later root needs `reset`: without `from`, fast-import uses the tip of the existing branch as parent.
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
            writeln!(stream, "M 100644 inline {}\ndata 1\n{content}", CHANGED_PATHS[*path]).unwrap();
        }
        states.push(state);
    }
    stream
}

/// Returns the commits that `notes` lists, newest first.
fn listed_commits(fixture: &TestRepository, arguments: &[&str]) -> Vec<String> {
    let mut command = xtask(fixture.path());
    command.args(["notes", "server/v9.0.0", "--format", "json"]).args(arguments);
    let document = run(&mut command).ok().json();
    let sections = document["sections"].as_array().unwrap();
    let entries = sections.iter().flat_map(|it| it["entries"].as_array().unwrap());
    let listed: Vec<String> = entries.map(|it| it["commit"].as_str().unwrap().to_owned()).collect();
    listed
}

/// Returns the commits of `git log --no-merges`, newest first.
fn git_log_commits(fixture: &TestRepository, arguments: &[&str]) -> Vec<String> {
    let mut command = hermetic_command("git", fixture.path());
    command.arg("-C").arg(fixture.path()).args(["log", "--no-merges", "--format=%H"]).args(arguments);
    run(&mut command).ok().stdout.lines().map(str::to_owned).collect()
}

/// Asserts that `notes` and `git log` list the same commits in the same order, with and without path filters. Every
/// generated commit is a fix, so all entries are in one section and keep their order. `tagged` is a mark of the stream.
fn expect_git_log_parity(steps: &[GeneratedCommit], tagged: usize) {
    let fixture = TestRepository::new();
    let tag = format!("reset refs/tags/server/v1.0.0\nfrom :{tagged}\n\n");
    fixture.fast_import(format!("{}{tag}", fast_import_stream(steps)).as_bytes());
    let filtered = ["--", "server", "specs/sandbox-lifecycle.yml"];
    let since = ["server/v1.0.0..main"];
    assert_eq!(
        listed_commits(&fixture, &["--from-tag", "server/v1.0.0"]),
        git_log_commits(&fixture, &[&since[..], &filtered].concat())
    );
    assert_eq!(
        listed_commits(&fixture, &["--from-tag", "server/v1.0.0", "--no-path-filter"]),
        git_log_commits(&fixture, &since),
        "without path filters"
    );
    fixture.git(["tag", "-d", "server/v1.0.0"]);
    assert_eq!(
        listed_commits(&fixture, &["--initial-release"]),
        git_log_commits(&fixture, &[&["main"][..], &filtered].concat()),
        "from the beginning"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn generated_histories_match_git_log(steps in proptest::collection::vec(generated_commit(), 2..40), tag_index in 0usize..100) {
        expect_git_log_parity(&steps, tag_index % steps.len() + 1);
    }
}

#[test]
fn path_filters_match_git() {
    let mut fixture = TestRepository::new();
    fixture.commit("fix: a file", &[("cli", "1")]);
    std::fs::remove_file(fixture.path().join("cli")).unwrap();
    fixture.commit("fix: a folder", &[("cli/a", "1")]);
    fixture.commit("fix: a neighbour", &[("client/a", "1")]);
    fixture.commit("fix: deeper", &[("cli/b/c/d", "1")]);
    for path in ["cli", "cli/", "cli/b", "cli/b/c/d", "cli/b/c/d/", "client"] {
        assert_eq!(
            listed_commits(&fixture, &["--initial-release", "--no-path-filter", "--path", path]),
            git_log_commits(&fixture, &["main", "--", path]),
            "{path}"
        );
    }
}

#[test]
fn notes_refuse_a_shallow_clone() {
    let fixture = TestRepository::with_release();
    let shallow = fixture.path().join("shallow");
    let url = format!("file://{}", fixture.path().display());
    fixture.git(["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let output = run(xtask(&shallow).args(["notes", "server/v0.1.1", "--initial-release"]));
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("the clone is shallow") && output.stderr.contains("git fetch --unshallow"),
        "{}",
        output.stderr
    );
    let output = run(xtask(&shallow).args(["release", "server/v0.1.1", "--initial-release", "--dry-run"]));
    assert!(output.code == 1 && output.stdout.contains("FAILED   shallow"), "{}", output.stdout);
    run(xtask(fixture.path()).args(["notes", "server/v0.1.1"])).ok();
}

#[test]
fn missing_object_error_names_the_object() {
    let mut fixture = TestRepository::with_release();
    fixture.commit("fix: more", &[("server/main.py", "serve(2)\n")]);
    let missing_id = fixture.git(["rev-parse", "HEAD~1^{tree}"]);
    let file = fixture.path().join(".git/objects").join(&missing_id[..2]).join(&missing_id[2..]);
    let object_bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let output = fixture.xtask(["notes", "server/v0.1.1"]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains(&format!("object {missing_id} is missing from the clone")),
        "{}",
        output.stderr
    );
    std::fs::write(&file, object_bytes).unwrap();
    fixture.xtask(["notes", "server/v0.1.1"]).ok();
}

#[test]
fn unusable_repositories_are_errors() {
    let fixture = TestRepository::new();
    let output = fixture.xtask(["release", "server/v0.1.0", "--dry-run"]);
    assert!(output.code == 1 && output.stderr.contains("has no commit yet"), "{}", output.stderr);
    let fixture = TestRepository::with_release();
    let output = fixture.xtask(["release", "server/v0.1.1", "--dry-run", "--commit", "nowhere"]);
    assert!(output.code == 1 && output.stderr.contains("'nowhere' is not a commit"), "{}", output.stderr);
    let empty = tempfile::tempdir().unwrap();
    let output = run(xtask(empty.path()).args(["release", "server/v0.1.1", "--dry-run"]));
    assert!(output.code == 1 && output.stderr.contains("no git repository at ."), "{}", output.stderr);
}

#[test]
fn every_repository_layout_lists_the_same_commits() {
    let fixture = TestRepository::with_release();
    let expected = fixture.xtask(["notes", "server/v0.1.1"]).ok().stdout;
    let bare = fixture.path().join("bare.git");
    fixture.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let linked = fixture.path().join("linked");
    fixture.git(["worktree", "add", "-q", "--detach", linked.to_str().unwrap()]);
    let outer = TestRepository::new();
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
    let output =
        run(xtask(&fixture.path().join("bare.git")).args(["release", "server/v0.1.1", "--dry-run"])).ok();
    assert!(output.stdout.contains("14 of 15 passed"), "{}", output.stdout);
}
