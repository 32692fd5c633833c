//! `cargo xtask`: plans, performs and explains OpenSandbox releases.
//!
//! The face. Here, and only here, arguments, environment, clock and terminal are read and text is printed. What was
//! typed (`args`) becomes what is meant (`session`, `model::release::request::Request`), `ops` does the work, and a verb
//! shows what came of it. Two programs have this face: the suite, and its verb `verify` by itself.

mod args;
mod environment;
mod failure;
mod plot;
mod report;
mod session;
mod story;
mod trust;
mod verbs;
mod world;

use std::process::ExitCode;

use clap::Parser as _;
use model::evidence::verdict::Verdict;

use crate::args::{Arguments, Verb, Verifier};
use crate::failure::Failure;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done.
    Done,
    /// It could not be done, and the report says why.
    NotDone,
    /// It was looked at, and this is what it proves.
    Judged(Verdict),
}

/// The program `xtask`: every verb. Returns the exit code; what was typed wrong ends the process with 2.
#[must_use]
pub fn suite() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.global.color.write_global();
    end(run(&arguments))
}

/// The program `opensandbox-verify`: the verb `verify` by itself, for those who check what others released. Nothing
/// else is linked into it. Returns the exit code; what was typed wrong ends the process with 2.
#[must_use]
pub fn verifier() -> ExitCode {
    let arguments = Verifier::parse();
    arguments.global.color.write_global();
    end(verbs::verify::run(&arguments.global, &arguments.verify))
}

fn end(ending: Result<Ending, Failure>) -> ExitCode {
    match ending {
        Ok(Ending::Done | Ending::Judged(Verdict::Proven)) => ExitCode::SUCCESS,
        Ok(Ending::NotDone) => ExitCode::from(1),
        Ok(Ending::Judged(Verdict::Refuted)) => ExitCode::from(10),
        Ok(Ending::Judged(Verdict::Unproven)) => ExitCode::from(11),
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
        Verb::VerifyTag(it) => verbs::verify_tag::run(global, it),
        Verb::Audit(it) => verbs::audit::run(global, it),
        Verb::Verify(it) => verbs::verify::run(global, it),
        Verb::Rehearse(it) => verbs::rehearse::run(global, it),
        Verb::Config(it) => verbs::config::run(global, it),
        Verb::TrustedRoot(it) => verbs::trusted_root::run(global, it),
        Verb::Completions(it) => verbs::shell::completions(it),
        Verb::Man => verbs::shell::man(),
    }
}
