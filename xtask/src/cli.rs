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

/// Plans, performs and explains OpenSandbox releases.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Checks files against Sigstore bundles, as `cargo xtask verify` does.
#[derive(Debug, Parser)]
#[command(name = "opensandbox-verify", version, max_term_width = 100)]
pub(crate) struct VerifierArgs {
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Plan a release, and perform what is missing
    Release(ReleaseArgs),
    /// Print the release notes
    Notes(NotesArgs),
    /// Write the source archive and SHA256SUMS
    Archive(ArchiveArgs),
    /// List what can be released, with the newest tags
    Targets,
    /// Tell what is unreleased, and which version that asks for
    Status(StatusArgs),
    /// Make every pre-flight check, and nothing else
    Doctor(DoctorArgs),
    /// Check a tag's signature and shape against the signer policy
    VerifyTag(VerifyTagArgs),
    /// Download a published release as anybody does, and prove it
    Audit(AuditArgs),
    /// Check files against Sigstore bundles
    Verify(Box<VerifyArgs>),
    /// Play a whole release on this machine, and prove every step
    Rehearse(RehearseArgs),
    /// Show, export or refresh the keys that attestations are checked with
    TrustedRoot(TrustedRootArgs),
    /// Show the configuration, or write a first one
    Config(ConfigArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Runs a command.
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
