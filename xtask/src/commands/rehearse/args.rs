//! The arguments of `rehearse`.

use clap::Args;
use model::release::facts::PreflightCheck;

use crate::args::RangeArgs;

/// `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// The tag to release under [default: the next version of the catalog's `latest` target]
    pub(crate) tag: Option<String>,
    /// Rehearse in a repository that is made on the spot [default: where there is none with release tags around here]
    #[arg(long, conflicts_with = "directory")]
    pub(crate) demo: bool,
    /// Keep the folder with everything in it
    #[arg(long, conflicts_with = "fault")]
    pub(crate) keep: bool,
    /// Break something on the way; all: one thing after the other
    #[arg(long, value_name = "WHERE")]
    pub(crate) fault: Option<String>,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Go on although this check fails (repeatable)
    #[arg(long, value_name = "CHECK")]
    pub(crate) allow: Vec<PreflightCheck>,
}
