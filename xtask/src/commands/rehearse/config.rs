//! What is to be rehearsed, as it was typed: the repository, the release, the key, and what must stay as it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use model::evidence::signature::SignatureFormat;
use model::release::request::ProgramPolicy;
use model::{Catalog, ReleaseTag, RepoSlug};
use rehearsal::{ProtectedPaths, RehearsalConfig, RehearsalSource};

use super::args::RehearseArgs;
use crate::args::GlobalArgs;
use crate::cache;
use crate::clock;
use crate::environment::{self, non_empty};
use crate::error::CliError;
use crate::report;
use crate::session::{self, RepositoryContext, Session};

/// The repository that is rehearsed: the one that was named, or the one around here, if anything was ever released from it.
pub(crate) fn open_session(global: &GlobalArgs, args: &RehearseArgs) -> Result<Option<Session>, CliError> {
    if args.demo {
        return Ok(None);
    }
    let current_dir =
        std::env::current_dir().context("cannot tell the working directory").map_err(CliError::runtime)?;
    if global.directory.is_none() && !current_dir.ancestors().any(is_repository) {
        report::print_progress(global, "there is no repository around here: rehearsing in a demo");
        return Ok(None);
    }
    let session = Session::open(global, ProgramPolicy::ProtectedConfig)?;
    if global.directory.is_some() {
        return Ok(Some(session));
    }
    for target in session.catalog.targets() {
        if !session.repo.tags(target)?.is_empty() {
            return Ok(Some(session));
        }
    }
    let no_tags = "the repository around here has no release tag";
    if args.tag.is_some() || session.repo.is_shallow() {
        return Err(CliError::usage(anyhow!("{no_tags}"))
            .with_hint("git fetch --unshallow --tags; or -C DIR for another one, --demo for one that is made on the spot"));
    }
    report::print_progress(global, &format!("{no_tags}: rehearsing in a demo"));
    Ok(None)
}

/// Whether a folder is a repository, or has one, whether or not it can be read.
fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists() || folder.join("HEAD").is_file() && folder.join("objects").is_dir()
}

/// What is rehearsed, and with what.
pub(crate) fn rehearsal_config(
    global: &GlobalArgs,
    args: &RehearseArgs,
    session: Option<&Session>,
) -> Result<RehearsalConfig, CliError> {
    let root = session.map(|it| it.repo.root());
    let text = session::read_catalog_text(global, root.as_deref())?;
    let catalog = Catalog::parse(&text.name, &text.text)?;
    let slug: RepoSlug = match session {
        Some(session) => session.slug.clone(),
        // Where a demo is released, the remote of the repository around here says nothing.
        None if global.repo.is_some() => RepositoryContext::find(global)?.slug,
        None => catalog.slug().clone(),
    };
    if slug.host() != "github.com" {
        return Err(CliError::usage(anyhow!("a rehearsal plays github.com, and {slug} is elsewhere"))
            .with_hint(format!("rehearse it under a name of github.com: -R {}", slug.full_name())));
    }
    let tag = match &args.tag {
        Some(text) => ReleaseTag::parse(&catalog, text)?,
        None => next_release_tag(&catalog, session)?,
    };
    let source = match root {
        Some(root) => RehearsalSource::Repository { root, remote: global.remote.clone() },
        None => RehearsalSource::Demo,
    };
    let program = std::env::current_exe().context("cannot find this program").map_err(CliError::runtime)?;
    Ok(RehearsalConfig {
        program,
        search_path: environment::search_path(),
        key_kind: key_kind(session)?,
        source,
        catalog,
        catalog_text: text.text,
        slug,
        tag,
        release_flags: release_flags(args, session)?,
        real_global_flags: real_global_flags(global),
        clock: clock::now,
    })
}

/// The flags of `release` that say what is released and what is allowed. Commits and files are named so that they are the same
/// anywhere.
fn release_flags(args: &RehearseArgs, session: Option<&Session>) -> Result<Vec<String>, CliError> {
    let range = &args.range;
    let mut flags = Vec::new();
    if let Some(revision) = &range.commit {
        let commit = match session {
            Some(session) => session.repo.resolve(revision)?.to_string(),
            None => revision.clone(),
        };
        flags.push(format!("--commit={commit}"));
    }
    flags.extend(range.from_tag.iter().map(|it| format!("--from-tag={it}")));
    flags.extend(range.path.iter().map(|it| format!("--path={}", it.as_str())));
    flags.extend(range.no_path_filter.then(|| "--no-path-filter".to_owned()));
    flags.extend(range.initial_release.then(|| "--initial-release".to_owned()));
    flags.extend(range.template.iter().map(|it| format!("--template={}", absolute_path(it))));
    flags.extend(args.allow.iter().map(|it| format!("--allow={it}")));
    Ok(flags)
}

/// What stands before the verb of the real release.
fn real_global_flags(global: &GlobalArgs) -> Vec<String> {
    let mut flags = Vec::new();
    flags.extend(global.directory.iter().map(|it| format!("--directory={}", absolute_path(it))));
    flags.extend(global.config.iter().map(|it| format!("--config={}", absolute_path(it))));
    flags.extend(global.repo.iter().map(|it| format!("--repo={it}")));
    flags.extend((global.remote != "origin").then(|| format!("--remote={}", global.remote)));
    flags
}

fn absolute_path(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The next release of the target that has the badge "Latest"; of the first one, where none has.
fn next_release_tag(catalog: &Catalog, session: Option<&Session>) -> Result<ReleaseTag, CliError> {
    let target =
        catalog.latest_target.as_ref().and_then(|it| catalog.target(it)).unwrap_or(&catalog.targets()[0]);
    let Some(session) = session else {
        return Ok(ReleaseTag::new(catalog, &target.id, "0.2.0")?);
    };
    let head = session.repo.resolve("HEAD")?;
    let version = ops::target_status(&session.repo, target, head)?.unreleased.next_version;
    let version = version.ok_or_else(|| {
        CliError::usage(anyhow!("nothing is unreleased in {}, so there is no next version", target.id))
            .with_hint(
                "name the release: cargo xtask rehearse TAG; cargo xtask status tells what is unreleased",
            )
    })?;
    Ok(ReleaseTag::new(catalog, &target.id, &version)?)
}

/// The kind of key that git is configured for.
fn key_kind(session: Option<&Session>) -> Result<SignatureFormat, CliError> {
    if let Some(session) = session {
        return parse_key_kind(&session.repo.signature_format()?);
    }
    let mut command = Command::new("git");
    let output = command.args(["config", "--get", "gpg.format"]).stdin(Stdio::null()).output();
    let output = output.context("cannot start git").map_err(CliError::runtime)?;
    // 1 says that it is not set (`git help config`).
    if !output.status.success() && output.status.code() != Some(1) {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(CliError::runtime(anyhow!("git config cannot tell gpg.format: {stderr}"))
            .with_hint("mend git's configuration"));
    }
    parse_key_kind(String::from_utf8_lossy(&output.stdout).trim())
}

/// The kind of key that a value of `gpg.format` asks for.
fn parse_key_kind(format: &str) -> Result<SignatureFormat, CliError> {
    match format {
        "" => Ok(SignatureFormat::OpenPgp),
        name => SignatureFormat::parse(name)
            .ok_or_else(|| CliError::usage(anyhow!("gpg.format is {name}: git knows openpgp, x509 and ssh"))),
    }
}

/// What of this user's could be written to by a release.
pub(crate) fn protected_paths(session: Option<&Session>) -> Result<ProtectedPaths, CliError> {
    let mut paths = Vec::from_iter(cache::cache_dir().path());
    let variables = [environment::GNUPGHOME, environment::GH_CONFIG_DIR, environment::GIT_CONFIG_GLOBAL];
    paths.extend(variables.into_iter().filter_map(non_empty).map(PathBuf::from));
    if let Some(config) = non_empty(environment::XDG_CONFIG_HOME) {
        paths.extend(["git", "gh"].map(|it| Path::new(&config).join(it)));
    }
    if let Some(home) = non_empty(environment::HOME) {
        let home_entries =
            [".gitconfig", ".config/git", ".config/gh", ".gnupg", ".ssh", ".netrc", ".git-credentials"];
        paths.extend(home_entries.map(|it| Path::new(&home).join(it)));
    }
    let repository = session.map(|it| it.repo.root());
    let settings = session.map(|it| it.repo.safe_settings()).transpose()?;
    let settings = settings.unwrap_or_default();
    paths.extend(repository.iter().map(|it| it.join("dist")));
    Ok(ProtectedPaths { paths, repository, git_settings: settings })
}
