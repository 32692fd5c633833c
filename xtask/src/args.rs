//! The arguments that several commands share. Those of one command are beside its `run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::RepoPath;

/// What every verb takes.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The git repository to work on, bare ones too [default: the one around the working directory]
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// The catalog [default: release.toml at the repository's root, else the one built in]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The repository on GitHub [default: from the remote's URL, else the catalog's]
    #[arg(short = 'R', long, value_name = "[HOST/]OWNER/NAME", global = true)]
    pub(crate) repo: Option<String>,
    /// The remote that the world reads
    #[arg(long, value_name = "NAME", default_value = "origin", global = true)]
    pub(crate) remote: String,
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: ReportFormat,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) color: ColorChoice,
    /// Tell nothing but the report
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell more: every check, passed ones too
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The forms of reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For scripts; carries `schema`.
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl ColorChoice {
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The release that is meant.
#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The tag to release under, as in server/v0.1.14
    #[arg(required_unless_present = "target", conflicts_with_all = ["target", "version"])]
    pub(crate) tag: Option<String>,
    /// The target: the legacy spelling of TAG, with --version
    #[arg(long, requires = "version")]
    pub(crate) target: Option<String>,
    /// The version: the legacy spelling of TAG, with --target
    #[arg(long, requires = "target")]
    pub(crate) version: Option<String>,
}

/// The commits that the notes tell of.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// The commit to release [default: HEAD; notes and archive: the tag's commit where it is there]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    /// Start the notes after this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) from_tag: Option<String>,
    /// Look at this path too (repeatable)
    #[arg(long, value_name = "PATH", value_parser = RepoPath::parse)]
    pub(crate) path: Vec<RepoPath>,
    /// Do not look at the target's own paths: at those of --path, else at everything
    #[arg(long)]
    pub(crate) no_path_filter: bool,
    /// Tell the whole history where there is no previous release
    #[arg(long)]
    pub(crate) initial_release: bool,
    /// Render the notes with this template
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
}

/// Where trust begins.
#[derive(Debug, Default, Args)]
pub(crate) struct TrustArgs {
    /// The trusted roots [default: those of Sigstore and GitHub]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tuf_url", "tuf_root"])]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Fetch the trusted root from this TUF repository
    #[arg(long, value_name = "URL", requires = "tuf_root")]
    pub(crate) tuf_url: Option<String>,
    /// The root.json that this repository's trust begins with
    #[arg(long, value_name = "FILE", requires = "tuf_url")]
    pub(crate) tuf_root: Option<PathBuf>,
}
