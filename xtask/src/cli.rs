//! The command lines of the two programs.

use clap::Parser;

use crate::args::GlobalArgs;
use crate::commands::CliCommand;
use crate::commands::verify::VerifyArgs;

/// Plans, creates and verifies OpenSandbox releases.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Verifies files against Sigstore bundles, as `cargo xtask verify` does.
#[derive(Debug, Parser)]
#[command(name = "opensandbox-verify", version, max_term_width = 100)]
pub(crate) struct VerifierArgs {
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}
