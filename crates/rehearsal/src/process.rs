//! Programs, as somebody runs them who has a home of their own and nothing of this user's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::create_dir;
use crate::interrupt;

/// Somebody with a home.
#[derive(Debug, Clone)]
pub(crate) struct SandboxUser {
    /// Where they keep what is theirs.
    pub(crate) home: PathBuf,
    /// The folders that their programs are in.
    pub(crate) search_path: Vec<PathBuf>,
    /// What else their environment has.
    pub(crate) env_vars: Vec<(&'static str, String)>,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct ProcessOutput {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl ProcessOutput {
    /// The last thing that it said, for a report.
    pub(crate) fn last_line(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        text.trim().lines().last().unwrap_or("it said nothing").to_owned()
    }
}

impl SandboxUser {
    /// Somebody at home in a folder, which is made. What reaches GitHub reaches the one on loopback.
    pub(crate) fn with_home(
        home: PathBuf,
        config: &RehearsalConfig,
        github: &GitHub,
    ) -> Result<Self, RehearsalError> {
        create_dir(home.join("tmp"))?;
        let env_vars = vec![
            ("GITHUB_API_URL", github.api_url()),
            ("GH_CONFIG_DIR", home.join(".config/gh").display().to_string()),
            ("XDG_CACHE_HOME", home.join(".cache").display().to_string()),
        ];
        Ok(Self { home, search_path: config.search_path.clone(), env_vars })
    }

    /// A program in a folder, with this environment and no other.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).stdin(Stdio::null());
        command
            .env("PATH", search_path(&self.search_path))
            .env("HOME", &self.home)
            .env("TMPDIR", self.home.join("tmp"));
        command.env("GNUPGHOME", self.home.join(".gnupg")).env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1");
        command.env("GIT_CONFIG_GLOBAL", self.home.join(".gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_TERMINAL_PROMPT", "0");
        command.envs(self.env_vars.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<ProcessOutput, RehearsalError> {
        run_command(self.command(program, folder).args(arguments))
    }

    /// What git prints, without the last line's end.
    pub(crate) fn git<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, RehearsalError> {
        expect_success("git", &self.run("git", folder, arguments)?)
    }

    /// Sets what git reads at home.
    pub(crate) fn configure(&self, key: &str, value: &str) -> Result<(), RehearsalError> {
        self.git(&self.home, ["config", "--global", key, value]).map(drop)
    }
}

/// Folders as `PATH` has them (POSIX, 8.3).
fn search_path(folders: &[PathBuf]) -> OsString {
    let mut path = OsString::new();
    for (index, folder) in folders.iter().enumerate() {
        path.push(if index > 0 { ":" } else { "" });
        path.push(folder);
    }
    path
}

/// Runs a command to its end.
pub(crate) fn run_command(command: &mut Command) -> Result<ProcessOutput, RehearsalError> {
    if interrupt::requested() {
        return Err(RehearsalError::Interrupted);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| RehearsalError::Spawn { program, source })?;
    // What was interrupted with it has nothing to say.
    if interrupt::requested() {
        return Err(RehearsalError::Interrupted);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(ProcessOutput {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// What a program printed that must have succeeded.
pub(crate) fn expect_success(program: &str, output: &ProcessOutput) -> Result<String, RehearsalError> {
    if output.code == Some(0) {
        return Ok(output.stdout.trim_end().to_owned());
    }
    Err(RehearsalError::CommandFailed { program: program.to_owned(), message: output.last_line() })
}
