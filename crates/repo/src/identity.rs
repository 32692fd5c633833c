//! The tagger identity and the signing configuration, as git resolves them.

use std::collections::HashMap;

use crate::command::{GitProcess, spawn_git};
use crate::error::RepoError;
use crate::programs::parse_config_list;
use crate::repository::Repo;
use model::release::request::ProgramPolicy;

/// A name, email address and time in the format of the `tagger` line of a tag object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggerIdentity(String);

impl TaggerIdentity {
    /// The whole line: `Name <email> <seconds> <zone>`.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.0
    }

    /// The line without the time: `Name <email>`.
    #[must_use]
    pub fn name_and_email(&self) -> &str {
        self.0.rfind('>').map_or(self.0.as_str(), |end| &self.0[..=end])
    }
}

/// A running `git var GIT_COMMITTER_IDENT`; call `wait` for its result.
#[derive(Debug)]
pub struct PendingTagger(GitProcess);

impl Repo {
    /// Starts `git var GIT_COMMITTER_IDENT`, which uses the environment and configuration as `git tag` does, and
    /// fails for the same reasons.
    #[must_use]
    pub fn spawn_tagger(&self) -> PendingTagger {
        PendingTagger(spawn_git(self, &[], &["var", "GIT_COMMITTER_IDENT"]))
    }
}

impl PendingTagger {
    /// Returns the identity for new tags.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`] with git's message if no name and email address are configured,
    /// [`RepoError::GitCommand`] if git cannot be started.
    pub fn wait(self) -> Result<TaggerIdentity, RepoError> {
        let line = self.0.wait()?.map_err(|reason| RepoError::NoIdentity { reason })?;
        Ok(TaggerIdentity(String::from_utf8_lossy(&line).trim().to_owned()))
    }
}

/// A running `git config` for the signing keys; call `wait` for its result.
#[derive(Debug)]
pub struct PendingSigningConfig {
    process: GitProcess,
    program_policy: ProgramPolicy,
}

/// The signing configuration of git, not interpreted.
#[derive(Debug, Default)]
pub struct RawSigningConfig {
    /// The values by key, in lower case as git prints it. If a key has several values, the last one, as in git.
    pub values: HashMap<String, String>,
    /// Programs by key that the repository's configuration names and that may not be started. They are not in
    /// `values`. Empty under [`ProgramPolicy::AllConfig`].
    pub blocked_programs: HashMap<String, String>,
}

impl Repo {
    /// Starts `git config` for all keys about signing. git itself resolves includes, environment and scopes.
    #[must_use]
    pub fn spawn_signing_config(&self) -> PendingSigningConfig {
        let keys = r"^(gpg\..*|user\.signingkey|tag\.gpgsign)$";
        let process = spawn_git(self, &[], &["config", "--null", "--show-scope", "--get-regexp", keys]);
        PendingSigningConfig { process, program_policy: self.program_policy }
    }
}

impl PendingSigningConfig {
    /// Returns the signing configuration.
    ///
    /// # Errors
    /// [`RepoError::GitCommand`] if git cannot be started.
    pub fn wait(self) -> Result<RawSigningConfig, RepoError> {
        // git fails if no key matches, which means that nothing is configured.
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
