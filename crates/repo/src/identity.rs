//! Who makes a tag, as git reads it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};

use crate::{Repo, RepoError};

/// A name, address and time in the form of a tag object's `tagger` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// `Name <address> <seconds> <zone>`.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.0
    }

    /// `Name <address>`.
    #[must_use]
    pub fn person(&self) -> &str {
        self.0.rfind('>').map_or(self.0.as_str(), |end| &self.0[..=end])
    }
}

/// An answer that git is still working on.
#[derive(Debug)]
pub struct AskedIdentity(JoinHandle<Result<Identity, RepoError>>);

impl Repo {
    /// Asks `git var GIT_COMMITTER_IDENT` in the background: git's environment, its configuration, its own refusals.
    #[must_use]
    pub fn ask_identity(&self) -> AskedIdentity {
        let directory = self.git.path().to_owned();
        AskedIdentity(thread::spawn(move || ask(directory)))
    }
}

impl AskedIdentity {
    /// What git answered.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`] with git's words, where it knows no name and address.
    pub fn wait(self) -> Result<Identity, RepoError> {
        self.0.join().unwrap_or_else(|_| Err(RepoError::NoIdentity { said: "asking git failed".to_owned() }))
    }
}

fn ask(directory: PathBuf) -> Result<Identity, RepoError> {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(directory)
        .args(["var", "GIT_COMMITTER_IDENT"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| RepoError::NoIdentity { said: format!("git does not start: {error}") })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(Identity(text(&output.stdout)));
    }
    let said = text(&output.stderr);
    let fatal = said.lines().find(|line| line.starts_with("fatal: ")).unwrap_or(&said);
    Err(RepoError::NoIdentity { said: fatal.trim_start_matches("fatal: ").to_owned() })
}
