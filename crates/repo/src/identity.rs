//! Who makes a tag, as git reads it.

use std::collections::HashMap;

use crate::command::{GitProcess, spawn_git};
use crate::error::RepoError;
use crate::program_policy::ProgramPolicy;
use crate::programs::parse_config_list;
use crate::repository::Repo;

/// A name, address and time in the form of a tag object's `tagger` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggerIdentity(String);

impl TaggerIdentity {
    /// `Name <address> <seconds> <zone>`.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.0
    }

    /// `Name <address>`.
    #[must_use]
    pub fn name_and_email(&self) -> &str {
        self.0.rfind('>').map_or(self.0.as_str(), |end| &self.0[..=end])
    }
}

/// An answer that git is still working on.
#[derive(Debug)]
pub struct PendingTagger(GitProcess);

impl Repo {
    /// Asks `git var GIT_COMMITTER_IDENT`, to be heard later: git's environment, its configuration, its own refusals.
    #[must_use]
    pub fn spawn_tagger(&self) -> PendingTagger {
        PendingTagger(spawn_git(self, &[], &["var", "GIT_COMMITTER_IDENT"]))
    }
}

impl PendingTagger {
    /// What git answered.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`] with git's words, where it knows no name and address.
    pub fn wait(self) -> Result<TaggerIdentity, RepoError> {
        let line = self.0.wait()?.map_err(|reason| RepoError::NoIdentity { reason })?;
        Ok(TaggerIdentity(String::from_utf8_lossy(&line).trim().to_owned()))
    }
}

/// Git's configuration of signing, which git is still reading.
#[derive(Debug)]
pub struct PendingSigningConfig {
    process: GitProcess,
    program_policy: ProgramPolicy,
}

/// Git's configuration of signing.
#[derive(Debug, Default)]
pub struct RawSigningConfig {
    /// The values by their keys, in lower case as git prints them; of several the last, as git takes them.
    pub values: HashMap<String, String>,
    /// The programs that the repository's own configuration names, by their keys, where they may not be started. None of
    /// them is among the values.
    pub blocked_programs: HashMap<String, String>,
}

impl Repo {
    /// Asks `git config` for everything about signing, to be heard later: includes, environment and scopes are git's.
    #[must_use]
    pub fn spawn_signing_config(&self) -> PendingSigningConfig {
        let keys = r"^(gpg\..*|user\.signingkey|tag\.gpgsign)$";
        let process = spawn_git(self, &[], &["config", "--null", "--show-scope", "--get-regexp", keys]);
        PendingSigningConfig { process, program_policy: self.program_policy }
    }
}

impl PendingSigningConfig {
    /// What git answered.
    ///
    /// # Errors
    /// [`RepoError::Program`] where git does not start.
    pub fn wait(self) -> Result<RawSigningConfig, RepoError> {
        // Git fails where no key fits: nothing is configured then.
        let output = self.process.wait()?.unwrap_or_default();
        let mut config = RawSigningConfig::default();
        for entry in parse_config_list(&String::from_utf8_lossy(&output)) {
            let is_program = entry.key.ends_with("program") || entry.key.ends_with("command");
            let is_blocked =
                self.program_policy == ProgramPolicy::ProtectedConfig && entry.from_repository && is_program;
            let values = if is_blocked { &mut config.blocked_programs } else { &mut config.values };
            values.insert(entry.key, entry.value);
        }
        Ok(config)
    }
}
