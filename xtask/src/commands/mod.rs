//! The commands, one file or folder for each: its arguments, and the function that runs it.

mod archive;
mod audit;
mod compare;
mod config;
mod doctor;
mod notes;
mod rehearse;
mod release;
mod shell;
mod status;
mod targets;
mod trusted_root;
pub(crate) mod verify;
mod verify_tag;

use clap::{Command, Subcommand};

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::outcome::RunOutcome;

/// The commands, with their one-line help.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Create or resume a release
    Release(release::ReleaseArgs),
    /// Print the release notes
    Notes(notes::NotesArgs),
    /// Write the source archive and SHA256SUMS
    Archive(archive::ArchiveArgs),
    /// List the targets, with their newest tags
    Targets,
    /// Show unreleased changes and the suggested version
    Status(status::StatusArgs),
    /// Run all pre-flight checks; change nothing
    Doctor(doctor::DoctorArgs),
    /// Verify a tag's signature and format against the trusted signers
    VerifyTag(verify_tag::VerifyTagArgs),
    /// Verify a published release from public downloads
    Audit(audit::AuditArgs),
    /// Compare a package with the tag's files
    Compare(compare::CompareArgs),
    /// Verify files against Sigstore bundles
    Verify(Box<verify::VerifyArgs>),
    /// Simulate a full release locally
    Rehearse(rehearse::RehearseArgs),
    /// Show, export or refresh the trusted keys for attestations
    TrustedRoot(trusted_root::TrustedRootArgs),
    /// Show or create the release configuration
    Config(config::ConfigArgs),
    /// Print shell completions
    Completions(shell::CompletionsArgs),
    /// Print the manual page
    Man,
}

impl CliCommand {
    /// Runs the command. `program` is the definition of the whole command line, for completions and the manual page.
    pub(crate) fn run(&self, global: &GlobalArgs, program: fn() -> Command) -> Result<RunOutcome, CliError> {
        match self {
            Self::Release(args) => release::run(global, args),
            Self::Notes(args) => notes::run(global, args),
            Self::Archive(args) => archive::run(global, args),
            Self::Targets => targets::run(global),
            Self::Status(args) => status::run(global, args),
            Self::Doctor(args) => doctor::run(global, args),
            Self::VerifyTag(args) => verify_tag::run(global, args),
            Self::Audit(args) => audit::run(global, args),
            Self::Compare(args) => compare::run(global, args),
            Self::Verify(args) => verify::run(global, args),
            Self::Rehearse(args) => rehearse::run(global, args),
            Self::TrustedRoot(args) => trusted_root::run(global, args),
            Self::Config(args) => config::run(global, args),
            Self::Completions(args) => shell::completions(program(), args),
            Self::Man => shell::man(program()),
        }
    }
}
