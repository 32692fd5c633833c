//! Origin, and the operator's clone of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use emulators::GitHub;

use crate::config::RehearsalConfig;
use crate::error::RehearsalError;
use crate::files::write_file;
use crate::process::{self, SandboxUser};

/// Fills origin with the demo, and clones it. Says what stands there.
pub(crate) fn create_from_demo(
    config: &RehearsalConfig,
    github: &GitHub,
    operator: &SandboxUser,
) -> Result<String, RehearsalError> {
    let (commits, tags) =
        emulators::create_demo_repository(github.git_dir(), &config.catalog_text, &config.tag.name())?;
    operator.git(&operator.home, ["clone", "-q", &github.clone_url(), "clone"])?;
    Ok(format!("a demo repository of {commits} commits and {tags} tags"))
}

/// What the operator's repository has.
struct SourceRepository {
    head_commit: String,
    /// The default branch, as the remote was last seen.
    branch_commit: String,
    /// Every tag, with its object.
    tags: Vec<(String, String)>,
    attributes: Option<String>,
}

/// Fills origin with what the operator's clone last saw of its own, and makes a copy of that clone. Objects are borrowed, not
/// copied: nothing is written where they are (`git help gitrepository-layout`, objects/info/alternates).
pub(crate) fn create_from_clone(
    config: &RehearsalConfig,
    github: &GitHub,
    operator: &SandboxUser,
    (root, remote): (&Path, &str),
) -> Result<String, RehearsalError> {
    let branch = &config.catalog.default_branch;
    let source = inspect(root, remote, branch)?;
    let objects = git_read_only(root, &["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
    let bare = github.git_dir();
    write_file(&bare.join("objects/info/alternates"), &format!("{objects}\n"))?;
    // Whether the tag that is released was pushed is not known here: it is taken for one that was not. One that is signed and at
    // the released commit is left out: another key signs here.
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
    let tag_note = if recreate_tag { "; its tag, which is there, is made anew" } else { "" };
    Ok(format!(
        "a scratch clone of {}: {commits} commits, {} tags{tag_note}",
        root.display(),
        source.tags.len()
    ))
}

/// The commit that is released: the one that was asked for, else `HEAD`.
fn released_commit(config: &RehearsalConfig, root: &Path) -> Result<String, RehearsalError> {
    let revision = config.release_flags.iter().find_map(|it| it.strip_prefix("--commit=")).unwrap_or("HEAD");
    git_read_only(root, &["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
}

/// Whether an object is a tag of a commit, with a signature of whatever kind.
fn is_signed_tag_of(root: &Path, object: &str, commit: &str) -> Result<bool, RehearsalError> {
    let peeled = git_read_only(root, &["rev-parse", "--verify", &format!("{object}^{{}}")])?;
    let text = git_read_only(root, &["cat-file", "-p", object])?;
    Ok(peeled == commit && text.contains("\n-----BEGIN "))
}

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

/// Sets references to objects.
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

/// What git says of a repository that nothing is written to. It is the operator's, and so are the settings that it is asked with.
pub(crate) fn git_read_only(root: &Path, arguments: &[&str]) -> Result<String, RehearsalError> {
    let mut command = Command::new("git");
    // Nothing leads to another repository than this one, and nothing is fetched that a partial clone lacks.
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
    // Where git takes this folder for no repository, it must not go on looking above it (`git help git`).
    if let Some(above) = root.canonicalize().ok().as_deref().and_then(Path::parent) {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command.arg("--no-optional-locks").arg("-C").arg(root).args(arguments).stdin(Stdio::null());
    process::expect_success("git", &process::run_command(&mut command)?)
}
