//! `cargo xtask`: plans, performs and explains OpenSandbox releases.
//!
//! The face. Here, and only here, arguments, environment, clock and terminal are read and text is printed. What was
//! typed (`args`) becomes what is meant (`session`, `model::release::request::Request`), `ops` does the work, and a verb
//! shows what came of it. Two programs have this face: the suite, and its verb `verify` by itself.

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
mod http;
mod outcome;
mod progress;
mod report;
mod session;
mod token;
mod trust;

use std::process::ExitCode;

use clap::Parser as _;
use model::evidence::verdict::Verdict;

use crate::cli::{CliArgs, VerifierArgs, run_command};
use crate::error::CliError;
use crate::outcome::RunOutcome;

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
