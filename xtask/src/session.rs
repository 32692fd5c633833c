//! What is meant: the repository, the catalog, and the release that the arguments ask for.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use model::catalog::Target;
use model::release::request::{NotesStart, OutputPath, ReleaseDestination, Request, TagSigning};
use model::{Catalog, ReleaseTag, RepoSlug};
use ops::{Patience, ProgramPolicy, Repo, Surroundings, Template, Work};

use crate::args::{Global, Range, Trust, Which};
use crate::environment;
use crate::failure::Failure;
use crate::trust;
use crate::world::{self, Reached};

/// The catalog that is built in.
const BUILT_IN: &str = include_str!("../../release.toml");
/// Where a repository may have its own.
pub(crate) const CATALOG_FILE: &str = "release.toml";

/// The repository and the catalog of a run.
pub(crate) struct Session {
    pub(crate) repo: Repo,
    pub(crate) catalog: Catalog,
    around: Surroundings,
    remote: String,
    pub(crate) slug: RepoSlug,
    /// Where the repository's name comes from.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator named the host, and not only a remote's address.
    named_host: bool,
    patience: Patience,
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
    pub(crate) fn open(global: &Global, programs: ProgramPolicy) -> Result<Self, Failure> {
        let directory = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let repo = Repo::open(&directory, programs).map_err(ops::OpsError::from)?;
        let (catalog, policy_root, catalog_name) = catalog(global, Some(&repo.root()))?;
        let remote = || RepoSlug::from_remote_url(&repo.remote_url(&global.remote)?);
        let (slug, slug_source) = match &global.repo {
            Some(text) => (slug_of(text)?, SlugSource::Flag("-R")),
            None => match remote() {
                Some(slug) => (slug, SlugSource::Remote(global.remote.clone())),
                None => (catalog.slug().clone(), SlugSource::Catalog(catalog_name)),
            },
        };
        let named_host = is_named(global, &slug);
        let patience = world::patience()?;
        let around = Surroundings {
            policy_root,
            home: environment::value(environment::HOME).map(PathBuf::from),
            cache: world::cache(),
            trusted: trust::trusted(&Trust::default(), false, patience.timeout)?,
            idle: patience.timeout,
            now: now(),
            clock: now,
        };
        let remote = global.remote.clone();
        Ok(Self { repo, catalog, around, remote, slug, slug_source, named_host, patience })
    }

    /// The session around here, where there is a repository: for what can do without one.
    pub(crate) fn near(global: &Global) -> Result<Option<Self>, Failure> {
        let is_there =
            global.directory.is_some() || Repo::open(Path::new("."), ProgramPolicy::ProtectedConfig).is_ok();
        if is_there { Self::open(global, ProgramPolicy::ProtectedConfig).map(Some) } else { Ok(None) }
    }

    /// An error in a shallow clone: it lacks tags and commits, so that what is newest or unreleased cannot be told.
    pub(crate) fn must_be_whole(&self) -> Result<(), Failure> {
        if !self.repo.is_shallow() {
            return Ok(());
        }
        let root = self.repo.root();
        let error = anyhow::anyhow!("the clone in {} is shallow: it lacks tags and commits", root.display());
        Err(Failure::work(error).hint(format!("git -C {} fetch --unshallow --tags", root.display())))
    }

    /// What is known of the repository on GitHub.
    pub(crate) fn abroad(&self) -> Abroad {
        Abroad {
            catalog: self.catalog.clone(),
            slug: self.slug.clone(),
            slug_source: self.slug_source.clone(),
            named_host: self.named_host,
            patience: self.patience,
        }
    }

    /// The same, where trust begins elsewhere.
    pub(crate) fn trusting(mut self, trust: &Trust) -> Result<Self, Failure> {
        self.around.trusted = trust::trusted(trust, false, self.patience.timeout)?;
        Ok(self)
    }

    /// What operations work with that stay on this machine.
    pub(crate) fn work(&self) -> Work<'_> {
        Work { repo: &self.repo, catalog: &self.catalog, around: &self.around, world: None }
    }

    /// GitHub, where a release is to get there.
    pub(crate) fn reach(&self, reach: ReleaseDestination, trust: &Trust) -> Result<Option<Reached>, Failure> {
        match reach {
            ReleaseDestination::Local => Ok(None),
            ReleaseDestination::GitHub(_) => {
                let trusted = trust::trusted(trust, true, self.patience.timeout)?;
                let patience = (self.named_host, self.patience);
                Reached::connect(&self.slug, patience, trusted).map(Some)
            }
        }
    }

    /// Whether a release's tag is signed, and with which key: as asked for, else as git is configured.
    pub(crate) fn signing(&self, asked: Option<&Option<String>>) -> TagSigning {
        match asked {
            Some(key) => TagSigning::Signed(key.clone()),
            None if self.repo.signs_by_default() => TagSigning::Signed(None),
            None => TagSigning::Unsigned,
        }
    }

    /// The tag that is meant.
    pub(crate) fn tag(&self, which: &Which) -> Result<ReleaseTag, Failure> {
        let tag = match (&which.tag, &which.target, &which.version) {
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
    pub(crate) fn request(&self, tag: ReleaseTag, range: &Range, revision: String) -> Request {
        let own = if range.no_path_filter { &[][..] } else { &self.target(&tag).paths };
        let mut paths = own.to_vec();
        paths.extend(range.path.iter().filter(|it| !own.contains(it)).cloned());
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
            output_path: self.out(&tag, None),
            tag,
        }
    }

    /// Where a release's files go.
    pub(crate) fn out(&self, tag: &ReleaseTag, asked: Option<&Path>) -> OutputPath {
        if let Some(out) = asked {
            return OutputPath { root: out.to_owned(), subdirectories: Vec::new() };
        }
        let root = if self.repo.is_bare() { PathBuf::new() } else { self.repo.root() };
        OutputPath { root, subdirectories: vec!["dist".to_owned(), tag.safe_name()] }
    }

    /// The revision that looks back at a release: the one asked for, else the tag's where it is there, else `HEAD`.
    pub(crate) fn revision_of(&self, tag: &ReleaseTag, asked: Option<&String>) -> Result<String, Failure> {
        if let Some(revision) = asked {
            return Ok(revision.clone());
        }
        let there = self.repo.tag(&tag.name()).map_err(ops::OpsError::from)?;
        Ok(if there.is_some() { tag.reference() } else { "HEAD".to_owned() })
    }
}

/// What is known of the repository on GitHub where no clone is needed.
pub(crate) struct Abroad {
    pub(crate) catalog: Catalog,
    pub(crate) slug: RepoSlug,
    /// Where the repository's name comes from.
    pub(crate) slug_source: SlugSource,
    /// Whether the operator named the host.
    pub(crate) named_host: bool,
    pub(crate) patience: Patience,
}

impl Abroad {
    /// The repository that was named; else that of the clone around here; else the catalog's. Where it was named, no clone
    /// is looked at.
    pub(crate) fn find(global: &Global) -> Result<Self, Failure> {
        if global.repo.is_none()
            && let Some(session) = Session::near(global)?
        {
            return Ok(session.abroad());
        }
        let (catalog, _, catalog_name) = catalog(global, None)?;
        let (slug, slug_source) = match &global.repo {
            Some(text) => (slug_of(text)?, SlugSource::Flag("-R")),
            None => (catalog.slug().clone(), SlugSource::Catalog(catalog_name)),
        };
        let named_host = is_named(global, &slug);
        Ok(Self { catalog, slug, slug_source, named_host, patience: world::patience()? })
    }

    /// The same of a repository that another flag names. Where `-R` names one, that counts.
    pub(crate) fn named_by(mut self, flag: &'static str, text: &str) -> Result<Self, Failure> {
        if !matches!(self.slug_source, SlugSource::Flag(_)) {
            self.slug = slug_of(text)?;
            self.slug_source = SlugSource::Flag(flag);
            self.named_host = text.matches('/').count() == 2;
        }
        Ok(self)
    }
}

/// Whether the operator named the host, and not only a remote's address.
fn is_named(global: &Global, slug: &RepoSlug) -> bool {
    environment::value(environment::GH_HOST).as_deref() == Some(slug.host())
        || global.repo.as_ref().is_some_and(|it| it.matches('/').count() == 2)
}

/// The repository that `-R` means: `GH_HOST` is the host where none is named.
fn on_host(text: &str) -> String {
    match environment::value(environment::GH_HOST) {
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
fn catalog(global: &Global, root: Option<&Path>) -> Result<(Catalog, Option<PathBuf>, String), Failure> {
    let it = catalog_text(global, root)?;
    Ok((Catalog::parse(&it.name, &it.text)?, it.folder, it.name))
}

/// The repository that a flag names.
pub(crate) fn slug_of(text: &str) -> Result<RepoSlug, Failure> {
    RepoSlug::parse(&on_host(text)).map_err(Failure::usage)
}

/// The text of the catalog: the file that was named, else the repository's own, else the one built in.
pub(crate) fn catalog_text(global: &Global, root: Option<&Path>) -> Result<CatalogText, Failure> {
    if let Some(file) = &global.config {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        return Ok(CatalogText { name: file.display().to_string(), text: read(file)?, folder: Some(folder) });
    }
    if let Some(root) = root {
        let file = root.join(CATALOG_FILE);
        let bytes = ops::read_below(root, CATALOG_FILE, MAX_FILE_BYTES).map_err(Failure::usage)?;
        if let Some(bytes) = bytes {
            let (name, text) = (file.display().to_string(), text(&file, bytes)?);
            return Ok(CatalogText { name, text, folder: Some(root.to_owned()) });
        }
    }
    let name = "the built-in release.toml".to_owned();
    Ok(CatalogText { name, text: BUILT_IN.to_owned(), folder: None })
}

/// The time, in seconds since 1970 in UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The template: the file that was named, else the one built in.
pub(crate) fn template(range: &Range) -> Result<Template, Failure> {
    let Some(file) = &range.template else { return Ok(Template::default()) };
    Ok(Template { file: file.display().to_string(), text: read(file)? })
}

/// The longest catalog or template that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The text of a file that the operator named.
fn read(file: &Path) -> Result<String, Failure> {
    text(file, ops::read_named(file, MAX_FILE_BYTES).map_err(Failure::usage)?)
}

fn text(file: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(bytes);
    text.map_err(|error| Failure::usage(anyhow::anyhow!("{} is not UTF-8: {error}", file.display())))
}
