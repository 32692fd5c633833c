//! Programs, as somebody runs them who has a home of their own and nothing of this user's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::{PlayError, Plot, folder_of, interrupt};

/// Somebody with a home.
#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    /// Where they keep what is theirs.
    pub(crate) home: PathBuf,
    /// The folders that their programs are in.
    pub(crate) path: Vec<PathBuf>,
    /// What else their environment has.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The last thing that it said, for a report.
    pub(crate) fn last_words(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        text.trim().lines().last().unwrap_or("it said nothing").to_owned()
    }
}

impl Somebody {
    /// Somebody at home in a folder, which is made. What reaches GitHub reaches the one on loopback.
    pub(crate) fn at_home(home: PathBuf, plot: &Plot, github: &GitHub) -> Result<Self, PlayError> {
        folder_of(home.join("tmp"))?;
        let variables = vec![
            ("GITHUB_API_URL", github.api()),
            ("GH_CONFIG_DIR", home.join(".config/gh").display().to_string()),
            ("XDG_CACHE_HOME", home.join(".cache").display().to_string()),
        ];
        Ok(Self { home, path: plot.path.clone(), variables })
    }

    /// A program in a folder, with this environment and no other.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).stdin(Stdio::null());
        command
            .env("PATH", search_path(&self.path))
            .env("HOME", &self.home)
            .env("TMPDIR", self.home.join("tmp"));
        command.env("GNUPGHOME", self.home.join(".gnupg")).env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1");
        command.env("GIT_CONFIG_GLOBAL", self.home.join(".gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_TERMINAL_PROMPT", "0");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Ran, PlayError> {
        ran(self.command(program, folder).args(arguments))
    }

    /// What git prints, without the last line's end.
    pub(crate) fn git<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, PlayError> {
        told("git", &self.run("git", folder, arguments)?)
    }

    /// Sets what git reads at home.
    pub(crate) fn configure(&self, key: &str, value: &str) -> Result<(), PlayError> {
        self.git(&self.home, ["config", "--global", key, value]).map(drop)
    }
}

/// Folders as `PATH` has them (POSIX, 8.3).
fn search_path(folders: &[PathBuf]) -> OsString {
    let mut path = OsString::new();
    for (at, folder) in folders.iter().enumerate() {
        path.push(if at > 0 { ":" } else { "" });
        path.push(folder);
    }
    path
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Result<Ran, PlayError> {
    if interrupt::is_wanted() {
        return Err(PlayError::Interrupted);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| PlayError::Start { program, source })?;
    // What was interrupted with it has nothing to say.
    if interrupt::is_wanted() {
        return Err(PlayError::Interrupted);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// What a program printed that must have succeeded.
pub(crate) fn told(program: &str, ran: &Ran) -> Result<String, PlayError> {
    if ran.code == Some(0) {
        return Ok(ran.stdout.trim_end().to_owned());
    }
    Err(PlayError::Refused { program: program.to_owned(), said: ran.last_words() })
}
