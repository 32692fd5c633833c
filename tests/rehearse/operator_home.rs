//! The home and the clone of an operator, for rehearsals.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, hermetic_command, run, xtask};

/// The home of an operator, full of files that must not change.
pub(super) struct OperatorHome {
    pub(super) home: tempfile::TempDir,
    /// `TMPDIR` of the rehearsals, which must be empty after each.
    pub(super) temp_dir: tempfile::TempDir,
}

impl OperatorHome {
    pub(super) fn new() -> Self {
        let this = Self { home: tempfile::tempdir().unwrap(), temp_dir: tempfile::tempdir().unwrap() };
        for (path, text) in [
            (".gitconfig", "[user]\n\tname = Olga Operator\n\temail = olga@example.com\n"),
            (".gnupg/pubring.kbx", "no keyring: whoever reads it fails\n"),
            (".gnupg/gpg.conf", "no-such-option\n"),
            (".ssh/id_ed25519", "no key\n"),
            (".config/gh/hosts.yml", "github.com: { oauth_token: invented }\n"),
            (".netrc", "machine 127.0.0.1 login trap password trap\n"),
        ] {
            let path = this.home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        this
    }

    /// Returns the command `cargo xtask rehearse`, run in `folder`.
    pub(super) fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = xtask(folder);
        command.env("HOME", self.home.path()).env("TMPDIR", self.temp_dir.path());
        command.env_remove("GIT_CONFIG_GLOBAL").arg("rehearse").args(arguments);
        command
    }

    /// Rehearses. Asserts that no file of the operator changed, and that nothing is left behind.
    #[track_caller]
    pub(super) fn rehearse(&self, folder: &Path, arguments: &[&str]) -> CapturedOutput {
        self.run_unchanged(&mut self.command(folder, arguments), folder)
    }

    #[track_caller]
    pub(super) fn run_unchanged(&self, command: &mut Command, folder: &Path) -> CapturedOutput {
        let before = [directory_contents(self.home.path()), directory_contents(folder)];
        let output = run(command);
        assert_eq!(
            [directory_contents(self.home.path()), directory_contents(folder)],
            before,
            "a file was written\n{}",
            output.stderr
        );
        let left = std::fs::read_dir(self.temp_dir.path()).unwrap().count();
        assert_eq!(left, 0, "a file was left behind\n{}", output.stderr);
        self.expect_no_process_left();
        output
    }

    /// Asserts that no process is left that uses a folder of a rehearsal.
    #[track_caller]
    pub(super) fn expect_no_process_left(&self) {
        let pattern = self.temp_dir.path().to_str().unwrap();
        let left = run(hermetic_command("pgrep", self.home.path()).args(["-af", "--", pattern]));
        assert_eq!(left.stdout, "", "a process was left running");
    }

    /// Returns a search path that begins with the real gh. `None` if gh was not fetched.
    pub(super) fn path_with_gh(test: &str) -> Option<String> {
        let gh = fetched_tool("gh-2.103.3/bin/gh", test)?;
        Some(format!("{}:{}", gh.parent().unwrap().display(), std::env::var("PATH").unwrap()))
    }

    /// Returns a search path without gh, in which these programs replace all others of their names.
    pub(super) fn path_without_gh(&self, programs: &[(&str, &str)]) -> PathBuf {
        let bin = self.home.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
                let name = entry.file_name();
                if name != "gh" && !bin.join(&name).exists() {
                    std::os::unix::fs::symlink(entry.path(), bin.join(name)).unwrap();
                }
            }
        }
        for (name, text) in programs {
            let path = bin.join(name);
            std::fs::remove_file(&path).ok();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }
}

/// Returns every file below a folder with its content, and every link with its target.
pub(super) fn directory_contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                found.insert(
                    path.clone(),
                    std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                );
            } else if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// Returns every step with its verdict.
pub(super) fn step_verdicts(document: &Value) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let all = document["steps"].as_array().unwrap().iter();
    all.map(|it| (text(&it["check"]), text(&it["verdict"]))).collect()
}

/// Returns how many commands of the notes had this outcome.
pub(super) fn count_commands(document: &Value, what: &str) -> usize {
    document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == what).count()
}

pub(super) const STEP_IDS: [&str; 7] =
    ["dry-run", "setup", "release", "attest", "audit", "notes", "no-side-effects"];

#[track_caller]
pub(super) fn expect_proven(output: &CapturedOutput) -> Value {
    let (document, verdict) = output.verdict();
    assert_eq!(verdict, "proven", "{document:#}");
    // A demo has no dry run, because the operator has no clone of it.
    let expected = if document["source"] == "demo" { &STEP_IDS[1..] } else { &STEP_IDS[..] };
    let expected: Vec<(String, String)> =
        expected.iter().map(|it| ((*it).to_owned(), "proven".to_owned())).collect();
    assert_eq!(step_verdicts(&document), expected);
    document
}
