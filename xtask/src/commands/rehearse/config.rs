//! The configuration of a rehearsal, from the arguments: the repository, the release, the kind of key, and the paths
//! that must not change.

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

/// Opens the repository to rehearse: the one of `-C`, else that of the working directory if it has release tags.
/// Returns `None` for a demo repository.
pub(crate) fn open_session(global: &GlobalArgs, args: &RehearseArgs) -> Result<Option<Session>, CliError> {
    if args.demo {
        return Ok(None);
    }
    let current_dir =
        std::env::current_dir().context("cannot read the working directory").map_err(CliError::runtime)?;
    if global.directory.is_none() && !current_dir.ancestors().any(is_repository) {
        report::print_progress(global, "no git repository found: rehearsing in a demo repository");
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
    let no_tags = "the repository of the working directory has no release tag";
    if args.tag.is_some() || session.repo.is_shallow() {
        return Err(CliError::usage(anyhow!("{no_tags}")).with_hint(
            "git fetch --unshallow --tags, select another repository with -C DIR, or use --demo",
        ));
    }
    report::print_progress(global, &format!("{no_tags}: rehearsing in a demo repository"));
    Ok(None)
}

/// Returns whether a folder is a bare repository or contains `.git`, even if the repository is not valid. A damaged
/// repository is then an error, and not silently replaced by a demo.
fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists() || folder.join("HEAD").is_file() && folder.join("objects").is_dir()
}

/// Returns the configuration of the rehearsal.
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
        // The demo does not use the repository of the working directory, so that one's remote is ignored.
        None if global.repo.is_some() => RepositoryContext::find(global)?.slug,
        None => catalog.slug().clone(),
    };
    if slug.host() != "github.com" {
        return Err(CliError::usage(anyhow!(
            "a rehearsal emulates github.com only, and {slug} is on another host"
        ))
        .with_hint(format!("rehearse it with a repository name on github.com: -R {}", slug.full_name())));
    }
    let tag = match &args.tag {
        Some(text) => ReleaseTag::parse(&catalog, text)?,
        None => next_release_tag(&catalog, session)?,
    };
    let source = match root {
        Some(root) => RehearsalSource::Repository { root, remote: global.remote.clone() },
        None => RehearsalSource::Demo,
    };
    let program =
        std::env::current_exe().context("cannot find the path of this program").map_err(CliError::runtime)?;
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

/// Returns the flags for `release` in the rehearsal. Commits are resolved and paths are absolute, because the rehearsal
/// runs in another folder.
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

/// Returns the global flags for the commands of the real release, which the report suggests.
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

/// Returns the tag of the next release of the target that `latest` names, else of the first target.
fn next_release_tag(catalog: &Catalog, session: Option<&Session>) -> Result<ReleaseTag, CliError> {
    let target =
        catalog.latest_target.as_ref().and_then(|it| catalog.target(it)).unwrap_or(&catalog.targets()[0]);
    let Some(session) = session else {
        return Ok(ReleaseTag::new(catalog, &target.id, "0.2.0")?);
    };
    let head = session.repo.resolve("HEAD")?;
    let version = ops::target_status(&session.repo, target, head)?.unreleased.next_version;
    let version = version.ok_or_else(|| {
        CliError::usage(anyhow!("{} has no unreleased changes, so there is no next version", target.id))
            .with_hint("choose a tag: cargo xtask rehearse TAG; cargo xtask status shows unreleased changes")
    })?;
    Ok(ReleaseTag::new(catalog, &target.id, &version)?)
}

/// Returns the kind of key that git is configured for (`gpg.format`).
fn key_kind(session: Option<&Session>) -> Result<SignatureFormat, CliError> {
    if let Some(session) = session {
        return parse_key_kind(&session.repo.signature_format()?);
    }
    let mut command = Command::new("git");
    let output = command.args(["config", "--get", "gpg.format"]).stdin(Stdio::null()).output();
    let output = output.context("cannot run git").map_err(CliError::runtime)?;
    // Exit code 1 means that the key is not set (`git help config`).
    if !output.status.success() && output.status.code() != Some(1) {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(CliError::runtime(anyhow!("git config --get gpg.format failed: {stderr}"))
            .with_hint("fix git's configuration: git config --list --show-origin"));
    }
    parse_key_kind(String::from_utf8_lossy(&output.stdout).trim())
}

/// Parses a value of `gpg.format`. An empty value means the default, `openpgp`.
fn parse_key_kind(format: &str) -> Result<SignatureFormat, CliError> {
    match format {
        "" => Ok(SignatureFormat::OpenPgp),
        name => SignatureFormat::parse(name)
            .ok_or_else(|| CliError::usage(anyhow!("gpg.format is {name}, expected openpgp, x509 or ssh"))),
    }
}

/// Returns the paths of the operator that a real release could write to. The rehearsal reports any change of them.
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
