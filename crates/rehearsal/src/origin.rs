//! Sets up the remote repository of the sandbox and the operator's clone of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::process::{self, SandboxUser};

/// Fills the remote with the demo repository and clones it. Returns a description for the report.
pub(crate) fn create_from_demo(
    config: &RehearsalConfig,
    github: &GitHub,
    operator: &SandboxUser,
) -> Result<String, RehearsalError> {
    let (commits, tags) =
        emulators::create_demo_repository(github.git_dir(), &config.catalog_text, &config.tag.name())?;
    operator.git(&operator.home, ["clone", "-q", &github.clone_url(), "clone"])?;
    Ok(format!("a demo repository with {commits} commits and {tags} tags"))
}

/// The state of the operator's repository.
struct SourceRepository {
    /// The commit that `HEAD` points to.
    head_commit: String,
    /// The commit of the default branch as of the last fetch.
    branch_commit: String,
    /// The full ref name and the object ID of every tag.
    tags: Vec<(String, String)>,
    /// The text of `info/attributes`, if the file exists. It affects the archive, but `git clone` does not copy it.
    attributes: Option<String>,
}

/// Fills the remote with the refs of the last fetch of the operator's clone, and creates a copy of that clone.
///
/// Objects are borrowed, not copied (`git help gitrepository-layout`, objects/info/alternates), so nothing is written
/// to the operator's repository. Returns a description for the report.
pub(crate) fn create_from_clone(
    config: &RehearsalConfig,
    github: &GitHub,
    operator: &SandboxUser,
    root: &Path,
    remote: &str,
) -> Result<String, RehearsalError> {
    let branch = &config.catalog.default_branch;
    let source = inspect(root, remote, branch)?;
    let objects = git_read_only(root, &["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
    let bare = github.git_dir();
    write_file(&bare.join("objects/info/alternates"), &format!("{objects}\n"))?;
    // A clone does not record whether the release tag was pushed, so a rehearsal assumes that it was not. A signed tag
    // at the released commit is left out: the ephemeral key must sign it again.
    let reference = config.tag.reference();
    let (unpushed, pushed): (Vec<_>, Vec<_>) = source.tags.iter().partition(|it| it.0 == reference);
    let recreate_tag = match unpushed.first() {
        Some((_, object)) => is_signed_tag_of(root, object, &released_commit(config, root)?)?,
        None => false,
    };
    let unpushed = unpushed.into_iter().filter(|_| !recreate_tag);
    let main = (format!("refs/heads/{branch}"), source.branch_commit.clone());
    update_refs(operator, bare, std::iter::once(&main).chain(pushed.iter().copied()))?;
    let reference_dir = bare.display().to_string();
    let clone = ["clone", "-q", "--no-checkout", "--reference", &reference_dir, &github.clone_url(), "clone"];
    operator.git(&operator.home, clone)?;
    let clone = operator.home.join("clone");
    update_refs(operator, &clone, unpushed)?;
    if let Some(text) = source.attributes {
        write_file(&clone.join(".git/info/attributes"), &text)?;
    }
    if source.head_commit == source.branch_commit {
        operator.git(&clone, ["checkout", "-q", branch])?;
    } else {
        operator.git(&clone, ["checkout", "-q", "--detach", &source.head_commit])?;
    }
    let commits = git_read_only(root, &["rev-list", "--count", &source.head_commit])?;
    let tag_note = if recreate_tag { "; the existing release tag is created again" } else { "" };
    Ok(format!(
        "a temporary clone of {} (commits: {commits}, tags: {}){tag_note}",
        root.display(),
        source.tags.len()
    ))
}

/// Returns the commit to release: the value of `--commit`, or `HEAD` without that flag.
fn released_commit(config: &RehearsalConfig, root: &Path) -> Result<String, RehearsalError> {
    let revision = config.release_flags.iter().find_map(|it| it.strip_prefix("--commit=")).unwrap_or("HEAD");
    git_read_only(root, &["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
}

/// Returns whether `object` is a tag object of this commit with a signature of any format.
///
/// Only looks for the armor header: the signature is not verified, because the tag is created again.
fn is_signed_tag_of(root: &Path, object: &str, commit: &str) -> Result<bool, RehearsalError> {
    let peeled = git_read_only(root, &["rev-parse", "--verify", &format!("{object}^{{}}")])?;
    let text = git_read_only(root, &["cat-file", "-p", object])?;
    Ok(peeled == commit && text.contains("\n-----BEGIN "))
}

/// Reads the state of the operator's repository. A bare repository may have the default branch as a local branch.
///
/// # Errors
/// [`RehearsalError::RemoteBranchMissing`] if the remote-tracking branch does not exist.
fn inspect(root: &Path, remote: &str, branch: &str) -> Result<SourceRepository, RehearsalError> {
    let commit = |name: &str| {
        git_read_only(root, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])
    };
    let head_commit = commit("HEAD")?;
    let bare = git_read_only(root, &["rev-parse", "--is-bare-repository"])? == "true";
    let branch_commit = match commit(&format!("refs/remotes/{remote}/{branch}")) {
        Err(_) if bare => commit(&format!("refs/heads/{branch}")),
        other => other,
    };
    let unknown =
        |_| RehearsalError::RemoteBranchMissing { remote: remote.to_owned(), branch: branch.to_owned() };
    let branch_commit = branch_commit.map_err(unknown)?;
    let listed = git_read_only(root, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/tags"])?;
    let pair = |line: &str| line.split_once(' ').map(|(name, object)| (name.to_owned(), object.to_owned()));
    let tags = listed.lines().filter_map(pair).collect();
    let file =
        git_read_only(root, &["rev-parse", "--path-format=absolute", "--git-path", "info/attributes"])?;
    Ok(SourceRepository { head_commit, branch_commit, tags, attributes: std::fs::read_to_string(file).ok() })
}

/// Sets refs to objects in one `git update-ref` transaction.
fn update_refs<'a>(
    operator: &SandboxUser,
    repository: &Path,
    references: impl Iterator<Item = &'a (String, String)>,
) -> Result<(), RehearsalError> {
    let mut text = String::new();
    for (name, object) in references {
        writeln!(text, "update {name} {object}").expect("writing to a string cannot fail");
    }
    let path = operator.home.join("tmp/updates");
    write_file(&path, &text)?;
    let input = std::fs::File::open(&path).map_err(|source| RehearsalError::Read { path, source })?;
    let mut command = operator.command("git", repository);
    command.args(["update-ref", "--stdin"]).stdin(input);
    process::expect_success("git update-ref", &process::run_command(&mut command)?).map(drop)
}

/// Runs git in the operator's repository without writing to it, and returns its stdout without trailing whitespace.
///
/// Uses the operator's environment and configuration, as this is the operator's repository.
pub(crate) fn git_read_only(root: &Path, arguments: &[&str]) -> Result<String, RehearsalError> {
    let mut command = Command::new("git");
    // These variables could select another repository. Objects that a partial clone lacks are not fetched, because a
    // fetch would write to the repository.
    for name in [
        "GIT_DIR",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command.env("GIT_NO_LAZY_FETCH", "1");
    // If this directory is not a repository, git must not search its parent directories (`git help git`).
    if let Some(above) = root.canonicalize().ok().as_deref().and_then(Path::parent) {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command.arg("--no-optional-locks").arg("-C").arg(root).args(arguments).stdin(Stdio::null());
    process::expect_success("git", &process::run_command(&mut command)?)
}
