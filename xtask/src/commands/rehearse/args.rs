//! The arguments of `rehearse`.

use clap::Args;
use model::release::preflight_check::PreflightCheck;

use crate::args::RangeArgs;

/// The arguments and flags of `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// The release tag [default: the next version of the target that `latest` names in the release configuration]
    pub(crate) tag: Option<String>,
    /// Rehearse in a demo repository [default: if the working directory is in no repository with release tags]
    #[arg(long, conflicts_with = "directory")]
    pub(crate) demo: bool,
    /// Keep the files of the rehearsal
    #[arg(long, conflicts_with = "fault")]
    pub(crate) keep: bool,
    /// Inject this fault; all: every fault in turn
    #[arg(long, value_name = "NAME")]
    pub(crate) fault: Option<String>,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Continue despite this failed check (repeatable)
    #[arg(long, value_name = "CHECK")]
    pub(crate) allow: Vec<PreflightCheck>,
}
