//! The arguments of `audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::channel::AuditChannel;
use crate::args::TrustArgs;

/// The arguments of `audit`.
#[derive(Debug, Args)]
#[command(override_usage = "audit [OPTIONS] <TAG | --target ID | --all>")]
pub(crate) struct AuditArgs {
    /// The release tag, as in server/v0.1.14
    #[arg(required_unless_present_any = ["all", "target"])]
    pub(crate) tag: Option<String>,
    /// Audit every release whose tag this clone has
    #[arg(long, conflicts_with = "tag")]
    pub(crate) all: bool,
    /// Audit every release of this target, and the versions that registries list for it
    #[arg(long, value_name = "ID", conflicts_with_all = ["tag", "all"])]
    pub(crate) target: Option<String>,
    /// Audit only this channel; may be repeated [default: all that the target has]
    #[arg(long, value_name = "KIND")]
    pub(crate) channel: Vec<AuditChannel>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Retry for up to this long, as in 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) wait: Option<Duration>,
    /// Save the downloads in this folder, or resume an interrupted audit from it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["wait", "from"])]
    pub(crate) save: Option<PathBuf>,
    /// Audit from what --save kept, without a request
    #[arg(long, value_name = "DIR", conflicts_with = "wait")]
    pub(crate) from: Option<PathBuf>,
}

/// Parses a duration: a whole number and the unit s, m or h.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("invalid duration '{text}': expected a number with s, m or h, as in 10m");
    let unit = text.chars().last().ok_or_else(wanted)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wanted()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wanted())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}
