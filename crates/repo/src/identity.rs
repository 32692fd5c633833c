//! Who makes a tag, as git reads it.

use std::collections::HashMap;

use crate::command::{Asked, git};
use crate::programs::{Programs, settings};
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
        AskedIdentity(git(self, &[], &["var", "GIT_COMMITTER_IDENT"]))
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
pub struct AskedSigning {
    asked: Asked,
    programs: Programs,
}

/// Git's configuration of signing.
#[derive(Debug, Default)]
pub struct SigningConfig {
    /// The values by their keys, in lower case as git prints them; of several the last, as git takes them.
    pub values: HashMap<String, String>,
    /// The programs that the repository's own configuration names, by their keys, where they may not be started. None of
    /// them is among the values.
    pub not_started: HashMap<String, String>,
}

impl Repo {
    /// Asks `git config` for everything about signing, to be heard later: includes, environment and scopes are git's.
    #[must_use]
    pub fn ask_signing(&self) -> AskedSigning {
        let keys = r"^(gpg\..*|user\.signingkey|tag\.gpgsign)$";
        let asked = git(self, &[], &["config", "--null", "--show-scope", "--get-regexp", keys]);
        AskedSigning { asked, programs: self.programs }
    }
}

impl AskedSigning {
    /// What git answered.
    ///
    /// # Errors
    /// [`RepoError::Program`] where git does not start.
    pub fn wait(self) -> Result<SigningConfig, RepoError> {
        // Git fails where no key fits: nothing is configured then.
        let answer = self.asked.wait()?.unwrap_or_default();
        let mut config = SigningConfig::default();
        for it in settings(&String::from_utf8_lossy(&answer)) {
            let is_program = it.key.ends_with("program") || it.key.ends_with("command");
            let refused = self.programs == Programs::Operators && it.of_repository && is_program;
            let values = if refused { &mut config.not_started } else { &mut config.values };
            values.insert(it.key, it.value);
        }
        Ok(config)
    }
}
