//! Programs of the operator that are asked for settings: `gh`, pip and npm. They run outside of every repository, within
//! a time limit.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A folder outside of every repository. In the working directory, a project's configuration could change what the
/// programs do.
pub(crate) const NEUTRAL_DIR: &str = "/";
/// The longest time that a program may take. pip and npm need a second on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The longest output, in bytes.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;
/// The pause between two looks at whether a program has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs a program without input and returns its output. `None` if it is not installed, fails, exceeds the time limit or
/// prints other than UTF-8.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    output_within(TIME_LIMIT, program, arguments)
}

fn output_within(limit: Duration, program: &str, arguments: &[&str]) -> Option<String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .current_dir(NEUTRAL_DIR)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    // The thread ends with the output. A program that the child left behind may keep the output open, so nothing waits
    // for the thread.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes);
        // The receiver is gone after the time limit.
        sender.send(read.map(|_| bytes)).ok();
    });
    let bytes = receiver.recv_timeout(limit).ok().and_then(Result::ok);
    let status = wait_until(&mut child, deadline)?;
    String::from_utf8(bytes?).ok().filter(|_| status.success())
}

/// Waits for a program. At the deadline it is killed, and the result is `None`.
fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
            Ok(None) | Err(_) => {
                // An error means that the program has ended in the meantime.
                child.kill().ok();
                child.wait().ok();
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(limit_ms: u64, script: &str) -> Option<String> {
        output_within(Duration::from_millis(limit_ms), "sh", &["-c", script])
    }

    #[test]
    fn output_of_a_good_program_is_returned() {
        assert_eq!(shell(20_000, "pwd; echo b").as_deref(), Some("/\nb\n"));
    }

    #[test]
    fn other_programs_have_no_output() {
        assert_eq!(shell(20_000, "echo a; exit 1"), None);
        assert_eq!(shell(20_000, "printf '\\377'"), None);
        assert_eq!(output_of("/nonexistent/program", &[]), None);
    }

    #[test]
    fn programs_that_do_not_end_are_killed() {
        assert_eq!(shell(100, "echo a; exec sleep 1000"), None);
        assert_eq!(shell(100, "exec sleep 1000 >/dev/null"), None);
        assert_eq!(shell(100, "sleep 3 & echo a"), None);
    }
}
