//! What was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use model::RepoPath;
use model::release::facts::PreflightCheck;
use model::release::request::MakeLatest;

use crate::commands::config::ConfigArgs;
use crate::commands::trusted_root::TrustedRootArgs;

/// Plans, performs and explains OpenSandbox releases.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// Checks files against Sigstore bundles, as `cargo xtask verify` does.
#[derive(Debug, Parser)]
#[command(name = "opensandbox-verify", version, max_term_width = 100)]
pub(crate) struct VerifierArgs {
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

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

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Plan a release, and perform what is missing
    Release(ReleaseArgs),
    /// Print the release notes
    Notes(NotesArgs),
    /// Write the source archive and SHA256SUMS
    Archive(ArchiveArgs),
    /// List what can be released, with the newest tags
    Targets,
    /// Tell what is unreleased, and which version that asks for
    Status(StatusArgs),
    /// Make every pre-flight check, and nothing else
    Doctor(DoctorArgs),
    /// Check a tag's signature and shape against the signer policy
    VerifyTag(VerifyTagArgs),
    /// Download a published release as anybody does, and prove it
    Audit(AuditArgs),
    /// Check files against Sigstore bundles
    Verify(Box<VerifyArgs>),
    /// Play a whole release on this machine, and prove every step
    Rehearse(RehearseArgs),
    /// Show, export or refresh the keys that attestations are checked with
    TrustedRoot(TrustedRootArgs),
    /// Show the configuration, or write a first one
    Config(ConfigArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
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

/// `release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Print plan, notes and checks, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Sign the tag, with KEY or the key that git is configured for
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
    pub(crate) sign_tag: Option<Option<String>>,
    /// Push the tag and publish; without it nothing leaves this machine
    #[arg(long)]
    pub(crate) push: bool,
    /// Whether the release gets the badge "Latest" [auto: the highest final version of the catalog's target]
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t, requires = "push")]
    pub(crate) latest: MakeLatestArg,
    /// Stop before publishing: with a complete draft and the tag pushed
    #[arg(long, requires = "push")]
    pub(crate) draft: bool,
    /// Where archive, sums and notes go [default: dist/<safe tag> in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Go on although this check fails (repeatable)
    #[arg(long, value_name = "CHECK")]
    pub(crate) allow: Vec<PreflightCheck>,
}

/// Whether a release gets the badge "Latest".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MakeLatestArg {
    /// As the catalog says.
    #[default]
    Auto,
    /// It does.
    True,
    /// It does not.
    False,
}

impl MakeLatestArg {
    pub(crate) fn make_latest(self) -> MakeLatest {
        match self {
            Self::Auto => MakeLatest::Auto,
            Self::True => MakeLatest::True,
            Self::False => MakeLatest::False,
        }
    }
}

/// `notes`.
#[derive(Debug, Args)]
pub(crate) struct NotesArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
}

/// `archive`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    #[command(flatten)]
    pub(crate) tag_args: TagArgs,
    /// The commit [default: the tag's where it is there, else HEAD]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    /// Where the files go [default: dist/<safe tag> in the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this target
    pub(crate) target: Option<String>,
    /// Up to this commit
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(crate) commit: String,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check this release too, as in server/v0.1.14
    pub(crate) tag: Option<String>,
    /// Check that its tag can be signed, with KEY or the key that git is configured for
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, requires = "tag")]
    #[expect(clippy::option_option, reason = "clap's own type for a flag with an optional value")]
    pub(crate) sign_tag: Option<Option<String>>,
    /// Check that it can be published, too
    #[arg(long, requires = "tag")]
    pub(crate) push: bool,
    /// The commit to release
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(crate) commit: String,
}

/// `verify-tag`.
#[derive(Debug, Args)]
pub(crate) struct VerifyTagArgs {
    /// The tag, as in server/v0.1.14
    pub(crate) tag: String,
    /// The commit that it should be at [default: the one that it leads to]
    #[arg(long, value_name = "REV")]
    pub(crate) commit: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The files, or digests as sha256:HEX
    #[arg(value_name = "FILE", required_unless_present = "sums")]
    pub(crate) subjects: Vec<String>,
    /// Verify every file that this SHA256SUMS lists, beside it
    #[arg(long, value_name = "SHA256SUMS")]
    pub(crate) sums: Option<PathBuf>,
    /// The bundles, in JSON or JSON lines [default: those that GitHub keeps]
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Ask nobody: no request at all
    #[arg(long)]
    pub(crate) offline: bool,
    /// The workflow that signed [default: any of the repository]
    #[arg(long, value_name = "[HOST/]OWNER/NAME/PATH[@REF]")]
    pub(crate) signer_workflow: Option<String>,
    /// The repository that was built, if the workflow is a builder of another repository
    #[arg(long, value_name = "[HOST/]OWNER/NAME", requires = "signer_workflow")]
    pub(crate) source_uri: Option<String>,
    /// The reference that was built, as in refs/heads/main
    #[arg(long, value_name = "REF")]
    pub(crate) source_ref: Option<String>,
    /// The commit that was built
    #[arg(long, value_name = "COMMIT")]
    pub(crate) source_digest: Option<String>,
    /// Type of the statement [default: SLSA provenance v1; with --source-uri also v0.2; with cosign's flags: any]
    #[arg(long, value_name = "URI")]
    pub(crate) predicate_type: Option<String>,
    /// Take nothing from a runner that GitHub does not host
    #[arg(long)]
    pub(crate) deny_self_hosted_runners: bool,
    /// Verify as cosign does: whose certificate it is, exactly
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "certificate_identity_regexp",
        requires = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_identity: Option<String>,
    /// The same, by a regular expression that is found anywhere in it
    #[arg(long, value_name = "PATTERN", requires = "certificate_oidc_issuer")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// Who issued the token [default: GitHub Actions]
    #[arg(long, value_name = "URL")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// Verify as cosign does: with this public key, in PEM
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_identity_regexp", "certificate_oidc_issuer"])]
    pub(crate) key: Option<PathBuf>,
}

/// `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The tag, as in server/v0.1.14
    #[arg(required_unless_present = "all")]
    pub(crate) tag: Option<String>,
    /// Audit every release whose tag this clone has
    #[arg(long, conflicts_with = "tag")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Wait so long for what may still be on its way, as in 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) wait: Option<Duration>,
}

/// A time as people write it: a number and s, m or h.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("'{text}' is no duration: want a number with s, m or h, as in 10m");
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

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
