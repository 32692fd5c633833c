//! The program `xtask`, which `cargo xtask` runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run_xtask()
}
