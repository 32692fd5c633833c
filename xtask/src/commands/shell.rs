//! `completions <SHELL>` and `man`.

use clap::CommandFactory as _;

use crate::RunOutcome;
use crate::args::{CliArgs, CompletionsArgs};
use crate::error::CliError;
use crate::report;

pub(crate) fn completions(args: &CompletionsArgs) -> Result<RunOutcome, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut CliArgs::command(), "xtask", &mut text);
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(RunOutcome::Success)
}

pub(crate) fn man() -> Result<RunOutcome, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(CliArgs::command()).render(&mut text)?;
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(RunOutcome::Success)
}
