//! Git itself, for what only it can tell: started at once and heard later. Its standard input is empty; ssh and credential
//! helpers may still ask on the terminal.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::RepoError;
use crate::program_policy::ProgramPolicy;
use crate::repository::Repo;

/// A question that git is still working on, and how long it may once somebody waits for it.
#[derive(Debug)]
pub(crate) struct GitProcess {
    child: Result<Child, RepoError>,
    timeout: Duration,
}

/// How long git may work on what is on this machine. A named pipe that its configuration includes would never end.
const GIT_TIMEOUT: Duration = Duration::from_secs(600);

/// What git printed, or what it said when it failed.
pub(crate) type GitOutput = Result<Vec<u8>, String>;

/// Starts git in a repository, with these settings (`git -c`). Git is told which one: looking for it, it could find another
/// than the one that was opened.
pub(crate) fn spawn_git(repo: &Repo, settings: &[&str], arguments: &[&str]) -> GitProcess {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo.root());
    // Relative paths of the environment would lead elsewhere.
    command.args(["--git-dir".as_ref(), absolute(repo.git.path()).as_os_str()]);
    if let Some(work_tree) = repo.git.workdir() {
        command.args(["--work-tree".as_ref(), absolute(work_tree).as_os_str()]);
    }
    if repo.program_policy == ProgramPolicy::ProtectedConfig {
        // What a partial clone lacks is not fetched with the programs that it names.
        command.env("GIT_NO_LAZY_FETCH", "1");
    }
    spawn(command, settings, arguments, GIT_TIMEOUT)
}

/// Starts git outside of any repository, so that no setting of one counts. Nobody waits longer than `limit`.
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

/// A path from the root, with the links in it as they are.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Starts git in a repository, without the programs of the repository's own configuration if it may not start them.
pub(crate) fn spawn_git_safely(repo: &Repo, settings: &[&str], arguments: &[&str]) -> GitProcess {
    match repo.safe_settings() {
        Ok(safe) => {
            let all: Vec<&str> = safe.iter().map(String::as_str).chain(settings.iter().copied()).collect();
            spawn_git(repo, &all, arguments)
        }
        Err(error) => GitProcess { child: Err(error), timeout: Duration::ZERO },
    }
}

/// How much git may print, in bytes: the references of a remote with a hundred thousand tags stay below.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn git_failed(error: io::Error) -> RepoError {
    RepoError::GitCommand { command: "git".to_owned(), reason: error.to_string() }
}

/// Reads an output up to the limit. The error says that there is more.
fn read_bounded(output: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(io::Error::other(format!("it prints more than {} MiB", MAX_OUTPUT_BYTES >> 20)));
    }
    Ok(bytes)
}

/// Reads an output in a thread of its own. Whatever git started may hold the output open longer than git itself lives.
fn read_in_thread(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody may be waiting any more.
        sender.send(output.map_or(Ok(Vec::new()), read_bounded)).ok();
    });
    receiver
}

impl GitProcess {
    /// The same question, for which nobody waits longer than `limit`.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// What came of it.
    pub(crate) fn wait(self) -> Result<GitOutput, RepoError> {
        let mut child = self.child?;
        let (stdout, stderr) = (read_in_thread(child.stdout.take()), read_in_thread(child.stderr.take()));
        let too_long = || io::Error::other(format!("it took more than {} s", self.timeout.as_secs_f32()));
        let receive = |source: &mpsc::Receiver<io::Result<Vec<u8>>>| {
            source.recv_timeout(self.timeout).unwrap_or_else(|_| Err(too_long()))
        };
        let printed = receive(&stdout);
        let errors = if printed.is_ok() { receive(&stderr) } else { Ok(Vec::new()) };
        if printed.is_err() || errors.is_err() {
            // It has been told enough, or waited for long enough; that it ended already is no error.
            child.kill().ok();
        }
        let status = child.wait().map_err(git_failed)?;
        let printed = printed.map_err(git_failed)?;
        if status.success() {
            return Ok(Ok(printed));
        }
        let message = String::from_utf8_lossy(&errors.map_err(git_failed)?).trim().to_owned();
        let fatal = message.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or(&message);
        // Git hides passwords in addresses, and not the tokens that stand there as names.
        Ok(Err(model::base::url::redact_userinfo(fatal)))
    }
}
