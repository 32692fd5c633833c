//! Repositories that mislead: read in two ways, with their files elsewhere, with objects, pipes and remotes that have no end.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::limits::bounded;
use crate::support::repository::{Fixture, hermetic, run, xtask};
use crate::support::test_bed::{TAG, World};

/// A program that tells that it ran, outside of every repository.
struct Trap {
    folder: tempfile::TempDir,
}

impl Trap {
    fn new() -> Self {
        let trap = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!("#!/bin/sh\necho ran >> {}\nexit 1\n", trap.log().display());
        std::fs::write(trap.program(), text).unwrap();
        std::fs::set_permissions(trap.program(), std::fs::Permissions::from_mode(0o755)).unwrap();
        trap
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("evil")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("ran")
    }

    /// Runs every command that starts git in the repository, and says what each ended with.
    #[track_caller]
    fn is_not_sprung(&self, clone: &Path) -> Vec<i32> {
        let commands = [
            &["doctor", TAG][..],
            &["release", TAG, "--dry-run"],
            &["release", TAG, "--sign-tag", "--dry-run"],
            &["doctor", TAG, "--push", "-R", "acme/widgets"],
            &["rehearse", TAG],
            &["status"],
        ];
        let codes = commands.map(|arguments| {
            let mut command = xtask(clone);
            command.env("RELEASE_HTTP_TIMEOUT", "1").env("RELEASE_HTTP_TRIES", "1");
            let ran = run(command.env("GITHUB_API_URL", "http://127.0.0.1:1").args(arguments));
            assert!(!self.log().exists(), "{arguments:?} started it:\n{}\n{}", ran.stdout, ran.stderr);
            ran.code
        });
        codes.to_vec()
    }

    /// Git itself starts it: the trap is armed.
    fn springs_for_git(&self, clone: &Path) {
        run(hermetic("git", clone).arg("-C").arg(clone).args(["status"]));
        assert!(self.log().exists(), "the trap is not armed");
        std::fs::remove_file(self.log()).unwrap();
    }
}

fn append(fixture: &Fixture, text: &str) {
    let file = fixture.path().join(".git/config");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{before}{text}")).unwrap();
}

#[test]
fn a_configuration_that_readers_take_in_two_ways_starts_nothing() {
    // Git and libgit2 do not agree where a continued line is followed by a comment.
    for hidden in
        ["[user]\n\tx = a\\\n; b\n", "[user]\n\tx = \"a\\\n# b\"\n", "[user]\n\tx = a\\\n\\\n; b\n", ""]
    {
        let (trap, fixture) = (Trap::new(), Fixture::released());
        append(&fixture, &format!("{hidden}[core]\n\tfsmonitor = {}\n", trap.program().display()));
        trap.springs_for_git(fixture.path());
        trap.is_not_sprung(fixture.path());
    }
}

#[test]
fn a_common_folder_that_readers_take_in_two_ways_starts_nothing() {
    for text in ["./ ", ".\t", "./ \n"] {
        let (trap, fixture) = (Trap::new(), Fixture::released());
        let git_dir = fixture.path().join(".git");
        let other = git_dir.join(text.trim_end_matches('\n'));
        let copy = "mkdir -p \"$0\"; cp -r objects refs config \"$0\"";
        if !other.exists() {
            let mut command = hermetic("sh", fixture.path());
            run(command.current_dir(&git_dir).args(["-c", copy]).arg(&other)).ok();
        }
        let config = std::fs::read_to_string(other.join("config")).unwrap();
        let evil = format!("{config}[core]\n\tfsmonitor = {}\n", trap.program().display());
        std::fs::write(other.join("config"), evil).unwrap();
        std::fs::write(git_dir.join("commondir"), text).unwrap();
        trap.springs_for_git(fixture.path());
        trap.is_not_sprung(fixture.path());
    }
}

#[test]
fn files_that_belong_to_another_repository_are_refused() {
    let (trap, other, fixture) = (Trap::new(), Fixture::released(), Fixture::released());
    other.git(["config", "core.fsmonitor", trap.program().to_str().unwrap()]);
    fixture.git(["config", "core.worktree", other.path().to_str().unwrap()]);
    assert!(trap.is_not_sprung(fixture.path()).iter().all(|it| *it == 1));
    // Nor is anything written there.
    let victim = tempfile::tempdir().unwrap();
    fixture.git(["config", "core.worktree", victim.path().to_str().unwrap()]);
    for arguments in [&["archive", TAG][..], &["config", "init"], &["release", TAG], &["rehearse", TAG]] {
        let ran = run(xtask(fixture.path()).args(arguments));
        assert!(ran.code == 1 && ran.stderr.contains("core.worktree"), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read_dir(victim.path()).unwrap().count(), 0);
    // The twins: a linked worktree and a submodule have their files elsewhere, too.
    let fixture = Fixture::released();
    let linked = fixture.path().join(".git/linked");
    fixture.git(["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
    run(xtask(&linked).args(["archive", TAG])).ok();
    assert!(linked.join("dist").is_dir());
    let outer = Fixture::new();
    let address = fixture.path().to_str().unwrap();
    outer.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", address, "inner"]);
    run(xtask(&outer.path().join("inner")).args(["archive", TAG])).ok();
}

#[test]
fn git_does_not_find_another_repository_than_the_one_that_was_opened() {
    let (trap, outer) = (Trap::new(), Fixture::released());
    outer.git(["config", "core.fsmonitor", trap.program().to_str().unwrap()]);
    let inner = outer.path().join("inner");
    run(hermetic("git", outer.path())
        .args(["clone", "-q"])
        .arg(outer.path().join(".git/origin.git"))
        .arg(&inner))
    .ok();
    // Git takes a repository whose HEAD is such a link for none, and would look above it.
    std::fs::rename(inner.join(".git/HEAD"), inner.join(".git/H2")).unwrap();
    symlink("H2", inner.join(".git/HEAD")).unwrap();
    trap.is_not_sprung(&inner);
}

#[test]
fn the_settings_of_a_repository_do_not_lead_what_reading_commands_ask() {
    let world = World::new();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let cookies = world.home.path().join("precious");
    std::fs::write(&cookies, "precious\n").unwrap();
    let git = |arguments: &[&str]| world.clone.git(arguments);
    git(&["config", "http.proxy", &format!("http://{}", proxy.local_addr().unwrap())]);
    git(&["config", "http.cookieFile", cookies.to_str().unwrap()]);
    git(&["config", "http.saveCookies", "true"]);
    git(&["config", "http.sslVerify", "false"]);
    for arguments in [&["doctor", TAG, "--push"][..], &["release", TAG, "--push", "--dry-run"]] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}\n{}", ran.stdout, ran.stderr);
    }
    assert!(proxy.accept().is_err(), "the repository's proxy was asked");
    assert_eq!(std::fs::read_to_string(&cookies).unwrap(), "precious\n");
    // Git itself asks it: the trap is armed.
    let mut command = hermetic("timeout", world.home.path());
    run(command.args(["2", "git", "-C"]).arg(world.clone.path()).args(["ls-remote", "origin"]));
    assert!(proxy.accept().is_ok(), "the trap is not armed");
}

#[test]
fn a_tag_is_not_written_through_links_in_the_repository() {
    for place in ["refs/tags/server", "objects"] {
        let fixture = Fixture::released();
        let elsewhere = tempfile::tempdir().unwrap();
        let (inside, moved) = (fixture.path().join(".git").join(place), elsewhere.path().join("moved"));
        std::fs::rename(&inside, &moved).unwrap();
        symlink(&moved, &inside).unwrap();
        let before = crate::support::repository::everything(&moved);
        let ran = run(xtask(fixture.path()).args(["release", TAG]));
        assert!(ran.code == 1 && ran.stderr.contains(place), "{place}: {}", ran.stderr);
        assert_eq!(crate::support::repository::everything(&moved), before, "{place}");
    }
    run(xtask(Fixture::released().path()).args(["release", TAG])).ok();
}

#[test]
fn objects_that_are_too_long_are_not_read() {
    let long = "x".repeat(20 << 20);
    let mut fixture = Fixture::released();
    let commit = fixture.git(["rev-parse", "HEAD"]);
    let tag = format!(
        "object {commit}\ntype commit\ntag server/v0.0.9\ntagger A <a@x> 1700000000 +0000\n\n{long}\n"
    );
    fixture.put_tag("server/v0.0.9", tag.as_bytes());
    let ran = bounded(fixture.path(), &["verify-tag", "server/v0.0.9"]);
    assert!(ran.code == 1 && ran.stderr.contains("expected at most"), "{}", ran.stderr);
    assert_eq!(bounded(fixture.path(), &["targets"]).code, 0);
    for (file, arguments) in [
        (".mailmap", ["notes", TAG]),
        (".gitattributes", ["archive", TAG]),
        ("server/.gitattributes", ["archive", TAG]),
    ] {
        let mut fixture = Fixture::released();
        fixture.commit("fix(server): carry a burden", &[(file, &long)]);
        let ran = bounded(fixture.path(), &arguments);
        assert!(ran.code == 1 && ran.stderr.contains("expected at most"), "{file}: {}", ran.stderr);
    }
    fixture.write(".git/message", format!("fix(server): tell much\n\n{long}").as_bytes());
    fixture.git(["commit", "-q", "--allow-empty", "-F", ".git/message"]);
    let ran = bounded(fixture.path(), &["notes", TAG]);
    assert!(ran.code == 1 && ran.stderr.contains("expected at most"), "{}", ran.stderr);
    // The twin is just within the limit.
    fixture = Fixture::released();
    fixture.commit("fix(server): carry much", &[(".mailmap", &"x".repeat(15 << 20))]);
    assert_eq!(bounded(fixture.path(), &["notes", TAG]).code, 0);
}

#[test]
fn pipes_in_a_git_directory_are_refused() {
    let files = [
        "config",
        "packed-refs",
        "shallow",
        "index",
        "info/attributes",
        "objects/info/alternates",
        "refs/heads/main",
    ];
    for name in files {
        let fixture = Fixture::released();
        let file = fixture.path().join(".git").join(name);
        std::fs::remove_file(&file).ok();
        run(hermetic("mkfifo", Path::new("/")).arg(&file)).ok();
        for arguments in [&["targets"][..], &["release", TAG, "--dry-run"]] {
            let ran = bounded(fixture.path(), arguments);
            assert!(ran.code == 1 && ran.stderr.contains(name), "{name}: {} {}", ran.code, ran.stderr);
        }
    }
}

#[test]
fn references_behind_a_link_are_looked_at_too() {
    for (pipe, code) in [(false, 0), (true, 1)] {
        let (fixture, elsewhere) = (Fixture::released(), tempfile::tempdir().unwrap());
        let (inside, moved) = (fixture.path().join(".git/refs/tags"), elsewhere.path().join("tags"));
        std::fs::rename(&inside, &moved).unwrap();
        symlink(&moved, &inside).unwrap();
        if pipe {
            run(hermetic("mkfifo", Path::new("/")).arg(moved.join("server/v0.0.1"))).ok();
        }
        let ran = bounded(fixture.path(), &["status"]);
        assert_eq!((ran.code, ran.stderr.contains("v0.0.1")), (code, pipe), "{}", ran.stderr);
    }
}

#[test]
fn a_remote_that_stays_silent_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new();
    let address = format!("git://{}/acme/widgets", silent.local_addr().unwrap());
    world.clone.git(["remote", "set-url", "origin", &address]);
    for arguments in [&["doctor", TAG, "--push"][..], &["release", TAG, "--push"]] {
        let begun = Instant::now();
        let mut command = world.command(arguments);
        let ran = run(command.env("RELEASE_HTTP_TIMEOUT", "1").env("RELEASE_HTTP_TRIES", "1"));
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(begun.elapsed() < Duration::from_secs(30), "{arguments:?}: {:?}", begun.elapsed());
    }
}
