//! `completions <SHELL>` and `man`.

use clap::CommandFactory as _;

use crate::Ending;
use crate::args::{Arguments, Completions};
use crate::failure::Failure;
use crate::report;

pub(crate) fn completions(args: &Completions) -> Result<Ending, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "xtask", &mut text);
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(Ending::Done)
}

pub(crate) fn man() -> Result<Ending, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
    report::print_raw(&String::from_utf8_lossy(&text))?;
    Ok(Ending::Done)
}
