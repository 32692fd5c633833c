//! What is meant: the repository, the catalog, and the release that the arguments ask for.

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

/// The catalog that is built in.
const BUILT_IN_CATALOG: &str = include_str!("../../release.toml");
/// Where a repository may have its own.
pub(crate) const CATALOG_FILE: &str = "release.toml";

/// The repository and the catalog of a run.
pub(crate) struct Session {
    pub(crate) repo: LocalRepository,
    pub(crate) catalog: Catalog,
    env: OpsEnvironment,
    remote: String,
    pub(crate) slug: RepoSlug,
    /// Where the repository's name comes from.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator named the host, and not only a remote's address.
    host_is_explicit: bool,
    retry_policy: RetryPolicy,
}

/// Where the name of the repository on GitHub comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SlugSource {
    /// The operator typed it, with this flag.
    Flag(&'static str),
    /// The address of this remote.
    Remote(String),
    /// The catalog of this name.
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
    /// Opens the repository, in which git may start these programs, and reads the catalog.
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

    /// The session around here, where there is a repository: for what can do without one.
    pub(crate) fn discover(global: &GlobalArgs) -> Result<Option<Self>, CliError> {
        let in_repository = global.directory.is_some()
            || LocalRepository::open(Path::new("."), ProgramPolicy::ProtectedConfig).is_ok();
        if in_repository { Self::open(global, ProgramPolicy::ProtectedConfig).map(Some) } else { Ok(None) }
    }

    /// An error in a shallow clone: it lacks tags and commits, so that what is newest or unreleased cannot be told.
    pub(crate) fn require_full_clone(&self) -> Result<(), CliError> {
        if !self.repo.is_shallow() {
            return Ok(());
        }
        let root = self.repo.root();
        let error = anyhow::anyhow!("the clone in {} is shallow: it lacks tags and commits", root.display());
        Err(CliError::runtime(error).with_hint(format!("git -C {} fetch --unshallow --tags", root.display())))
    }

    /// What is known of the repository on GitHub.
    pub(crate) fn repository_context(&self) -> RepositoryContext {
        RepositoryContext {
            catalog: self.catalog.clone(),
            slug: self.slug.clone(),
            slug_source: self.slug_source.clone(),
            host_is_explicit: self.host_is_explicit,
            retry_policy: self.retry_policy,
        }
    }

    /// The same, where trust begins elsewhere.
    pub(crate) fn with_trust_root(mut self, trust: &TrustArgs) -> Result<Self, CliError> {
        self.env.trust_root = trust::trust_root_source(trust, false, self.retry_policy.idle_timeout)?;
        Ok(self)
    }

    /// What operations work with that stay on this machine.
    pub(crate) fn context(&self) -> OpsContext<'_> {
        OpsContext { repository: &self.repo, catalog: &self.catalog, env: &self.env, clients: None }
    }

    /// GitHub, where a release is to get there.
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
                github::connect(host, self.retry_policy, trust_root).map(Some)
            }
        }
    }

    /// Whether a release's tag is signed, and with which key: as asked for, else as git is configured.
    pub(crate) fn signing(&self, requested: Option<&Option<String>>) -> TagSigning {
        match requested {
            Some(key) => TagSigning::Signed(key.clone()),
            None if self.repo.signs_by_default() => TagSigning::Signed(None),
            None => TagSigning::Unsigned,
        }
    }

    /// The tag that is meant.
    pub(crate) fn tag(&self, tag_args: &TagArgs) -> Result<ReleaseTag, CliError> {
        let tag = match (&tag_args.tag, &tag_args.target, &tag_args.version) {
            (Some(tag), ..) => ReleaseTag::parse(&self.catalog, tag),
            (None, Some(target), Some(version)) => ReleaseTag::new(&self.catalog, target, version),
            (None, ..) => unreachable!("clap wants the tag, or target and version"),
        };
        Ok(tag?)
    }

    /// The target of a tag.
    pub(crate) fn target(&self, tag: &ReleaseTag) -> &Target {
        self.catalog.target(tag.target()).expect("a tag is made for a target of the catalog")
    }

    /// The request of a release of which nothing leaves the machine, with nothing allowed and nothing signed.
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

    /// Where a release's files go.
    pub(crate) fn output_folder(&self, tag: &ReleaseTag, requested: Option<&Path>) -> OutputPath {
        if let Some(out) = requested {
            return OutputPath { root: out.to_owned(), subdirectories: Vec::new() };
        }
        let root = if self.repo.is_bare() { PathBuf::new() } else { self.repo.root() };
        OutputPath { root, subdirectories: vec!["dist".to_owned(), tag.safe_name()] }
    }

    /// The revision that looks back at a release: the one asked for, else the tag's where it is there, else `HEAD`.
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
    /// The repository and its host, to connect to.
    pub(crate) fn host(&self) -> RepositoryHost<'_> {
        RepositoryHost { slug: &self.slug, host_is_explicit: self.host_is_explicit }
    }
}

/// What is known of the repository on GitHub where no clone is needed.
pub(crate) struct RepositoryContext {
    pub(crate) catalog: Catalog,
    pub(crate) slug: RepoSlug,
    /// Where the repository's name comes from.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator named the host.
    pub(crate) host_is_explicit: bool,
    pub(crate) retry_policy: RetryPolicy,
}

impl RepositoryContext {
    /// The repository that was named; else that of the clone around here; else the catalog's. Where it was named, no clone
    /// is looked at.
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

    /// The same of a repository that another flag names. Where `-R` names one, that counts.
    pub(crate) fn with_repository_flag(mut self, flag: &'static str, text: &str) -> Result<Self, CliError> {
        if !matches!(self.slug_source, SlugSource::Flag(_)) {
            self.slug = parse_slug(text)?;
            self.slug_source = SlugSource::Flag(flag);
            self.host_is_explicit = text.matches('/').count() == 2;
        }
        Ok(self)
    }
}

/// Whether the operator named the host, and not only a remote's address.
fn host_is_explicit(global: &GlobalArgs, slug: &RepoSlug) -> bool {
    environment::non_empty(environment::GH_HOST).as_deref() == Some(slug.host())
        || global.repo.as_ref().is_some_and(|it| it.matches('/').count() == 2)
}

/// The repository that `-R` means: `GH_HOST` is the host where none is named.
fn with_default_host(text: &str) -> String {
    match environment::non_empty(environment::GH_HOST) {
        Some(host) if text.matches('/').count() == 1 => format!("{host}/{text}"),
        _ => text.to_owned(),
    }
}

/// The text of a catalog.
pub(crate) struct CatalogText {
    /// What errors call it.
    pub(crate) name: String,
    pub(crate) text: String,
    /// The folder that the files it names are in; none for the one built in, which names none.
    folder: Option<PathBuf>,
}

/// The catalog, the folder that the files it names are in, and what errors call it.
fn load_catalog(
    global: &GlobalArgs,
    root: Option<&Path>,
) -> Result<(Catalog, Option<PathBuf>, String), CliError> {
    let text = read_catalog_text(global, root)?;
    Ok((Catalog::parse(&text.name, &text.text)?, text.folder, text.name))
}

/// The repository that a flag names.
pub(crate) fn parse_slug(text: &str) -> Result<RepoSlug, CliError> {
    RepoSlug::parse(&with_default_host(text)).map_err(CliError::usage)
}

/// The text of the catalog: the file that was named, else the repository's own, else the one built in.
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

/// The longest catalog or template that is read, in bytes.
const MAX_CONFIG_FILE_BYTES: u64 = 1 << 20;

/// The text of a file that the operator named.
fn read_text(file: &Path) -> Result<String, CliError> {
    decode_utf8(file, ops::read_named(file, MAX_CONFIG_FILE_BYTES).map_err(CliError::usage)?)
}

fn decode_utf8(file: &Path, bytes: Vec<u8>) -> Result<String, CliError> {
    let text = String::from_utf8(bytes);
    text.map_err(|error| CliError::usage(anyhow::anyhow!("{} is not UTF-8: {error}", file.display())))
}
