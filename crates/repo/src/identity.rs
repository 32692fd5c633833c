//! Who makes a tag, as git reads it.

use std::collections::HashMap;

use crate::command::{Asked, git};
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
pub struct AskedIdentity(Asked);

impl Repo {
    /// Asks `git var GIT_COMMITTER_IDENT`, to be heard later: git's environment, its configuration, its own refusals.
    #[must_use]
    pub fn ask_identity(&self) -> AskedIdentity {
        AskedIdentity(git(self.git.path(), &["var", "GIT_COMMITTER_IDENT"]))
    }
}

impl AskedIdentity {
    /// What git answered.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`] with git's words, where it knows no name and address.
    pub fn wait(self) -> Result<Identity, RepoError> {
        let line = self.0.wait()?.map_err(|said| RepoError::NoIdentity { said })?;
        Ok(Identity(String::from_utf8_lossy(&line).trim().to_owned()))
    }
}

/// Git's configuration of signing, which git is still reading.
#[derive(Debug)]
pub struct AskedSigning(Asked);

impl Repo {
    /// Asks `git config` for everything about signing, to be heard later: includes, environment and scopes are git's.
    #[must_use]
    pub fn ask_signing(&self) -> AskedSigning {
        let keys = r"^(gpg\..*|user\.signingkey|tag\.gpgsign)$";
        AskedSigning(git(self.git.path(), &["config", "--null", "--get-regexp", keys]))
    }
}

impl AskedSigning {
    /// The values by their keys, in lower case as git prints them; of several the last, as git takes them.
    ///
    /// # Errors
    /// [`RepoError::Program`] where git does not start.
    pub fn wait(self) -> Result<HashMap<String, String>, RepoError> {
        // Git fails where no key fits: nothing is configured then.
        let answer = self.0.wait()?.unwrap_or_default();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let pair = |entry: &str| {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            (key.to_owned(), value.to_owned())
        };
        Ok(text.split('\0').filter(|it| !it.is_empty()).map(pair).collect())
    }
}
