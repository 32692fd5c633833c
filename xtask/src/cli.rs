//! The command line: every command with its arguments, and the function that runs it.

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::args::GlobalArgs;
use crate::commands;
use crate::commands::archive::ArchiveArgs;
use crate::commands::audit::AuditArgs;
use crate::commands::config::ConfigArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::notes::NotesArgs;
use crate::commands::rehearse::RehearseArgs;
use crate::commands::release::ReleaseArgs;
use crate::commands::shell::CompletionsArgs;
use crate::commands::status::StatusArgs;
use crate::commands::trusted_root::TrustedRootArgs;
use crate::commands::verify::VerifyArgs;
use crate::commands::verify_tag::VerifyTagArgs;
use crate::error::CliError;
use crate::outcome::RunOutcome;

/// Plans, creates and verifies OpenSandbox releases.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Verifies files against Sigstore bundles, as `cargo xtask verify` does.
#[derive(Debug, Parser)]
#[command(name = "opensandbox-verify", version, max_term_width = 100)]
pub(crate) struct VerifierArgs {
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

/// The commands, with their one-line help.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Create or resume a release
    Release(ReleaseArgs),
    /// Print the release notes
    Notes(NotesArgs),
    /// Write the source archive and SHA256SUMS
    Archive(ArchiveArgs),
    /// List the targets, with their newest tags
    Targets,
    /// Show unreleased changes and the suggested version
    Status(StatusArgs),
    /// Run all pre-flight checks; change nothing
    Doctor(DoctorArgs),
    /// Verify a tag's signature and format against the trusted signers
    VerifyTag(VerifyTagArgs),
    /// Verify a published release from public downloads
    Audit(AuditArgs),
    /// Verify files against Sigstore bundles
    Verify(Box<VerifyArgs>),
    /// Simulate a full release locally
    Rehearse(RehearseArgs),
    /// Show, export or refresh the trusted keys for attestations
    TrustedRoot(TrustedRootArgs),
    /// Show or create the release configuration
    Config(ConfigArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Runs the selected command.
pub(crate) fn run_command(arguments: &CliArgs) -> Result<RunOutcome, CliError> {
    let global = &arguments.global;
    match &arguments.command {
        CliCommand::Release(args) => commands::release::run(global, args),
        CliCommand::Notes(args) => commands::notes::run(global, args),
        CliCommand::Archive(args) => commands::archive::run(global, args),
        CliCommand::Targets => commands::targets::run(global),
        CliCommand::Status(args) => commands::status::run(global, args),
        CliCommand::Doctor(args) => commands::doctor::run(global, args),
        CliCommand::VerifyTag(args) => commands::verify_tag::run(global, args),
        CliCommand::Audit(args) => commands::audit::run(global, args),
        CliCommand::Verify(args) => commands::verify::run(global, args),
        CliCommand::Rehearse(args) => commands::rehearse::run(global, args),
        CliCommand::Config(args) => commands::config::run(global, args),
        CliCommand::TrustedRoot(args) => commands::trusted_root::run(global, args),
        CliCommand::Completions(args) => commands::shell::completions(CliArgs::command(), args),
        CliCommand::Man => commands::shell::man(CliArgs::command()),
    }
}
