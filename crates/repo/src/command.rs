//! Git itself, for what only it can tell: started at once and heard later. Its standard input is empty; ssh and credential
//! helpers may still ask on the terminal.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};

use crate::programs::Programs;
use crate::{Repo, RepoError};

/// A question that git is still working on.
#[derive(Debug)]
pub(crate) struct Asked(Result<Child, RepoError>);

/// What git printed, or what it said when it failed.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// Starts git in a repository, with these settings (`git -c`).
pub(crate) fn git(repo: &Repo, settings: &[&str], arguments: &[&str]) -> Asked {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo.root());
    if repo.is_bare() {
        // What is named is explicit (`git help config`, safe.bareRepository).
        command.arg("--git-dir=.");
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    if repo.programs == Programs::Operators {
        // What a partial clone lacks is not fetched with the programs that it names.
        command.env("GIT_NO_LAZY_FETCH", "1");
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Asked(command.spawn().map_err(not_started))
}

/// Starts git in a repository, without the programs of the repository's own configuration if it may not start them.
pub(crate) fn git_safely(repo: &Repo, settings: &[&str], arguments: &[&str]) -> Asked {
    match repo.safe_settings() {
        Ok(safe) => {
            let all: Vec<&str> = safe.iter().map(String::as_str).chain(settings.iter().copied()).collect();
            git(repo, &all, arguments)
        }
        Err(error) => Asked(Err(error)),
    }
}

/// How much git may print, in bytes: the references of a remote with a hundred thousand tags stay below.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn not_started(error: io::Error) -> RepoError {
    RepoError::Program { command: "git".to_owned(), said: error.to_string() }
}

/// Reads an output up to the limit. The error says that there is more.
fn bounded(output: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(io::Error::other(format!("it prints more than {} MiB", MAX_OUTPUT_BYTES >> 20)));
    }
    Ok(bytes)
}

impl Asked {
    /// What came of it.
    pub(crate) fn wait(self) -> Result<Answer, RepoError> {
        let mut child = self.0?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let errors = std::thread::spawn(move || stderr.map_or(Ok(Vec::new()), bounded));
        let printed = stdout.map_or(Ok(Vec::new()), bounded);
        if printed.is_err() {
            // It has been told enough; that it ended already is no error.
            child.kill().ok();
        }
        let status = child.wait().map_err(not_started)?;
        let errors = errors.join().unwrap_or_else(|_| Ok(Vec::new()));
        let printed = printed.map_err(not_started)?;
        if status.success() {
            return Ok(Ok(printed));
        }
        let said = String::from_utf8_lossy(&errors.map_err(not_started)?).trim().to_owned();
        let fatal = said.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or(&said);
        // Git hides passwords in addresses, and not the tokens that stand there as names.
        Ok(Err(model::url::without_credentials(fatal)))
    }
}
