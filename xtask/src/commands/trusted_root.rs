//! `trusted-root show|export|refresh`: shows, exports or refreshes the trusted keys for attestations.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::base::time::format_rfc3339;
use model::evidence::trusted_root::{TrustedKeySummary, TrustedRootSummary};
use ops::TrustRootSource;
use serde::Serialize;

use crate::args::{GlobalArgs, TrustArgs};
use crate::clock;
use crate::error::CliError;
use crate::escape;
use crate::http;
use crate::outcome::RunOutcome;
use crate::report::{self, TextPage};
use crate::trust;

/// The arguments of `trusted-root`.
#[derive(Debug, Args)]
pub(crate) struct TrustedRootArgs {
    #[command(subcommand)]
    action: TrustedRootAction,
}

#[derive(Debug, Subcommand)]
enum TrustedRootAction {
    /// Show the trusted keys, their age and when the metadata expires; makes no network requests
    Show {
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Write the trusted roots to a file, one JSON document per line, as gh and --trusted-root read them
    Export {
        /// The file to write
        file: PathBuf,
        /// Do not use the network
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Fetch the trusted roots over TUF, and cache them
    Refresh {
        #[command(flatten)]
        trust: TrustArgs,
    },
}

/// The JSON document of `trusted-root`.
#[derive(Serialize)]
struct TrustedRootJson<'a> {
    schema: &'static str,
    source: &'a str,
    roots: Vec<RootJson<'a>>,
}

#[derive(Serialize)]
struct RootJson<'a> {
    newest_entry: String,
    expires: Option<String>,
    #[serde(flatten)]
    keys: &'a TrustedRootSummary,
}

impl<'a> RootJson<'a> {
    fn of(keys: &'a TrustedRootSummary) -> Self {
        Self {
            newest_entry: format_rfc3339(keys.newest_valid_from),
            expires: keys.expires_at.map(format_rfc3339),
            keys,
        }
    }
}

pub(crate) fn run(global: &GlobalArgs, args: &TrustedRootArgs) -> Result<RunOutcome, CliError> {
    let timeout = http::retry_policy()?.idle_timeout;
    let (trust, online) = match &args.action {
        TrustedRootAction::Show { trust } => (trust, false),
        TrustedRootAction::Export { trust, offline, .. } => (trust, !offline),
        TrustedRootAction::Refresh { trust } => (trust, true),
    };
    let source = trust::trust_root_source(trust, online, timeout)?;
    if let (TrustedRootAction::Refresh { .. }, TrustRootSource::File(path)) = (&args.action, &source) {
        let error = anyhow::anyhow!("{} is a file: there is nothing to fetch", path.display());
        return Err(CliError::usage(error).with_hint("leave out --trusted-root"));
    }
    let roots = ops::trusted_root_report(&source)?;
    match &args.action {
        TrustedRootAction::Export { file, .. } => {
            let written = ops::write_named(file, roots.documents.concat().as_bytes())?;
            report::print_progress(global, &format!("wrote {}, {}", written.path.display(), roots.source));
        }
        TrustedRootAction::Refresh { .. } if !roots.is_fresh => {
            let error = anyhow::anyhow!("not fetched: {}", roots.source);
            return Err(CliError::runtime(error)
                .with_hint("check the network and the proxy variables, then run again"));
        }
        TrustedRootAction::Show { .. } | TrustedRootAction::Refresh { .. } => print(global, &roots)?,
    }
    Ok(RunOutcome::Success)
}

fn print(global: &GlobalArgs, roots: &ops::TrustedRootReport) -> Result<(), CliError> {
    if report::is_json(global) {
        return report::print_json(&TrustedRootJson {
            schema: "opensandbox-release/trusted-root/1",
            source: &roots.source,
            roots: roots.summaries.iter().map(RootJson::of).collect(),
        });
    }
    let mut page = TextPage::new();
    page.line(escape::sanitize(&roots.source));
    for root in &roots.summaries {
        let age = match (clock::now() - root.newest_valid_from).max(0) / 86_400 {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        page.heading(&format!("Newest entry {}, {age} old", format_rfc3339(root.newest_valid_from)));
        if let Some(expires) = root.expires_at {
            page.line(format!("  metadata expires {}", format_rfc3339(expires)));
        }
        let kinds = [
            ("certificates", &root.certificate_authorities),
            ("log", &root.logs),
            ("certificate log", &root.certificate_logs),
            ("timestamps", &root.timestamp_authorities),
        ];
        for (kind, keys) in kinds {
            for key in keys {
                let id = &key.id[..16.min(key.id.len())];
                page.line(format!("  {kind:<16} {}  {id}", escape::sanitize(&key.name)));
                page.line(format!("{:19}{}", "", validity(key)));
            }
        }
    }
    page.print()
}

/// Returns the validity period of a key, in words.
fn validity(key: &TrustedKeySummary) -> String {
    let until = key.until.as_ref().map_or(String::new(), |it| format!(" until {it}"));
    let from = key.from.as_deref().unwrap_or("the beginning");
    format!("from {from}{until}")
}
