//! Git itself, for what only it can tell: asked in the background, without a terminal.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};

use crate::RepoError;

/// A question that git is still working on.
#[derive(Debug)]
pub(crate) struct Asked(JoinHandle<Result<Answer, RepoError>>);

/// What git printed, or what it said when it failed.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// Runs git in a folder, in the background.
pub(crate) fn git(directory: PathBuf, arguments: &[&str]) -> Asked {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments).stdin(Stdio::null());
    Asked(thread::spawn(move || run(command)))
}

impl Asked {
    /// What came of it.
    pub(crate) fn wait(self) -> Result<Answer, RepoError> {
        let lost =
            || RepoError::Program { command: "git".to_owned(), said: "the answer was lost".to_owned() };
        self.0.join().unwrap_or_else(|_| Err(lost()))
    }
}

fn run(mut command: Command) -> Result<Answer, RepoError> {
    let output = command.output();
    let output =
        output.map_err(|error| RepoError::Program { command: "git".to_owned(), said: error.to_string() })?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let fatal = said.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or(&said);
    Ok(Err(fatal.to_owned()))
}
