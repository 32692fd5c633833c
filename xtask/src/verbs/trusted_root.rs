//! `trusted-root show|export|refresh`: what trust in attestations rests on.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::base::time::format_rfc3339;
use model::evidence::trusted_root::{TrustedKeySummary, TrustedRootSummary};
use ops::Trusted;
use serde::Serialize;

use crate::Ending;
use crate::args::{Global, Trust};
use crate::failure::Failure;
use crate::report::{self, Page};
use crate::{session, trust, world};

/// `trusted-root`.
#[derive(Debug, Args)]
pub(crate) struct TrustedRootArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the keys that are trusted, their age and when the metadata expires; makes no network requests
    Show {
        #[command(flatten)]
        trust: Trust,
    },
    /// Write the trusted roots to a file, one JSON document per line, as gh and --trusted-root read them
    Export {
        /// The file
        file: PathBuf,
        /// Do not use the network
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        trust: Trust,
    },
    /// Fetch the trusted roots over TUF now, and keep them in the cache
    Refresh {
        #[command(flatten)]
        trust: Trust,
    },
}

/// What scripts get.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    source: &'a str,
    roots: Vec<RootDocument<'a>>,
}

#[derive(Serialize)]
struct RootDocument<'a> {
    newest_entry: String,
    expires: Option<String>,
    #[serde(flatten)]
    keys: &'a TrustedRootSummary,
}

impl<'a> RootDocument<'a> {
    fn of(keys: &'a TrustedRootSummary) -> Self {
        Self {
            newest_entry: format_rfc3339(keys.newest_valid_from),
            expires: keys.expires_at.map(format_rfc3339),
            keys,
        }
    }
}

pub(crate) fn run(global: &Global, args: &TrustedRootArgs) -> Result<Ending, Failure> {
    let timeout = world::patience()?.timeout;
    let (trust, online) = match &args.action {
        Action::Show { trust } => (trust, false),
        Action::Export { trust, offline, .. } => (trust, !offline),
        Action::Refresh { trust } => (trust, true),
    };
    let from = trust::trusted(trust, online, timeout)?;
    if let (Action::Refresh { .. }, Trusted::File(path)) = (&args.action, &from) {
        let error = anyhow::anyhow!("{} is a file: there is nothing to fetch", path.display());
        return Err(Failure::usage(error).hint("leave out --trusted-root"));
    }
    let roots = ops::trusted_roots(&from)?;
    match &args.action {
        Action::Export { file, .. } => {
            let written = ops::write_named(file, roots.documents.concat().as_bytes())?;
            report::tell(global, &format!("wrote {}, {}", written.path.display(), roots.source));
        }
        Action::Refresh { .. } if !roots.is_fresh => {
            let error = anyhow::anyhow!("not fetched: {}", roots.source);
            return Err(
                Failure::work(error).hint("check the network and the proxy variables, then run again")
            );
        }
        Action::Show { .. } | Action::Refresh { .. } => show(global, &roots)?,
    }
    Ok(Ending::Done)
}

fn show(global: &Global, roots: &ops::TrustedRoots) -> Result<(), Failure> {
    if report::is_json(global) {
        return report::print_json(&Document {
            schema: "opensandbox-release/trusted-root/1",
            source: &roots.source,
            roots: roots.summaries.iter().map(RootDocument::of).collect(),
        });
    }
    let mut page = Page::new();
    page.line(report::harmless(&roots.source));
    for it in &roots.summaries {
        let days = (session::now() - it.newest_valid_from).max(0) / 86_400;
        page.heading(&format!("Newest entry {}, {days} days old", format_rfc3339(it.newest_valid_from)));
        if let Some(expires) = it.expires_at {
            page.line(format!("  metadata expires {}", format_rfc3339(expires)));
        }
        let kinds = [
            ("certificates", &it.certificate_authorities),
            ("log", &it.logs),
            ("certificate log", &it.certificate_logs),
            ("timestamps", &it.timestamp_authorities),
        ];
        for (kind, keys) in kinds {
            for key in keys {
                let id = &key.id[..16.min(key.id.len())];
                page.line(format!("  {kind:<16} {}  {id}", report::harmless(&key.name)));
                page.line(format!("{:19}{}", "", validity(key)));
            }
        }
    }
    page.print()
}

/// From when until when a key counts.
fn validity(key: &TrustedKeySummary) -> String {
    let until = key.until.as_ref().map_or(String::new(), |it| format!(" until {it}"));
    let from = key.from.as_deref().unwrap_or("the beginning");
    format!("from {from}{until}")
}
