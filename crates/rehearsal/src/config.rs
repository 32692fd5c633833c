//! The configuration of a rehearsal.

use std::path::PathBuf;

use model::evidence::signature::SignatureFormat;
use model::{Catalog, ReleaseTag, RepoSlug};

/// The release to rehearse, and the programs and settings to use.
///
/// Every value is resolved by the caller, because this crate does not read the environment.
#[derive(Debug, Clone)]
pub struct RehearsalConfig {
    /// The path of the suite's program. A rehearsal runs this file as a process.
    pub program: PathBuf,
    /// The directories in which other programs are searched, in the order of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The repository to release from.
    pub source: RehearsalSource,
    /// The parsed release configuration (`release.toml`).
    pub catalog: Catalog,
    /// The text of the release configuration. The sandbox gets a copy of it with other signers.
    pub catalog_text: String,
    /// The name of the repository on GitHub.
    pub slug: RepoSlug,
    /// The tag of the release to rehearse.
    pub tag: ReleaseTag,
    /// The format of the ephemeral key that signs the tag.
    pub key_kind: SignatureFormat,
    /// More flags for `release`: the commit, the range of the notes, the template and the allowed checks.
    pub release_flags: Vec<String>,
    /// The global flags of the real release, before the command: directory, configuration, repository and remote.
    ///
    /// Empty for the defaults. The dry run in the operator's clone needs them; runs in the sandbox do not.
    pub real_global_flags: Vec<String>,
    /// Returns the current time, in seconds since the Unix epoch.
    pub clock: fn() -> i64,
}

/// The repository that a rehearsal releases from.
#[derive(Debug, Clone)]
pub enum RehearsalSource {
    /// A generated demo repository.
    Demo,
    /// A copy of the operator's clone.
    Repository {
        /// A directory of the clone.
        root: PathBuf,
        /// The public remote, for example `origin`.
        remote: String,
    },
}
