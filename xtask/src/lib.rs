//! `cargo xtask`: plans, performs and explains OpenSandbox releases.
//!
//! The face. Here, and only here, arguments, environment, clock and terminal are read and text is printed. What was
//! typed (`args`) becomes what is meant (`session`, `model::release::request::Request`), `ops` does the work, and a verb
//! shows what came of it. Two programs have this face: the suite, and its verb `verify` by itself.

mod args;
mod commands;
mod environment;
mod error;
mod github;
mod progress;
mod rehearsal_config;
mod report;
mod session;
mod trust;

use std::process::ExitCode;

use clap::Parser as _;
use model::evidence::verdict::Verdict;

use crate::args::{CliArgs, CliCommand, VerifierArgs};
use crate::error::CliError;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// Done.
    Success,
    /// It could not be done, and the report says why.
    Failure,
    /// It was looked at, and this is what it proves.
    Verdict(Verdict),
}

/// The program `xtask`: every verb. Returns the exit code; what was typed wrong ends the process with 2.
#[must_use]
pub fn run_xtask() -> ExitCode {
    let arguments = CliArgs::parse();
    arguments.global.color.write_global();
    exit_code(run_command(&arguments))
}

/// The program `opensandbox-verify`: the verb `verify` by itself, for those who check what others released. Nothing
/// else is linked into it. Returns the exit code; what was typed wrong ends the process with 2.
#[must_use]
pub fn run_verifier() -> ExitCode {
    let arguments = VerifierArgs::parse();
    arguments.global.color.write_global();
    exit_code(commands::verify::run(&arguments.global, &arguments.verify))
}

fn exit_code(outcome: Result<RunOutcome, CliError>) -> ExitCode {
    match outcome {
        Ok(RunOutcome::Success | RunOutcome::Verdict(Verdict::Proven)) => ExitCode::SUCCESS,
        Ok(RunOutcome::Failure) => ExitCode::from(1),
        Ok(RunOutcome::Verdict(Verdict::Refuted)) => ExitCode::from(10),
        Ok(RunOutcome::Verdict(Verdict::Unproven)) => ExitCode::from(11),
        Err(error) => error.report(),
    }
}

fn run_command(arguments: &CliArgs) -> Result<RunOutcome, CliError> {
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
        CliCommand::Completions(args) => commands::shell::completions(args),
        CliCommand::Man => commands::shell::man(),
    }
}
