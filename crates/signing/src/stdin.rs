//! Runs a program with bytes on its standard input.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs a program with a payload on its standard input.
pub(crate) fn run_with_stdin(mut command: Command, payload: &[u8]) -> std::io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that gives up early closes the pipe: what it says then is the better error.
        stdin.write_all(payload).ok();
    }
    child.wait_with_output()
}
