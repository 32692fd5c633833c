//! The arguments that several commands share. Arguments of one command are next to its `run` function.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::RepoPath;

/// The global arguments, which every command accepts.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The git repository to work on, may be bare [default: the repository of the working directory]
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// The release configuration [default: release.toml at the repository's root, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The repository on GitHub [default: from the remote's URL, else from the release configuration]
    #[arg(short = 'R', long, value_name = "[HOST/]OWNER/NAME", global = true)]
    pub(crate) repo: Option<String>,
    /// The public remote
    #[arg(long, value_name = "NAME", default_value = "origin", global = true)]
    pub(crate) remote: String,
    /// The format of the report on stdout
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: ReportFormat,
    /// When to use colour; `NO_COLOR` disables it
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) color: ColorChoice,
    /// Print only the report
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show passed checks too
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The format of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON document for scripts, with a `schema` key.
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// Only on a terminal.
    #[default]
    Auto,
    /// Always, even if the output is redirected.
    Always,
    /// Never.
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

/// The release tag, in one of two forms.
#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The release tag, as in server/v0.1.14
    #[arg(required_unless_present = "target", conflicts_with_all = ["target", "version"])]
    pub(crate) tag: Option<String>,
    /// The target: the legacy form of TAG, with --version
    #[arg(long, requires = "version")]
    pub(crate) target: Option<String>,
    /// The version: the legacy form of TAG, with --target
    #[arg(long, requires = "target")]
    pub(crate) version: Option<String>,
}

/// The commit to release, and the range of commits for the notes.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// The commit to release [default: HEAD; `notes`: the tag's commit, if the tag exists]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    /// Start the notes after this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) from_tag: Option<String>,
    /// Include this path too (repeatable)
    #[arg(long, value_name = "PATH", value_parser = RepoPath::parse)]
    pub(crate) path: Vec<RepoPath>,
    /// Ignore the target's paths: include only those of --path, else the whole repository
    #[arg(long)]
    pub(crate) no_path_filter: bool,
    /// Include all history if there is no previous release
    #[arg(long)]
    pub(crate) initial_release: bool,
    /// Render the notes with this template
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
}

/// The source of the trusted roots.
#[derive(Debug, Default, Args)]
pub(crate) struct TrustArgs {
    /// The file of trusted roots [default: the trusted roots of Sigstore and GitHub]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tuf_url", "tuf_root"])]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Fetch the trusted root from this TUF repository
    #[arg(long, value_name = "URL", requires = "tuf_root")]
    pub(crate) tuf_url: Option<String>,
    /// The initial root.json of the TUF repository
    #[arg(long, value_name = "FILE", requires = "tuf_url")]
    pub(crate) tuf_root: Option<PathBuf>,
}
