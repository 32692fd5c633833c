//! Runs programs as a user with a separate home directory, without the environment of the current user.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::create_dir;
use crate::interrupt;

/// A user of the sandbox: a home directory and an environment.
#[derive(Debug, Clone)]
pub(crate) struct SandboxUser {
    /// The home directory: `HOME`, and the parent of all configuration files and of `TMPDIR`.
    pub(crate) home: PathBuf,
    /// The directories of `PATH`.
    pub(crate) search_path: Vec<PathBuf>,
    /// Further environment variables.
    pub(crate) env_vars: Vec<(&'static str, String)>,
}

/// The output and the exit code of a program.
#[derive(Debug)]
pub(crate) struct ProcessOutput {
    /// The exit code. `None` if a signal ended the program.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl ProcessOutput {
    /// Returns the last line of stderr, or of stdout if stderr is empty.
    pub(crate) fn last_line(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        text.trim().lines().last().unwrap_or("no output").to_owned()
    }
}

impl SandboxUser {
    /// Creates a user whose home directory is `home` and whose GitHub API URL is the emulator's.
    ///
    /// Creates the directory and its `tmp` subdirectory.
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

    /// Returns a command that runs `program` in `folder`, with the environment of this user only.
    ///
    /// The environment of the current process is cleared: it could redirect git, gpg or `gh` to the operator's files.
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

    /// Runs a program and waits for it. A failed program is not an error here.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<ProcessOutput, RehearsalError> {
        run_command(self.command(program, folder).args(arguments))
    }

    /// Runs git and returns its stdout without trailing whitespace. A failure of git is an error.
    pub(crate) fn git<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, RehearsalError> {
        expect_success("git", &self.run("git", folder, arguments)?)
    }

    /// Sets a value in the global git configuration of this user.
    pub(crate) fn configure(&self, key: &str, value: &str) -> Result<(), RehearsalError> {
        self.git(&self.home, ["config", "--global", key, value]).map(drop)
    }
}

/// Joins directories to a value of `PATH` (POSIX, 8.3).
fn search_path(folders: &[PathBuf]) -> OsString {
    let mut path = OsString::new();
    for (index, folder) in folders.iter().enumerate() {
        path.push(if index > 0 { ":" } else { "" });
        path.push(folder);
    }
    path
}

/// Runs a command, waits for it and captures its output. Returns `Interrupted` if a signal has arrived.
pub(crate) fn run_command(command: &mut Command) -> Result<ProcessOutput, RehearsalError> {
    if interrupt::requested() {
        return Err(RehearsalError::Interrupted);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| RehearsalError::Spawn { program, source })?;
    // The signal also reached the program, so its output and exit code mean nothing.
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

/// Returns the stdout of a program without trailing whitespace, or an error if its exit code is not 0.
pub(crate) fn expect_success(program: &str, output: &ProcessOutput) -> Result<String, RehearsalError> {
    if output.code == Some(0) {
        return Ok(output.stdout.trim_end().to_owned());
    }
    Err(RehearsalError::CommandFailed { program: program.to_owned(), message: output.last_line() })
}
