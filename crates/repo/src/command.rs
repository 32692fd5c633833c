//! Git itself, for what only it can tell: started at once and heard later. Its standard input is empty; ssh and credential
//! helpers may still ask on the terminal.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::RepoError;

/// A question that git is still working on.
#[derive(Debug)]
pub(crate) struct Asked(Result<Child, std::io::Error>);

/// What git printed, or what it said when it failed.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// Starts git in a folder.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> Asked {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments).stdin(Stdio::null());
    Asked(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
}

impl Asked {
    /// What came of it.
    pub(crate) fn wait(self) -> Result<Answer, RepoError> {
        let failed =
            |error: std::io::Error| RepoError::Program { command: "git".to_owned(), said: error.to_string() };
        let output = self.0.and_then(Child::wait_with_output).map_err(failed)?;
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let fatal = said.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or(&said);
        // Git hides passwords in addresses, and not the tokens that stand there as names.
        Ok(Err(model::url::without_credentials(fatal)))
    }
}
