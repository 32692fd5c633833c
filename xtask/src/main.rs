//! `cargo xtask`: plans, performs and explains OpenSandbox releases.
//!
//! The face. Here, and only here, arguments, environment, clock and terminal are read and text is printed. What was
//! typed (`args`) becomes what is meant (`session`, `model::request::Request`), `ops` does the work, and a verb
//! shows what came of it.

mod args;
mod environment;
mod failure;
mod report;
mod session;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Verb};
use crate::failure::Failure;

/// How a run ended. 10 (refuted) and 11 (unproven) come with the verbs that prove something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done.
    Done,
    /// It could not be done, and the report says why.
    NotDone,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.global.color.write_global();
    match run(&arguments) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::NotDone) => ExitCode::from(1),
        Err(failure) => failure.tell(),
    }
}

fn run(arguments: &Arguments) -> Result<Ending, Failure> {
    let global = &arguments.global;
    match &arguments.verb {
        Verb::Release(it) => verbs::release::run(global, it),
        Verb::Notes(it) => verbs::notes::run(global, it),
        Verb::Archive(it) => verbs::archive::run(global, it),
        Verb::Targets => verbs::targets::run(global),
        Verb::Status(it) => verbs::status::run(global, it),
        Verb::Doctor(it) => verbs::doctor::run(global, it),
        Verb::Completions(it) => verbs::shell::completions(it),
        Verb::Man => verbs::shell::man(),
    }
}
