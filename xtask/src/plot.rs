//! What is to be rehearsed, as it was typed: the repository, the release, the key, and what must stay as it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use model::{Catalog, ReleaseTag, RepoSlug};
use ops::{OpsError, ProgramPolicy};
use rehearsal::{KeyKind, ProtectedPaths, RehearsalConfig, RehearsalSource};

use crate::args::{Global, Rehearse};
use crate::environment::{self, value};
use crate::failure::Failure;
use crate::session::{self, Abroad, Session};
use crate::{report, world};

/// The repository that is rehearsed: the one that was named, or the one around here, if anything was ever released from it.
pub(crate) fn session(global: &Global, args: &Rehearse) -> Result<Option<Session>, Failure> {
    if args.demo {
        return Ok(None);
    }
    let here = std::env::current_dir().context("cannot tell the working directory").map_err(Failure::work)?;
    if global.directory.is_none() && !here.ancestors().any(is_repository) {
        report::tell(global, "there is no repository around here: rehearsing in a demo");
        return Ok(None);
    }
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    if global.directory.is_some() {
        return Ok(Some(session));
    }
    for target in session.catalog.targets() {
        if !session.repo.tags(target).map_err(OpsError::from)?.is_empty() {
            return Ok(Some(session));
        }
    }
    let none = "the repository around here has no release tag";
    if args.tag.is_some() || session.repo.is_shallow() {
        return Err(Failure::usage(anyhow!("{none}"))
            .hint("git fetch --unshallow --tags; or -C DIR for another one, --demo for one that is made on the spot"));
    }
    report::tell(global, &format!("{none}: rehearsing in a demo"));
    Ok(None)
}

/// Whether a folder is a repository, or has one, whether or not it can be read.
fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists() || folder.join("HEAD").is_file() && folder.join("objects").is_dir()
}

/// What is rehearsed, and with what.
pub(crate) fn plot(
    global: &Global,
    args: &Rehearse,
    session: Option<&Session>,
) -> Result<RehearsalConfig, Failure> {
    let root = session.map(|it| it.repo.root());
    let text = session::catalog_text(global, root.as_deref())?;
    let catalog = Catalog::parse(&text.name, &text.text)?;
    let slug: RepoSlug = match session {
        Some(session) => session.slug.clone(),
        // Where a demo is released, the remote of the repository around here says nothing.
        None if global.repo.is_some() => Abroad::find(global)?.slug,
        None => catalog.slug().clone(),
    };
    if slug.host() != "github.com" {
        return Err(Failure::usage(anyhow!("a rehearsal plays github.com, and {slug} is elsewhere"))
            .hint(format!("rehearse it under a name of github.com: -R {}", slug.full_name())));
    }
    let tag = match &args.tag {
        Some(text) => ReleaseTag::parse(&catalog, text)?,
        None => next(&catalog, session)?,
    };
    let source = match root {
        Some(root) => RehearsalSource::Repository { root, remote: global.remote.clone() },
        None => RehearsalSource::Demo,
    };
    let suite = std::env::current_exe().context("cannot find this program").map_err(Failure::work)?;
    Ok(RehearsalConfig {
        program: suite,
        search_path: environment::search_path(),
        key_kind: key_kind(session)?,
        source,
        catalog,
        catalog_text: text.text,
        slug,
        tag,
        release_flags: flags(args, session)?,
        real_global_flags: real(global),
        clock: session::now,
    })
}

/// The flags of `release` that say what is released and what is allowed. Commits and files are named so that they are the same
/// anywhere.
fn flags(args: &Rehearse, session: Option<&Session>) -> Result<Vec<String>, Failure> {
    let range = &args.range;
    let mut flags = Vec::new();
    if let Some(revision) = &range.commit {
        let commit = match session {
            Some(session) => session.repo.resolve(revision).map_err(OpsError::from)?.to_string(),
            None => revision.clone(),
        };
        flags.push(format!("--commit={commit}"));
    }
    flags.extend(range.from_tag.iter().map(|it| format!("--from-tag={it}")));
    flags.extend(range.path.iter().map(|it| format!("--path={}", it.as_str())));
    flags.extend(range.no_path_filter.then(|| "--no-path-filter".to_owned()));
    flags.extend(range.initial_release.then(|| "--initial-release".to_owned()));
    flags.extend(range.template.iter().map(|it| format!("--template={}", absolute(it))));
    flags.extend(args.allow.iter().map(|it| format!("--allow={it}")));
    Ok(flags)
}

/// What stands before the verb of the real release.
fn real(global: &Global) -> Vec<String> {
    let mut real = Vec::new();
    real.extend(global.directory.iter().map(|it| format!("--directory={}", absolute(it))));
    real.extend(global.config.iter().map(|it| format!("--config={}", absolute(it))));
    real.extend(global.repo.iter().map(|it| format!("--repo={it}")));
    real.extend((global.remote != "origin").then(|| format!("--remote={}", global.remote)));
    real
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The next release of the target that has the badge "Latest"; of the first one, where none has.
fn next(catalog: &Catalog, session: Option<&Session>) -> Result<ReleaseTag, Failure> {
    let target =
        catalog.latest_target.as_ref().and_then(|it| catalog.target(it)).unwrap_or(&catalog.targets()[0]);
    let Some(session) = session else {
        return Ok(ReleaseTag::new(catalog, &target.id, "0.2.0")?);
    };
    let head = session.repo.resolve("HEAD").map_err(OpsError::from)?;
    let version = ops::standing(&session.repo, target, head)?.unreleased.next_version;
    let version = version.ok_or_else(|| {
        Failure::usage(anyhow!("nothing is unreleased in {}, so there is no next version", target.id))
            .hint("name the release: cargo xtask rehearse TAG; cargo xtask status tells what is unreleased")
    })?;
    Ok(ReleaseTag::new(catalog, &target.id, &version)?)
}

/// The kind of key that git is configured for.
fn key_kind(session: Option<&Session>) -> Result<KeyKind, Failure> {
    if let Some(session) = session {
        let signing = session.repo.spawn_signing_config().wait().map_err(OpsError::from)?;
        return kind(signing.values.get("gpg.format").map_or("", String::as_str));
    }
    let mut command = Command::new("git");
    let output = command.args(["config", "--get", "gpg.format"]).stdin(Stdio::null()).output();
    let output = output.context("cannot start git").map_err(Failure::work)?;
    // 1 says that it is not set (`git help config`).
    if !output.status.success() && output.status.code() != Some(1) {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::work(anyhow!("git config cannot tell gpg.format: {said}"))
            .hint("mend git's configuration"));
    }
    kind(String::from_utf8_lossy(&output.stdout).trim())
}

/// The kind of key that a value of `gpg.format` asks for.
fn kind(format: &str) -> Result<KeyKind, Failure> {
    match format {
        "" => Ok(KeyKind::OpenPgp),
        name => KeyKind::parse(name)
            .ok_or_else(|| Failure::usage(anyhow!("gpg.format is {name}: git knows openpgp, x509 and ssh"))),
    }
}

/// What of this user's could be written to by a release.
pub(crate) fn belongings(session: Option<&Session>) -> Result<ProtectedPaths, Failure> {
    let mut paths = Vec::from_iter(world::cache().path());
    let variables = [environment::GNUPGHOME, environment::GH_CONFIG_DIR, environment::GIT_CONFIG_GLOBAL];
    paths.extend(variables.into_iter().filter_map(value).map(PathBuf::from));
    if let Some(config) = value(environment::XDG_CONFIG_HOME) {
        paths.extend(["git", "gh"].map(|it| Path::new(&config).join(it)));
    }
    if let Some(home) = value(environment::HOME) {
        let own = [".gitconfig", ".config/git", ".config/gh", ".gnupg", ".ssh", ".netrc", ".git-credentials"];
        paths.extend(own.map(|it| Path::new(&home).join(it)));
    }
    let repository = session.map(|it| it.repo.root());
    let settings = session.map(|it| it.repo.safe_settings().map_err(OpsError::from)).transpose()?;
    let settings = settings.unwrap_or_default();
    paths.extend(repository.iter().map(|it| it.join("dist")));
    Ok(ProtectedPaths { paths, repository, git_settings: settings })
}
