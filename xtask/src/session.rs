//! The session of a command: the repository, the release configuration and the requested release.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use model::base::http::RetryPolicy;
use model::catalog::Target;
use model::release::request::{
    NotesStart, NotesTemplate, OutputPath, ProgramPolicy, ReleaseDestination, Request, TagSigning,
};
use model::{Catalog, ReleaseTag, RepoSlug};
use ops::{GitHubClients, LocalRepository, OpsContext, OpsEnvironment};

use crate::args::{GlobalArgs, RangeArgs, TagArgs, TrustArgs};
use crate::cache;
use crate::clock;
use crate::environment;
use crate::error::CliError;
use crate::github::{self, RepositoryHost};
use crate::http;
use crate::trust;

/// The built-in release configuration.
const BUILT_IN_CATALOG: &str = include_str!("../../release.toml");
/// The release configuration of a repository, at its root.
pub(crate) const CATALOG_FILE: &str = "release.toml";

/// The repository and the release configuration of a command.
pub(crate) struct Session {
    pub(crate) repo: LocalRepository,
    pub(crate) catalog: Catalog,
    env: OpsEnvironment,
    remote: String,
    pub(crate) slug: RepoSlug,
    /// The source of the repository's name on GitHub.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator selected the host. If not, it comes from a remote's URL or from the release configuration.
    host_is_explicit: bool,
    retry_policy: RetryPolicy,
}

/// The source of the repository's name on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SlugSource {
    /// This command-line flag.
    Flag(&'static str),
    /// The URL of the remote with this name.
    Remote(String),
    /// The release configuration with this name.
    Catalog(String),
}

impl fmt::Display for SlugSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "from {flag}"),
            Self::Remote(remote) => write!(f, "from the remote {remote}"),
            Self::Catalog(name) => write!(f, "from {name}"),
        }
    }
}

impl Session {
    /// Opens the repository and reads its release configuration. `programs` limits what git may start in it.
    pub(crate) fn open(global: &GlobalArgs, programs: ProgramPolicy) -> Result<Self, CliError> {
        let directory = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let repo = LocalRepository::open(&directory, programs)?;
        let (catalog, policy_root, catalog_name) = load_catalog(global, Some(&repo.root()))?;
        let remote = || RepoSlug::from_remote_url(&repo.remote_url(&global.remote)?);
        let (slug, slug_source) = match &global.repo {
            Some(text) => (parse_slug(text)?, SlugSource::Flag("-R")),
            None => match remote() {
                Some(slug) => (slug, SlugSource::Remote(global.remote.clone())),
                None => (catalog.slug().clone(), SlugSource::Catalog(catalog_name)),
            },
        };
        let host_is_explicit = host_is_explicit(global, &slug);
        let retry_policy = http::retry_policy()?;
        let env = OpsEnvironment {
            policy_root,
            home: environment::non_empty(environment::HOME).map(PathBuf::from),
            cache: cache::cache_dir(),
            trust_root: trust::trust_root_source(&TrustArgs::default(), false, retry_policy.idle_timeout)?,
            idle_timeout: retry_policy.idle_timeout,
            now: clock::now(),
            clock: clock::now,
        };
        let remote = global.remote.clone();
        Ok(Self { repo, catalog, env, remote, slug, slug_source, host_is_explicit, retry_policy })
    }

    /// Opens the repository if `-C` is given or the working directory is in one. Returns `None` if not, for commands
    /// that need no repository.
    pub(crate) fn discover(global: &GlobalArgs) -> Result<Option<Self>, CliError> {
        let in_repository = global.directory.is_some()
            || LocalRepository::open(Path::new("."), ProgramPolicy::ProtectedConfig).is_ok();
        if in_repository { Self::open(global, ProgramPolicy::ProtectedConfig).map(Some) } else { Ok(None) }
    }

    /// Fails in a shallow clone. It lacks tags and commits, so the newest tag and the unreleased changes are unknown.
    pub(crate) fn require_full_clone(&self) -> Result<(), CliError> {
        if !self.repo.is_shallow() {
            return Ok(());
        }
        let root = self.repo.root();
        let error = anyhow::anyhow!("the clone in {} is shallow: it lacks tags and commits", root.display());
        Err(CliError::runtime(error).with_hint(format!("git -C {} fetch --unshallow --tags", root.display())))
    }

    /// Returns the part of the session that needs no clone.
    pub(crate) fn repository_context(&self) -> RepositoryContext {
        RepositoryContext {
            catalog: self.catalog.clone(),
            slug: self.slug.clone(),
            slug_source: self.slug_source.clone(),
            host_is_explicit: self.host_is_explicit,
            retry_policy: self.retry_policy,
        }
    }

    /// Replaces the trusted root for tag signatures with the one given by `--trusted-root` or `--tuf-url`.
    pub(crate) fn with_trust_root(mut self, trust: &TrustArgs) -> Result<Self, CliError> {
        self.env.trust_root = trust::trust_root_source(trust, false, self.retry_policy.idle_timeout)?;
        Ok(self)
    }

    /// Returns the context for operations without network.
    pub(crate) fn context(&self) -> OpsContext<'_> {
        OpsContext { repository: &self.repo, catalog: &self.catalog, env: &self.env, clients: None }
    }

    /// Returns the clients of GitHub. `None` if the release is not to be published.
    pub(crate) fn connect(
        &self,
        reach: ReleaseDestination,
        trust: &TrustArgs,
    ) -> Result<Option<GitHubClients>, CliError> {
        match reach {
            ReleaseDestination::Local => Ok(None),
            ReleaseDestination::GitHub(_) => {
                let trust_root = trust::trust_root_source(trust, true, self.retry_policy.idle_timeout)?;
                let host = RepositoryHost { slug: &self.slug, host_is_explicit: self.host_is_explicit };
                github::connect(host, self.retry_policy, trust_root, None).map(Some)
            }
        }
    }

    /// Returns whether the tag is to be signed, and with which key: as requested by `--sign-tag`, else as git is
    /// configured (`tag.gpgSign`).
    pub(crate) fn signing(&self, requested: Option<&Option<String>>) -> TagSigning {
        match requested {
            Some(key) => TagSigning::Signed(key.clone()),
            None if self.repo.signs_by_default() => TagSigning::Signed(None),
            None => TagSigning::Unsigned,
        }
    }

    /// Returns the requested release tag.
    pub(crate) fn tag(&self, tag_args: &TagArgs) -> Result<ReleaseTag, CliError> {
        let tag = match (&tag_args.tag, &tag_args.target, &tag_args.version) {
            (Some(tag), ..) => ReleaseTag::parse(&self.catalog, tag),
            (None, Some(target), Some(version)) => ReleaseTag::new(&self.catalog, target, version),
            (None, ..) => unreachable!("clap requires the tag, or target and version"),
        };
        Ok(tag?)
    }

    /// Returns the target of a release tag.
    pub(crate) fn target(&self, tag: &ReleaseTag) -> &Target {
        self.catalog.target(tag.target()).expect("a tag is made for a target of the catalog")
    }

    /// Returns a request with defaults: a local release, not signed, with no failed check allowed. Callers change
    /// fields.
    pub(crate) fn request(&self, tag: ReleaseTag, range: &RangeArgs, revision: String) -> Request {
        let target_paths = if range.no_path_filter { &[][..] } else { &self.target(&tag).paths };
        let mut paths = target_paths.to_vec();
        paths.extend(range.path.iter().filter(|it| !target_paths.contains(it)).cloned());
        let start = match &range.from_tag {
            Some(tag) => NotesStart::Tag(tag.clone()),
            None if range.initial_release => NotesStart::PreviousOrRoot,
            None => NotesStart::Previous,
        };
        Request {
            revision,
            notes_start: start,
            paths,
            extra_paths: range.path.clone(),
            remote: self.remote.clone(),
            default_branch: self.catalog.default_branch.clone(),
            slug: self.slug.clone(),
            allowed_checks: BTreeSet::new(),
            tag_signing: TagSigning::Unsigned,
            destination: ReleaseDestination::Local,
            output_path: self.output_folder(&tag, None),
            tag,
        }
    }

    /// Returns the output folder: the requested one, else `dist/<safe tag>` in the repository.
    pub(crate) fn output_folder(&self, tag: &ReleaseTag, requested: Option<&Path>) -> OutputPath {
        if let Some(out) = requested {
            return OutputPath { root: out.to_owned(), subdirectories: Vec::new() };
        }
        let root = if self.repo.is_bare() { PathBuf::new() } else { self.repo.root() };
        OutputPath { root, subdirectories: vec!["dist".to_owned(), tag.safe_name()] }
    }

    /// Returns the revision for commands about an existing release: the requested one, else the tag if it exists, else
    /// `HEAD`.
    pub(crate) fn revision_or_tag(
        &self,
        tag: &ReleaseTag,
        requested: Option<&String>,
    ) -> Result<String, CliError> {
        if let Some(revision) = requested {
            return Ok(revision.clone());
        }
        let is_local = self.repo.has_tag(&tag.name())?;
        Ok(if is_local { tag.reference() } else { "HEAD".to_owned() })
    }
}

impl RepositoryContext {
    /// Returns the repository to connect to, and whether its host was selected explicitly.
    pub(crate) fn host(&self) -> RepositoryHost<'_> {
        RepositoryHost { slug: &self.slug, host_is_explicit: self.host_is_explicit }
    }
}

/// The repository on GitHub and its release configuration, for commands that need no clone.
pub(crate) struct RepositoryContext {
    pub(crate) catalog: Catalog,
    pub(crate) slug: RepoSlug,
    /// The source of the repository's name on GitHub.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator selected the host.
    pub(crate) host_is_explicit: bool,
    pub(crate) retry_policy: RetryPolicy,
}

impl RepositoryContext {
    /// Returns the repository given with `-R`, else that of the clone, else that of the release configuration. With
    /// `-R`, no clone is opened.
    pub(crate) fn find(global: &GlobalArgs) -> Result<Self, CliError> {
        if global.repo.is_none()
            && let Some(session) = Session::discover(global)?
        {
            return Ok(session.repository_context());
        }
        let (catalog, _, catalog_name) = load_catalog(global, None)?;
        let (slug, slug_source) = match &global.repo {
            Some(text) => (parse_slug(text)?, SlugSource::Flag("-R")),
            None => (catalog.slug().clone(), SlugSource::Catalog(catalog_name)),
        };
        let host_is_explicit = host_is_explicit(global, &slug);
        Ok(Self { catalog, slug, slug_source, host_is_explicit, retry_policy: http::retry_policy()? })
    }

    /// Replaces the repository with the one that another flag names, unless `-R` is given, which takes precedence.
    pub(crate) fn with_repository_flag(mut self, flag: &'static str, text: &str) -> Result<Self, CliError> {
        if !matches!(self.slug_source, SlugSource::Flag(_)) {
            self.slug = parse_slug(text)?;
            self.slug_source = SlugSource::Flag(flag);
            self.host_is_explicit = text.matches('/').count() == 2;
        }
        Ok(self)
    }
}

/// Returns whether the operator selected the host, with `GH_HOST` or `-R HOST/OWNER/NAME`.
fn host_is_explicit(global: &GlobalArgs, slug: &RepoSlug) -> bool {
    environment::non_empty(environment::GH_HOST).as_deref() == Some(slug.host())
        || global.repo.as_ref().is_some_and(|it| it.matches('/').count() == 2)
}

/// Adds the host `GH_HOST` to a repository name that has no host.
fn with_default_host(text: &str) -> String {
    match environment::non_empty(environment::GH_HOST) {
        Some(host) if text.matches('/').count() == 1 => format!("{host}/{text}"),
        _ => text.to_owned(),
    }
}

/// The text of a release configuration.
pub(crate) struct CatalogText {
    /// The name of the release configuration in messages: its path, or "the built-in release.toml".
    pub(crate) name: String,
    pub(crate) text: String,
    /// The folder that its file names are relative to. `None` for the built-in configuration, which names no files.
    folder: Option<PathBuf>,
}

/// Reads the release configuration. Returns it with the folder that its file names are relative to, and with its name
/// in messages.
fn load_catalog(
    global: &GlobalArgs,
    root: Option<&Path>,
) -> Result<(Catalog, Option<PathBuf>, String), CliError> {
    let text = read_catalog_text(global, root)?;
    Ok((Catalog::parse(&text.name, &text.text)?, text.folder, text.name))
}

/// Parses the repository name of a flag, `[HOST/]OWNER/NAME`.
pub(crate) fn parse_slug(text: &str) -> Result<RepoSlug, CliError> {
    RepoSlug::parse(&with_default_host(text)).map_err(CliError::usage)
}

/// Reads the text of the release configuration: the file of `--config`, else `release.toml` at the repository's root,
/// else the built-in one.
pub(crate) fn read_catalog_text(global: &GlobalArgs, root: Option<&Path>) -> Result<CatalogText, CliError> {
    if let Some(file) = &global.config {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        return Ok(CatalogText {
            name: file.display().to_string(),
            text: read_text(file)?,
            folder: Some(folder),
        });
    }
    if let Some(root) = root {
        let file = root.join(CATALOG_FILE);
        let bytes = ops::read_below(root, CATALOG_FILE, MAX_CONFIG_FILE_BYTES).map_err(CliError::usage)?;
        if let Some(bytes) = bytes {
            let (name, text) = (file.display().to_string(), decode_utf8(&file, bytes)?);
            return Ok(CatalogText { name, text, folder: Some(root.to_owned()) });
        }
    }
    let name = "the built-in release.toml".to_owned();
    Ok(CatalogText { name, text: BUILT_IN_CATALOG.to_owned(), folder: None })
}

/// Reads the file of `--template`. Returns `None` without one: the built-in template is used.
pub(crate) fn load_template(range: &RangeArgs) -> Result<Option<NotesTemplate>, CliError> {
    let Some(file) = &range.template else { return Ok(None) };
    Ok(Some(NotesTemplate { file: file.display().to_string(), text: read_text(file)? }))
}

/// The maximum size of a release configuration or template, in bytes.
const MAX_CONFIG_FILE_BYTES: u64 = 1 << 20;

/// Reads a text file that the operator gave.
fn read_text(file: &Path) -> Result<String, CliError> {
    decode_utf8(file, ops::read_named(file, MAX_CONFIG_FILE_BYTES).map_err(CliError::usage)?)
}

fn decode_utf8(file: &Path, bytes: Vec<u8>) -> Result<String, CliError> {
    let text = String::from_utf8(bytes);
    text.map_err(|error| CliError::usage(anyhow::anyhow!("{} is not UTF-8: {error}", file.display())))
}
