//! The program `opensandbox-verify`: `cargo xtask verify` as a separate program.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run_verifier()
}
