//! `cargo xtask`: plans, creates and verifies OpenSandbox releases.
//!
//! The command line. Only this crate reads arguments, environment variables, clock and terminal, and only this crate
//! prints. It turns arguments (`args`) into requests (`session`, `model::release::request::Request`), calls `ops`, and
//! prints the result. It does no release work itself. Two programs use it: the suite, and `opensandbox-verify` with the
//! command `verify` alone.

mod args;
mod cache;
mod cli;
mod clock;
mod commands;
mod environment;
mod error;
mod escape;
mod github;
mod github_host;
mod helper_program;
mod http;
mod outcome;
mod progress;
mod registries;
mod report;
mod session;
mod token;
mod trust;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use model::evidence::verdict::Verdict;

use crate::cli::{CliArgs, VerifierArgs};
use crate::error::CliError;
use crate::outcome::RunOutcome;

/// Runs the program `xtask`, with all commands. Returns the exit code. Invalid arguments end the process with code 2.
#[must_use]
pub fn run_xtask() -> ExitCode {
    let arguments = CliArgs::parse();
    arguments.global.color.write_global();
    exit_code(arguments.command.run(&arguments.global, CliArgs::command))
}

/// Runs the program `opensandbox-verify`, with the command `verify` only, for users who verify releases of others. No
/// other command is linked into it. Returns the exit code. Invalid arguments end the process with code 2.
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
