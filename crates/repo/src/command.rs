//! Runs the system's git for queries that libgit2 does not answer. The process starts at once, and
//! [`GitProcess::wait`] returns its output. Its standard input is empty; ssh and credential helpers may still prompt
//! on the terminal.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::RepoError;
use crate::repository::Repo;
use model::release::request::ProgramPolicy;

/// A running git process, and the time-out of [`GitProcess::wait`].
#[derive(Debug)]
pub(crate) struct GitProcess {
    child: Result<Child, RepoError>,
    timeout: Duration,
}

/// The time-out for local commands. A named pipe that git's configuration includes would block forever.
const GIT_TIMEOUT: Duration = Duration::from_secs(600);

/// The standard output of git if it succeeded, else the error message from its standard error.
pub(crate) type GitOutput = Result<Vec<u8>, String>;

/// Starts git in a repository with the given settings (`git -c`). The git directory is passed explicitly, because
/// git's discovery could find another repository than the one that was opened and checked.
pub(crate) fn spawn_git(repo: &Repo, settings: &[&str], arguments: &[&str]) -> GitProcess {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo.root());
    // `-C` changes the working directory, so a relative path would no longer name the same folder.
    command.args(["--git-dir".as_ref(), absolute(repo.git.path()).as_os_str()]);
    if let Some(work_tree) = repo.git.workdir() {
        command.args(["--work-tree".as_ref(), absolute(work_tree).as_os_str()]);
    }
    if repo.program_policy == ProgramPolicy::ProtectedConfig {
        // Without this, git fetches missing objects of a partial clone with the programs that the clone configures.
        command.env("GIT_NO_LAZY_FETCH", "1");
    }
    spawn(command, settings, arguments, GIT_TIMEOUT)
}

/// Starts git outside of any repository, so that no repository configuration applies. [`GitProcess::wait`] stops it
/// after `timeout`.
pub(crate) fn spawn_git_outside(settings: &[&str], arguments: &[&str], timeout: Duration) -> GitProcess {
    let mut command = Command::new("git");
    command.args(["-C", "/"]);
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(variable);
    }
    spawn(command, settings, arguments, timeout)
}

fn spawn(mut command: Command, settings: &[&str], arguments: &[&str], timeout: Duration) -> GitProcess {
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    GitProcess { child: command.spawn().map_err(git_failed), timeout }
}

/// Returns the absolute form of a path, without resolving symbolic links.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Starts git in a repository. Under [`ProgramPolicy::ProtectedConfig`], programs that the repository configures are
/// overridden. If that is impossible, the process is not started, and [`GitProcess::wait`] returns the error.
pub(crate) fn spawn_git_safely(repo: &Repo, settings: &[&str], arguments: &[&str]) -> GitProcess {
    match repo.safe_settings() {
        Ok(safe) => {
            let all: Vec<&str> = safe.iter().map(String::as_str).chain(settings.iter().copied()).collect();
            spawn_git(repo, &all, arguments)
        }
        Err(error) => GitProcess { child: Err(error), timeout: Duration::ZERO },
    }
}

/// The largest output of git, in bytes. The references of a remote with a hundred thousand tags are smaller.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn git_failed(error: io::Error) -> RepoError {
    RepoError::GitCommand { command: "git".to_owned(), reason: error.to_string() }
}

/// Reads an output of at most [`MAX_OUTPUT_BYTES`]; a longer one is an error.
fn read_bounded(output: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(io::Error::other(format!("its output is longer than {} MiB", MAX_OUTPUT_BYTES >> 20)));
    }
    Ok(bytes)
}

/// Reads an output in a separate thread, so that the caller can time out. A process that git started may keep the
/// output open after git has exited.
fn read_in_thread(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Fails only if the receiver was dropped after a time-out.
        sender.send(output.map_or(Ok(Vec::new()), read_bounded)).ok();
    });
    receiver
}

impl GitProcess {
    /// Sets the time-out of [`GitProcess::wait`].
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Waits for git to exit, and returns its output, or its error message without credentials.
    ///
    /// # Errors
    /// [`RepoError::GitCommand`] if git cannot be started, times out or prints more than the limit.
    pub(crate) fn wait(self) -> Result<GitOutput, RepoError> {
        let mut child = self.child?;
        let (stdout, stderr) = (read_in_thread(child.stdout.take()), read_in_thread(child.stderr.take()));
        let too_long = || io::Error::other(format!("timed out after {} s", self.timeout.as_secs_f32()));
        let receive = |source: &mpsc::Receiver<io::Result<Vec<u8>>>| {
            source.recv_timeout(self.timeout).unwrap_or_else(|_| Err(too_long()))
        };
        let printed = receive(&stdout);
        let errors = if printed.is_ok() { receive(&stderr) } else { Ok(Vec::new()) };
        if printed.is_err() || errors.is_err() {
            // git timed out or printed too much. It may have exited already, which is not an error.
            child.kill().ok();
        }
        let status = child.wait().map_err(git_failed)?;
        let printed = printed.map_err(git_failed)?;
        if status.success() {
            return Ok(Ok(printed));
        }
        let message = String::from_utf8_lossy(&errors.map_err(git_failed)?).trim().to_owned();
        let fatal = message.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or(&message);
        // git hides the password of a URL, but not its user name, which can be a token.
        Ok(Err(model::base::url::redact_userinfo(fatal)))
    }
}
