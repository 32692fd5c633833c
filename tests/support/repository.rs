//! Hermetic repositories and commands: independent of the developer's configuration, keyring, home directory and clock.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::file_tree::FileTree;

/// Output and exit code of a program. The code is -1 if a signal ended it.
#[derive(Debug)]
pub(crate) struct CapturedOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CapturedOutput {
    fn from_output(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Returns the output if the exit code is 0, otherwise panics with stdout and stderr.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Parses stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.stdout, self.stderr))
    }
}

impl CapturedOutput {
    /// Returns the JSON document and its verdict. Panics if the exit code is not that of the verdict: 0 proven,
    /// 10 refuted, 11 unproven.
    #[track_caller]
    pub(crate) fn verdict(&self) -> (serde_json::Value, String) {
        let document = self.json();
        let verdict = document["verdict"].as_str().unwrap().to_owned();
        let code = match verdict.as_str() {
            "proven" => 0,
            "refuted" => 10,
            _ => 11,
        };
        assert_eq!(self.code, code, "wrong exit code for verdict {verdict}");
        (document, verdict)
    }
}

/// A git repository for a test, with a clock: every commit is 60 seconds later than the one before.
pub(crate) struct TestRepository {
    path: PathBuf,
    time: u64,
    /// Deletes the repository when the fixture is dropped. `None` if another fixture owns the folder.
    _folder: Option<TempDir>,
}

/// Returns a command with an empty environment except `PATH`, fixed identity, locale and time zone, and no stdin.
pub(crate) fn hermetic_command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada Example")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_NAME", "Ada Example")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .stdin(Stdio::null());
    command
}

/// Runs a command and waits for its exit. Panics if it does not start.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> CapturedOutput {
    CapturedOutput::from_output(
        &command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")),
    )
}

/// Returns a hermetic command for the built binary, in a working directory and with a fixed tag date.
pub(crate) fn xtask(folder: &Path) -> Command {
    let mut command = hermetic_command(env!("CARGO_BIN_EXE_xtask"), folder);
    command.current_dir(folder).env("GIT_COMMITTER_DATE", "1700001000 +0000");
    command
}

impl TestRepository {
    /// Creates an empty repository whose branch is `main`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Self { path: folder.path().to_owned(), time: 1_700_000_000, _folder: Some(folder) };
        fixture.git(["init", "-q", "-b", "main"]);
        fixture
    }

    /// Uses an existing repository, which is not deleted.
    pub(crate) fn open(path: PathBuf) -> Self {
        Self { path, time: 1_700_000_000, _folder: None }
    }

    /// Returns a copy of a repository that [`Self::create_release`] created.
    pub(crate) fn with_release() -> Self {
        static TEMPLATE: OnceLock<(FileTree, u64)> = OnceLock::new();
        let (tree, time) = TEMPLATE.get_or_init(|| {
            let repository = Self::create_release();
            (FileTree::read(repository.path()), repository.time)
        });
        let folder = tempfile::tempdir().unwrap();
        tree.write(folder.path());
        let repository = Self { path: folder.path().to_owned(), time: *time, _folder: Some(folder) };
        // The index states inodes and times of files, which are others in a copy.
        repository.git(["update-index", "-q", "--refresh"]);
        repository
    }

    /// Creates a repository with target `server`, released as v0.1.0 and fixed since. Its remote has all commits.
    pub(crate) fn create_release() -> Self {
        let mut fixture = Self::new();
        fixture.commit("chore: start", &[("README.md", "hello\n")]);
        fixture.commit("feat(server): serve (#1)", &[("server/main.py", "serve()\n")]);
        fixture.git(["tag", "server/v0.1.0"]);
        fixture.commit("fix(server): do not fall over (#2)", &[("server/main.py", "serve(1)\n")]);
        fixture.commit("docs: say so", &[("README.md", "hello there\n")]);
        fixture.with_origin()
    }

    /// Adds the remote `origin`, a bare repository, and pushes `main` to it.
    pub(crate) fn with_origin(self) -> Self {
        let bare = self.path().join(".git/origin.git");
        self.git(["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        self.git(["remote", "add", "origin", bare.to_str().unwrap()]);
        self.push_main();
        self.git(["remote", "set-head", "origin", "main"]);
        self
    }

    /// Pushes `main` and fetches, so that the remote-tracking branch is current.
    pub(crate) fn push_main(&self) {
        self.git(["push", "-q", "origin", "main"]);
        self.git(["fetch", "-q", "origin"]);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git and returns its stdout without trailing white space. Panics if git fails.
    #[track_caller]
    pub(crate) fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = hermetic_command("git", self.path());
        let date = format!("{} +0000", self.time);
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        run(command.arg("-C").arg(self.path()).args(arguments)).ok().stdout.trim_end().to_owned()
    }

    /// Runs git, which must fail, and returns its stderr.
    #[track_caller]
    pub(crate) fn git_fails<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = run(hermetic_command("git", self.path()).arg("-C").arg(self.path()).args(arguments));
        assert_ne!(output.code, 0, "git succeeded: {}", output.stdout);
        output.stderr
    }

    /// Writes files, commits all changes and returns the commit id. The commit may be empty.
    pub(crate) fn commit(&mut self, message: &str, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            self.write_file(path, text.as_bytes());
        }
        self.time += 60;
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Writes a file below the repository and creates its parent directories.
    pub(crate) fn write_file(&self, path: &str, bytes: &[u8]) {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Returns the content of a tag object.
    pub(crate) fn tag_object(&self, tag: &str) -> Vec<u8> {
        let mut command = hermetic_command("git", self.path());
        command.arg("-C").arg(self.path()).args(["cat-file", "tag", tag]).output().unwrap().stdout
    }

    /// Stores any bytes as a tag object and points the tag at it. Writes the ref file directly, as an attacker could:
    /// `git update-ref` refuses objects that it cannot parse.
    pub(crate) fn write_tag_object(&self, tag: &str, bytes: &[u8]) {
        self.write_file(".git/object", bytes);
        let object = self.git(["hash-object", "-t", "tag", "-w", "--literally", ".git/object"]);
        self.write_file(&format!(".git/refs/tags/{tag}"), format!("{object}\n").as_bytes());
    }

    /// Runs `verify-tag` with the policy in `.git/release.toml`. Returns the verdict, and the reasons of all findings
    /// that are not proven. `GNUPGHOME` does not exist, so the result cannot depend on the operator's keyring.
    #[track_caller]
    pub(crate) fn verify_tag(&self, tag: &str) -> (String, Vec<String>) {
        let mut command = xtask(self.path());
        command.env("GNUPGHOME", "/nonexistent");
        let output =
            run(command.args(["verify-tag", tag, "--format", "json", "--config", ".git/release.toml"]));
        let (document, verdict) = output.verdict();
        let findings = document["findings"].as_array().unwrap();
        let unproven = findings.iter().filter(|it| it["verdict"] != "proven");
        (verdict, unproven.map(|it| it["reason"].as_str().unwrap().to_owned()).collect())
    }

    /// Asserts the verdict of `verify-tag` and the reasons of all findings that are not proven.
    #[track_caller]
    pub(crate) fn expect_tag_verdict(&self, tag: &str, verdict: &str, reasons: &[&str]) {
        let reasons: Vec<String> = reasons.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(self.verify_tag(tag), (verdict.to_owned(), reasons));
    }

    /// Imports a stream with `git fast-import`.
    #[track_caller]
    pub(crate) fn fast_import(&self, stream: &[u8]) {
        let mut command = hermetic_command("git", self.path());
        command.arg("-C").arg(self.path()).args(["fast-import", "--quiet", "--force"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stream).unwrap();
        assert!(child.wait().unwrap().success(), "git fast-import failed");
    }

    /// Runs the built binary in the repository.
    #[track_caller]
    pub(crate) fn xtask<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> CapturedOutput {
        run(xtask(self.path()).args(arguments))
    }
}

/// Returns every path below a folder with mode, size, modification time and checksum of the content, sorted by path.
/// Two equal snapshots mean that nothing was written.
pub(crate) fn directory_snapshot(folder: &Path) -> Vec<(PathBuf, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let mut all = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let mut seen = format!("{:o} {} {}.{}", meta.mode(), meta.size(), meta.mtime(), meta.mtime_nsec());
        if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
        } else if meta.is_file() {
            let sum = std::fs::read(&path)
                .unwrap()
                .iter()
                .fold(5_381_u64, |sum, it| sum.wrapping_mul(33) ^ u64::from(*it));
            write!(seen, " {sum:x}").unwrap();
        }
        all.push((path, seen));
    }
    all.sort();
    all
}

/// Prints a line to stderr directly. The test harness captures `println!` of passing tests, but not this.
pub(crate) fn print_note(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}
