//! The order of work: gather facts, let the rules decide, apply what they decided.
//!
//! This crate will not decide anything, print, or read the environment. Only [`apply`] and [`write_archive`] change
//! anything, and a dry run is a plan that was not applied: no function here takes such a flag.

mod apply;
mod audit;
mod cache;
mod configure;
mod error;
mod expected;
mod files;
mod gather;
mod lock;
mod logins;
mod operator;
mod output;
mod prepare;
mod publish;
mod status;
mod tags;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use model::Catalog;
use model::release::plan::Action;
use model::release::receipt::MadeFile;

pub use ::forge::{Forge, ForgeError, Patience, Settings as ForgeSettings, Token, Told};
pub use ::notes::Template;
pub use ::notes::escape::{code as markdown_code, text as markdown_text};
pub use ::provenance::{Key as PublicKey, Refresh};
pub use ::repo::{Programs, Repo};
pub use apply::{Done, apply, write_archive};
pub use audit::{Audit, audit, promise};
pub use cache::Cache;
pub use configure::{SignerPolicy, signer_policy, write_configuration};
pub use error::OpsError;
pub use files::{read_below, read_named, write_named};
pub use gather::clone_checks;
pub use operator::OperatorForge;
pub use prepare::{Prepared, prepare};
pub use rules::{may_change, name_pattern, newest, signing_repositories};
pub use status::{Standing, standing};
pub use tags::verify_tag;
pub use verify::{
    Bundles, Subject, SubjectVerdict, Trusted, TrustedRoots, Verdicts, Verification, Verified, trusted_roots,
    verify,
};

/// What every operation works with.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// The repository.
    pub repo: &'a Repo,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// What lies around them.
    pub around: &'a Surroundings,
    /// The world; none where nothing is to be published.
    pub world: Option<World<'a>>,
}

/// The release host, twice.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// As the operator.
    pub own: &'a OperatorForge<'a>,
    /// As anybody.
    pub outsider: &'a Forge,
    /// Where trust in attestations begins.
    pub trusted: &'a Trusted,
    /// Whether this is a run of a workflow of GitHub Actions.
    pub in_actions: bool,
}

/// What an operation depends on, beside the repository and the catalog.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder that the catalog's files are relative to; none for the catalog that is built in.
    pub policy_root: Option<PathBuf>,
    /// The folder that `~` stands for.
    pub home: Option<PathBuf>,
    /// The cache.
    pub cache: Cache,
    /// Where trust in Sigstore's certificates begins, as it is known here.
    pub trusted: Trusted,
    /// How long nothing may move on a connection.
    pub idle: Duration,
    /// The time at the beginning, in seconds since 1970 in UTC.
    pub now: i64,
    /// The time now: a release takes a while.
    pub clock: fn() -> i64,
}

/// The name of the file that the notes are written to.
pub const NOTES_FILE: &str = "NOTES.md";
/// The name of the file with the digests.
pub const SUMS_FILE: &str = model::evidence::sums::FILE_NAME;

/// What happens while a release is performed.
#[derive(Debug, Clone)]
pub enum Event {
    /// A file is being written.
    Writing(String),
    /// A file is complete.
    Written(MadeFile),
    /// A tag is being made in this clone.
    Tagging(String),
    /// A tag was made in this clone.
    Tagged(String),
    /// The tag was there, at the same commit.
    TagKept(String),
    /// Something is about to leave this machine.
    Doing(Deed),
    /// It has.
    Did(Deed),
    /// Something was there, and right.
    Kept(Deed),
    /// What the connection has to tell.
    Connection(Told),
}

/// What leaves this machine, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What is done.
    pub action: Action,
    /// To what.
    pub subject: String,
}
