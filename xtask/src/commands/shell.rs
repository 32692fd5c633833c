//! `completions <SHELL>` and `man`: prints shell completions and the manual page.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::outcome::RunOutcome;

use crate::error::CliError;
use crate::report;

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

pub(crate) fn completions(mut command: Command, args: &CompletionsArgs) -> Result<RunOutcome, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "xtask", &mut text);
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(RunOutcome::Success)
}

pub(crate) fn man(command: Command) -> Result<RunOutcome, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(RunOutcome::Success)
}
