//! Hostile repositories: ambiguous configuration, files outside of the repository, named pipes, and objects and remotes
//! without an end.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::resource_limits::run_bounded;
use crate::support::repository::{TestRepository, hermetic_command, run, xtask};
use crate::support::test_bed::{TAG, TestBed};

/// A program outside of every repository that logs each start.
struct TrapProgram {
    folder: tempfile::TempDir,
}

impl TrapProgram {
    fn new() -> Self {
        let trap = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!("#!/bin/sh\necho ran >> {}\nexit 1\n", trap.log_file().display());
        std::fs::write(trap.program_path(), text).unwrap();
        std::fs::set_permissions(trap.program_path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        trap
    }

    fn program_path(&self) -> PathBuf {
        self.folder.path().join("evil")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("ran")
    }

    /// Runs every command that starts git in the repository, and asserts that the program was not started. Returns the
    /// exit codes.
    #[track_caller]
    fn expect_not_started(&self, clone: &Path) -> Vec<i32> {
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
            let output = run(command.env("GITHUB_API_URL", "http://127.0.0.1:1").args(arguments));
            assert!(
                !self.log_file().exists(),
                "{arguments:?} started the program:\n{}\n{}",
                output.stdout,
                output.stderr
            );
            output.code
        });
        codes.to_vec()
    }

    /// Asserts that git itself starts the program, so that the trap is armed.
    fn expect_git_starts_it(&self, clone: &Path) {
        run(hermetic_command("git", clone).arg("-C").arg(clone).args(["status"]));
        assert!(self.log_file().exists(), "the trap is not armed");
        std::fs::remove_file(self.log_file()).unwrap();
    }
}

fn append_config(fixture: &TestRepository, text: &str) {
    let file = fixture.path().join(".git/config");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{before}{text}")).unwrap();
}

#[test]
fn ambiguous_git_config_starts_no_program() {
    // git and libgit2 parse a continued line differently if a comment follows it.
    for hidden in
        ["[user]\n\tx = a\\\n; b\n", "[user]\n\tx = \"a\\\n# b\"\n", "[user]\n\tx = a\\\n\\\n; b\n", ""]
    {
        let (trap, fixture) = (TrapProgram::new(), TestRepository::with_release());
        append_config(
            &fixture,
            &format!("{hidden}[core]\n\tfsmonitor = {}\n", trap.program_path().display()),
        );
        trap.expect_git_starts_it(fixture.path());
        trap.expect_not_started(fixture.path());
    }
}

#[test]
fn ambiguous_commondir_starts_no_program() {
    for text in ["./ ", ".\t", "./ \n"] {
        let (trap, fixture) = (TrapProgram::new(), TestRepository::with_release());
        let git_dir = fixture.path().join(".git");
        let other = git_dir.join(text.trim_end_matches('\n'));
        let copy = "mkdir -p \"$0\"; cp -r objects refs config \"$0\"";
        if !other.exists() {
            let mut command = hermetic_command("sh", fixture.path());
            run(command.current_dir(&git_dir).args(["-c", copy]).arg(&other)).ok();
        }
        let config = std::fs::read_to_string(other.join("config")).unwrap();
        let evil = format!("{config}[core]\n\tfsmonitor = {}\n", trap.program_path().display());
        std::fs::write(other.join("config"), evil).unwrap();
        std::fs::write(git_dir.join("commondir"), text).unwrap();
        trap.expect_git_starts_it(fixture.path());
        trap.expect_not_started(fixture.path());
    }
}

#[test]
fn foreign_worktree_is_refused() {
    let (trap, other, fixture) =
        (TrapProgram::new(), TestRepository::with_release(), TestRepository::with_release());
    other.git(["config", "core.fsmonitor", trap.program_path().to_str().unwrap()]);
    fixture.git(["config", "core.worktree", other.path().to_str().unwrap()]);
    assert!(trap.expect_not_started(fixture.path()).iter().all(|it| *it == 1));
    // No file is written to the foreign worktree.
    let victim = tempfile::tempdir().unwrap();
    fixture.git(["config", "core.worktree", victim.path().to_str().unwrap()]);
    for arguments in [&["archive", TAG][..], &["config", "init"], &["release", TAG], &["rehearse", TAG]] {
        let output = run(xtask(fixture.path()).args(arguments));
        assert!(
            output.code == 1 && output.stderr.contains("core.worktree"),
            "{arguments:?}: {}",
            output.stderr
        );
    }
    assert_eq!(std::fs::read_dir(victim.path()).unwrap().count(), 0);
    // The twins: linked worktrees and submodules also have their files outside of their git directory's parent.
    let fixture = TestRepository::with_release();
    let linked = fixture.path().join(".git/linked");
    fixture.git(["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
    run(xtask(&linked).args(["archive", TAG])).ok();
    assert!(linked.join("dist").is_dir());
    let outer = TestRepository::new();
    let address = fixture.path().to_str().unwrap();
    outer.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", address, "inner"]);
    run(xtask(&outer.path().join("inner")).args(["archive", TAG])).ok();
}

#[test]
fn enclosing_repository_is_not_opened() {
    let (trap, outer) = (TrapProgram::new(), TestRepository::with_release());
    outer.git(["config", "core.fsmonitor", trap.program_path().to_str().unwrap()]);
    let inner = outer.path().join("inner");
    run(hermetic_command("git", outer.path())
        .args(["clone", "-q"])
        .arg(outer.path().join(".git/origin.git"))
        .arg(&inner))
    .ok();
    // git does not accept a repository whose HEAD is such a link, and would search the parent directories.
    std::fs::rename(inner.join(".git/HEAD"), inner.join(".git/H2")).unwrap();
    symlink("H2", inner.join(".git/HEAD")).unwrap();
    trap.expect_not_started(&inner);
}

#[test]
fn reading_commands_ignore_repository_http_settings() {
    let bed = TestBed::new();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let cookies = bed.home.path().join("precious");
    std::fs::write(&cookies, "precious\n").unwrap();
    let git = |arguments: &[&str]| bed.clone.git(arguments);
    git(&["config", "http.proxy", &format!("http://{}", proxy.local_addr().unwrap())]);
    git(&["config", "http.cookieFile", cookies.to_str().unwrap()]);
    git(&["config", "http.saveCookies", "true"]);
    git(&["config", "http.sslVerify", "false"]);
    for arguments in [&["doctor", TAG, "--push"][..], &["release", TAG, "--push", "--dry-run"]] {
        let output = bed.run(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}\n{}", output.stdout, output.stderr);
    }
    assert!(proxy.accept().is_err(), "the repository's proxy was contacted");
    assert_eq!(std::fs::read_to_string(&cookies).unwrap(), "precious\n");
    // The trap is armed: git itself connects to the proxy.
    let mut command = hermetic_command("timeout", bed.home.path());
    run(command.args(["2", "git", "-C"]).arg(bed.clone.path()).args(["ls-remote", "origin"]));
    assert!(proxy.accept().is_ok(), "the trap is not armed");
}

#[test]
fn tags_are_not_written_through_symlinks() {
    for place in ["refs/tags/server", "objects"] {
        let fixture = TestRepository::with_release();
        let elsewhere = tempfile::tempdir().unwrap();
        let (inside, moved) = (fixture.path().join(".git").join(place), elsewhere.path().join("moved"));
        std::fs::rename(&inside, &moved).unwrap();
        symlink(&moved, &inside).unwrap();
        let before = crate::support::repository::directory_snapshot(&moved);
        let output = run(xtask(fixture.path()).args(["release", TAG]));
        assert!(output.code == 1 && output.stderr.contains(place), "{place}: {}", output.stderr);
        assert_eq!(crate::support::repository::directory_snapshot(&moved), before, "{place}");
    }
    run(xtask(TestRepository::with_release().path()).args(["release", TAG])).ok();
}

#[test]
fn oversized_objects_are_not_read() {
    let long = "x".repeat(20 << 20);
    let mut fixture = TestRepository::with_release();
    let commit = fixture.git(["rev-parse", "HEAD"]);
    let tag = format!(
        "object {commit}\ntype commit\ntag server/v0.0.9\ntagger A <a@x> 1700000000 +0000\n\n{long}\n"
    );
    fixture.write_tag_object("server/v0.0.9", tag.as_bytes());
    let output = run_bounded(fixture.path(), &["verify-tag", "server/v0.0.9"]);
    assert!(output.code == 1 && output.stderr.contains("expected at most"), "{}", output.stderr);
    assert_eq!(run_bounded(fixture.path(), &["targets"]).code, 0);
    for (file, arguments) in [
        (".mailmap", ["notes", TAG]),
        (".gitattributes", ["archive", TAG]),
        ("server/.gitattributes", ["archive", TAG]),
    ] {
        let mut fixture = TestRepository::with_release();
        fixture.commit("fix(server): carry a burden", &[(file, &long)]);
        let output = run_bounded(fixture.path(), &arguments);
        assert!(output.code == 1 && output.stderr.contains("expected at most"), "{file}: {}", output.stderr);
    }
    fixture.write_file(".git/message", format!("fix(server): tell much\n\n{long}").as_bytes());
    fixture.git(["commit", "-q", "--allow-empty", "-F", ".git/message"]);
    let output = run_bounded(fixture.path(), &["notes", TAG]);
    assert!(output.code == 1 && output.stderr.contains("expected at most"), "{}", output.stderr);
    // The twin: 15 MiB are within the limit.
    fixture = TestRepository::with_release();
    fixture.commit("fix(server): carry much", &[(".mailmap", &"x".repeat(15 << 20))]);
    assert_eq!(run_bounded(fixture.path(), &["notes", TAG]).code, 0);
}

#[test]
fn named_pipes_in_the_git_directory_are_refused() {
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
        let fixture = TestRepository::with_release();
        let file = fixture.path().join(".git").join(name);
        std::fs::remove_file(&file).ok();
        run(hermetic_command("mkfifo", Path::new("/")).arg(&file)).ok();
        for arguments in [&["targets"][..], &["release", TAG, "--dry-run"]] {
            let output = run_bounded(fixture.path(), arguments);
            assert!(
                output.code == 1 && output.stderr.contains(name),
                "{name}: {} {}",
                output.code,
                output.stderr
            );
        }
    }
}

#[test]
fn refs_behind_a_symlink_are_checked() {
    for (pipe, code) in [(false, 0), (true, 1)] {
        let (fixture, elsewhere) = (TestRepository::with_release(), tempfile::tempdir().unwrap());
        let (inside, moved) = (fixture.path().join(".git/refs/tags"), elsewhere.path().join("tags"));
        std::fs::rename(&inside, &moved).unwrap();
        symlink(&moved, &inside).unwrap();
        if pipe {
            run(hermetic_command("mkfifo", Path::new("/")).arg(moved.join("server/v0.0.1"))).ok();
        }
        let output = run_bounded(fixture.path(), &["status"]);
        assert_eq!((output.code, output.stderr.contains("v0.0.1")), (code, pipe), "{}", output.stderr);
    }
}

#[test]
fn silent_remote_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bed = TestBed::new();
    let address = format!("git://{}/acme/widgets", silent.local_addr().unwrap());
    bed.clone.git(["remote", "set-url", "origin", &address]);
    for arguments in [&["doctor", TAG, "--push"][..], &["release", TAG, "--push"]] {
        let begun = Instant::now();
        let mut command = bed.command(arguments);
        let output = run(command.env("RELEASE_HTTP_TIMEOUT", "1").env("RELEASE_HTTP_TRIES", "1"));
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(begun.elapsed() < Duration::from_secs(30), "{arguments:?}: {:?}", begun.elapsed());
    }
}
