//! Running a program with input on its standard input.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs a program with `payload` on its standard input, and returns its output after it has exited.
pub(crate) fn run_with_stdin(mut command: Command, payload: &[u8]) -> std::io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that fails early closes the pipe. Its error output explains more than a write error.
        stdin.write_all(payload).ok();
    }
    child.wait_with_output()
}
