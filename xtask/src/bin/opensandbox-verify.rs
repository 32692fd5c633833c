//! `opensandbox-verify`.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run_verifier()
}
