//! What is to be rehearsed.

use std::path::PathBuf;

use model::evidence::signature::SignatureFormat;
use model::{Catalog, ReleaseTag, RepoSlug};

/// What is to be rehearsed, and with what.
#[derive(Debug, Clone)]
pub struct RehearsalConfig {
    /// The suite's own program.
    pub program: PathBuf,
    /// The folders in which other programs are looked for.
    pub search_path: Vec<PathBuf>,
    /// What is released.
    pub source: RehearsalSource,
    /// The catalog, and its text.
    pub catalog: Catalog,
    /// The text that the catalog was read from.
    pub catalog_text: String,
    /// The repository's name on GitHub.
    pub slug: RepoSlug,
    /// The release.
    pub tag: ReleaseTag,
    /// The kind of the key that signs the tag.
    pub key_kind: SignatureFormat,
    /// Further flags of `release`: what is released, and what is allowed.
    pub release_flags: Vec<String>,
    /// What stands before the verb, where the real release is meant: the repository and its catalog.
    pub real_global_flags: Vec<String>,
    /// The time, in seconds since 1970 in UTC.
    pub clock: fn() -> i64,
}

/// What is released.
#[derive(Debug, Clone)]
pub enum RehearsalSource {
    /// A repository that is made on the spot.
    Demo,
    /// A copy of the operator's.
    Repository {
        /// A folder of it.
        root: PathBuf,
        /// The remote that the world reads.
        remote: String,
    },
}
